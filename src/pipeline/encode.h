/*
 * One encoding made of pictures: chooses an encoder, opens it when the first picture comes, anew
 * when the size changes or it failed, and publishes what it makes.
 *
 * Thread: the pipeline's.
 */
#ifndef AVOCET_PIPELINE_ENCODE_H
#define AVOCET_PIPELINE_ENCODE_H

#include "pipeline/output.h"
#include "pipeline/retry.h"

struct encode {
    /* set by the pipeline */
    enum encoding_id id;
    const struct encoder_type *const *types; /* NULL-terminated */
    const char *wanted_name;                 /* NULL: any */
    struct encoder_params params;            /* of the configuration; bitrate 0: by size */
    struct output *output;
    const struct log *log;
    /* own */
    const struct encoder_type *type; /* NULL: closed */
    void *state;
    struct picture_size size; /* that it was opened with */
    struct rational rate;
    bool must_make_key;
    bool must_clear_error; /* an error of this encoding is published */
    unsigned can_bitrate;  /* PRODUCER_CAN_BITRATE: of the last encoder, also while it is closed */
    struct retry retry;
};

/* Encode and publish. Failures are published as the encoding's error, and retried with later
 * pictures. */
void encode_picture(struct encode *e, struct picture *picture, struct rational rate);
/* At once, and for every encoder opened from now on. */
void encode_set_bitrate(struct encode *e, int64_t bitrate_bps);
/* enum producer_can */
unsigned encode_can(const struct encode *e);
void encode_close(struct encode *e);

#endif
