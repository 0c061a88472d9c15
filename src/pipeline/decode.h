/*
 * Pictures of packets, for encodings that the source does not give itself.
 *
 * H.264 is decoded from a keyframe on. So that the first picture does not have to wait for the next
 * one, references of the newest group of pictures are kept, as many as a stream's ring keeps
 * (DECODE_GOP_PACKETS, DECODE_GOP_BYTES), and the decoder follows behind: on joining from the
 * keyframe on, as fast as it can. Of a longer group the beginning is gone: who joins then hears
 * that, and waits for the next keyframe.
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

enum { DECODE_GOP_PACKETS = STREAM_RING_PACKETS, DECODE_GOP_BYTES = STREAM_RING_BYTES };
#define DECODE_LATE_NS (200 * NS_PER_MS)

struct decode {
    const struct decoder_type *const *types; /* NULL-terminated; set by the pipeline */
    const struct log *log;
    const struct decoder_type *type; /* NULL: closed */
    void *state;
    bool is_pending;     /* collect() is to be called */
    bool is_stale;       /* and what it gives is of packets kept no more */
    bool has_joined;     /* it was up to date once since the keyframe */
    bool is_overloaded;  /* packets are left out up to the next keyframe */
    int64_t credit_ns;   /* time left of decoding's share */
    struct packet **gop; /* since the newest keyframe; n_gop of capacity */
    unsigned n_gop;
    unsigned capacity;
    size_t n_bytes;
    unsigned n_fed; /* of them: decoded */
    bool is_tail;   /* it begins behind its keyframe, which was decoded long ago */
    bool is_lost;   /* the newest keyframe is gone, and was not decoded */
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
/* The group of pictures, and what it takes. */
void decode_forget(struct decode *d);

#endif
