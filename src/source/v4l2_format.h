/*
 * What a V4L2 device offers, and agreeing with it on one mode.
 *
 * Thread: the device's owner.
 * Errors: -errno with a sentence.
 */
#ifndef AVOCET_SOURCE_V4L2_FORMAT_H
#define AVOCET_SOURCE_V4L2_FORMAT_H

#include "base/text.h"
#include "source/v4l2_device.h"
#include "source/v4l2_mode.h"

enum { V4L2_MODES_MAX = 256, V4L2_PLANES_MAX = PICTURE_PLANES_MAX };

/* What was agreed on. */
struct v4l2_format_agreed {
    const struct v4l2_pixel *pixel;
    struct picture_size size;
    struct rational rate; /* num 0: the driver does not say */
    bool full_range;
    unsigned n_planes;                  /* memory areas of a buffer */
    int stride_bytes;                   /* of the first plane */
    size_t size_bytes[V4L2_PLANES_MAX]; /* least that a whole raw picture has, by memory area */
};

/*
 * The modes that we can use, at most V4L2_MODES_MAX: for each pixel format and size the rate that
 * suits best. Of a range of sizes and rates the nearest one.
 */
size_t v4l2_format_list(const struct v4l2_device *d, const struct v4l2_wanted *wanted,
                        struct v4l2_mode *modes);
/* Choose and set. */
int v4l2_format_agree(const struct v4l2_device *d, const struct v4l2_wanted *wanted,
                      struct v4l2_format_agreed *out, struct option_error *error);
/* Lines for people: "  MJPG  1280x720 (30 25 15), 640x480 (30)"; unusable formats by name only. */
void v4l2_format_describe(const struct v4l2_device *d, struct text *out);

#endif
