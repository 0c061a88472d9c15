/*
 * The packets of a sample stream (tests/bitstream/samples/) with times as a live source gives them:
 * 33 ms apart, captured at CLIP_CAPTURE_NS and on.
 */
#ifndef AVOCET_TESTS_MUX_CLIP_H
#define AVOCET_TESTS_MUX_CLIP_H

#include "media/packet.h"
#include "media/track.h"
#include "mux/mux.h"

#define CLIP_CAPTURE_NS INT64_C(1700000000123456789)
#define CLIP_PTS_NS     INT64_C(5000000000)
#define CLIP_FRAME_NS   (33 * NS_PER_MS)

enum { CLIP_PACKETS_MAX = 32 };

struct clip {
    struct packet *packets[CLIP_PACKETS_MAX];
    unsigned n_packets;
    struct track track;
};

void clip_init(struct clip *c, const char *sample_name);
void clip_finish(struct clip *c);

/* A packet of these bytes, times as the first of a clip. */
struct packet *clip_packet(const void *data, size_t size, unsigned flags);
/* The state of a mux opened for a track; aborts when it refuses. clip_close() frees. */
void *clip_open(const struct mux_type *type, const struct track *track);
void clip_close(const struct mux_type *type, void *state);

#endif
