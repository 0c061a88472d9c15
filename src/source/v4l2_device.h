/*
 * A V4L2 device node: opening it with a sentence when that fails, what it is, ioctl without EINTR.
 *
 * Thread: any; a device has one owner.
 * Errors: -errno; the sentence says what, where and what to do.
 * Spec:   Linux Media Infrastructure userspace API, part I (Video for Linux).
 */
#ifndef AVOCET_SOURCE_V4L2_DEVICE_H
#define AVOCET_SOURCE_V4L2_DEVICE_H

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/option.h"

enum { V4L2_DEVICE_PATH_SIZE = 256 };

struct v4l2_device {
    int fd; /* -1: closed */
    char path[V4L2_DEVICE_PATH_SIZE];
    char card[32];
    char driver[16];
    enum v4l2_buf_type type; /* of capture: single or multiplanar */
};

/* ioctl(2), repeated when a signal came between: 0 or -errno. */
int v4l2_ioctl(int fd, unsigned long request, void *arg);

static inline bool v4l2_is_multiplanar(const struct v4l2_device *d)
{
    return d->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
}

/* Open a capture device; d->fd is -1 on failure. */
int v4l2_device_open(struct v4l2_device *d, const char *path, struct option_error *error);
void v4l2_device_close(struct v4l2_device *d);
/* Is the current input HDMI or the like? */
bool v4l2_device_has_dv_timings(const struct v4l2_device *d);

#endif
