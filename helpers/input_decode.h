/*
 * Pictures of an input that is not passed on as it is, into shared memory: as the decoder gives
 * them, or in 4:2:0 of eight bits and the wanted size.
 *
 * Errors: AVERROR codes.
 */
#ifndef AVOCET_HELPERS_INPUT_DECODE_H
#define AVOCET_HELPERS_INPUT_DECODE_H

#include <libavcodec/avcodec.h>

#include "input.h"
#include "slots.h"

struct SwsContext;

struct input_decode {
    AVCodecContext *decoder;
    AVFrame *frame;
    struct SwsContext *scaler; /* NULL: none needed so far */
    struct slots slots;
    int64_t least_late_ns; /* of the packets of a live input; TIME_NONE: none yet */
};

int input_decode_open(struct input_decode *d, const struct input *in);
void input_decode_close(struct input_decode *d);
/* Sends what pictures it makes. AVERROR_EXIT: avocet is gone. */
int input_decode_packet(struct input_decode *d, const struct input *in, const AVPacket *packet);

#endif
