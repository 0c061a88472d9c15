/*
 * Pictures of packets, for encodings that the source does not give itself.
 *
 * H.264 is decoded from a keyframe on. So that the first picture does not have to wait for the next
 * one, references of the newest group of pictures are kept (DECODE_GOP_MAX packets and
 * STREAM_RING_BYTES at most), and the decoder follows behind: on joining from the keyframe on, as
 * fast as it can.
 *
 * Decoding must not hold up the packets behind it, which others watch as they are: it gets a share
 * of each frame's time, and a decoder that is busy, or frozen, is not waited for again until it has
 * answered. Pictures too late (DECODE_LATE_NS behind the newest packet) are not given out; who
 * falls that far behind leaves out packets up to the next keyframe.
 *
 * Thread: the pipeline's.
 */
#ifndef AVOCET_PIPELINE_DECODE_H
#define AVOCET_PIPELINE_DECODE_H

#include "pipeline/retry.h"
#include "stream/stream.h"

enum { DECODE_GOP_MAX = 1024 };
#define DECODE_LATE_NS (200 * NS_PER_MS)

struct decode {
    const struct decoder_type *const *types; /* NULL-terminated; set by the pipeline */
    const struct log *log;
    const struct decoder_type *type; /* NULL: closed */
    void *state;
    bool is_pending;                    /* collect() is to be called */
    bool is_stale;                      /* and what it gives is of packets kept no more */
    bool has_joined;                    /* it was up to date once since the keyframe */
    bool is_overloaded;                 /* packets are left out up to the next keyframe */
    int64_t credit_ns;                  /* time left of decoding's share */
    struct packet *gop[DECODE_GOP_MAX]; /* since the newest keyframe */
    unsigned n_gop;
    size_t n_gop_bytes;
    unsigned n_fed; /* of them: decoded */
    bool is_tail;   /* it begins behind its keyframe, which was decoded long ago */
    struct retry retry;
};

/* Remember a packet that is not decoded, or not yet. */
void decode_keep(struct decode *d, struct packet *packet, enum codec codec);
/*
 * A packet was given to decode_keep() just before: go on decoding. *out NULL: no new picture.
 * Errors: -errno with the sentence; then nothing is tried for a while (-EAGAIN).
 */
int decode_newest(struct decode *d, const struct packet *packet, const struct track *track,
                  struct picture **out, struct option_error *error);
/* What was done with the picture took this long. */
void decode_charge(struct decode *d, int64_t duration_ns);
/* The decoder only; the group of pictures stays. */
void decode_close(struct decode *d);
void decode_forget(struct decode *d);

#endif
