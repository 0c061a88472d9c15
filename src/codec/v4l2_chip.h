/*
 * Finding the encoder chip among the V4L2 devices and telling it what is wanted.
 *
 * Order of calls: open, configure; then its queues are mapped and started by their owner.
 *
 * Thread: one owner; find and problem any.
 * Errors: -errno; -ENODEV there is none.
 * Spec:   Linux Media userspace API, "Memory-to-memory Stateful Video Encoder Interface".
 */
#ifndef AVOCET_CODEC_V4L2_CHIP_H
#define AVOCET_CODEC_V4L2_CHIP_H

#include "codec/codec.h"
#include "codec/v4l2_queue.h"

struct v4l2_chip {
    int fd; /* -1: closed */
    char path[32];
    struct v4l2_queue input;  /* OUTPUT: raw pictures to the driver */
    struct v4l2_queue output; /* CAPTURE: H.264 from it */
};

/* The first stateful H.264 encoder that takes YU12 or NV12. */
int v4l2_chip_open(struct v4l2_chip *c);
void v4l2_chip_close(struct v4l2_chip *c);
/* Formats (YU12 rather than NV12), crop, rate and controls; -ERANGE: the size is too large. */
int v4l2_chip_configure(struct v4l2_chip *c, const struct encoder_params *params);
int v4l2_chip_set_control(const struct v4l2_chip *c, unsigned id, int64_t value);

#endif
