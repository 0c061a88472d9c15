/*
 * Pictures of packets, for encodings that the source does not give itself.
 *
 * H.264 is decoded from a keyframe on. So that the first picture does not have to wait for the next
 * one, references of the newest group of pictures are kept (DECODE_GOP_MAX packets at most) and
 * decoded when the first picture is wanted.
 *
 * Decoding must not hold up the packets behind it, which others watch as they are: it gets a share
 * of each frame's time. Too far beyond it packets are left out, up to the next keyframe.
 *
 * Thread: the pipeline's.
 */
#ifndef AVOCET_PIPELINE_DECODE_H
#define AVOCET_PIPELINE_DECODE_H

#include "pipeline/retry.h"

enum { DECODE_GOP_MAX = 300 };

struct decode {
    const struct decoder_type *const *types; /* NULL-terminated; set by the pipeline */
    const struct log *log;
    const struct decoder_type *type; /* NULL: closed */
    void *state;
    bool is_running;                    /* every packet since a keyframe was decoded */
    bool is_overloaded;                 /* packets are left out up to the next keyframe */
    int64_t credit_ns;                  /* time left of decoding's share */
    struct packet *gop[DECODE_GOP_MAX]; /* since the newest keyframe */
    unsigned n_gop;
    struct retry retry;
};

/* Remember a packet that is not decoded, or not yet. */
void decode_keep(struct decode *d, struct packet *packet, enum codec codec);
/*
 * Decode the newest packet, which was given to decode_keep() just before. *out NULL: no picture of
 * it. Errors: -errno with the sentence; then nothing is tried for a while (-EAGAIN).
 */
int decode_newest(struct decode *d, const struct packet *packet, const struct track *track,
                  struct picture **out, struct option_error *error);
/* What was done with the picture took this long. */
void decode_charge(struct decode *d, int64_t duration_ns);
/* The decoder only; the group of pictures stays. */
void decode_close(struct decode *d);
void decode_forget(struct decode *d);

#endif
