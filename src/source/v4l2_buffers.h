/*
 * The driver's memory-mapped buffers: filled by it, lent as pictures, queued again.
 *
 * A picture lends its buffer, without a copy, while the driver keeps V4L2_BUFFERS_QUEUED_MIN to
 * fill; beyond that the picture is a copy, so that nobody can starve the camera. Buffers stay
 * mapped until the last picture is back, also after close.
 *
 * Order of calls: create (maps and queues all), start, take / give_back, close.
 *
 * Ownership: v4l2_buffers_lend() gives one reference of a picture; v4l2_buffers_close() NULLs the
 *            caller's pointer.
 * Thread:    the pipeline's; pictures come back on any.
 * Errors:    -errno.
 */
#ifndef AVOCET_SOURCE_V4L2_BUFFERS_H
#define AVOCET_SOURCE_V4L2_BUFFERS_H

#include "source/v4l2_format.h"

enum { V4L2_BUFFERS_WANTED = 5, V4L2_BUFFERS_MAX = 32, V4L2_BUFFERS_QUEUED_MIN = 2 };

struct v4l2_buffers;

/* One filled buffer. */
struct v4l2_filled {
    unsigned index;
    uint32_t sequence;
    uint32_t flags;                       /* V4L2_BUF_FLAG_… */
    int64_t timestamp_ns;                 /* the driver's, in the clock that flags say */
    struct bytes planes[V4L2_PLANES_MAX]; /* what was filled; valid until given back */
};

int v4l2_buffers_create(struct v4l2_buffers **out, const struct v4l2_device *d,
                        const struct v4l2_format_agreed *format);
int v4l2_buffers_start(struct v4l2_buffers *b);
/* -EAGAIN: none is filled. -EIO: a frame was lost inside the driver, more may come. */
int v4l2_buffers_take(struct v4l2_buffers *b, struct v4l2_filled *out);
void v4l2_buffers_give_back(struct v4l2_buffers *b, const struct v4l2_filled *filled);
/*
 * A raw picture of a filled buffer, which it gives back at its last unref (or at once when it had
 * to be copied). NULL: no memory; the buffer was given back.
 */
struct picture *v4l2_buffers_lend(struct v4l2_buffers *b, const struct v4l2_filled *filled);
/* Stops the stream; must come before the device's close. NULL is fine. */
void v4l2_buffers_close(struct v4l2_buffers **b);

#endif
