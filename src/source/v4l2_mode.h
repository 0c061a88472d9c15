/*
 * Pixel formats that we take from V4L2, and the choice among the modes that a camera offers.
 *
 * The order of preference, by delay first and then by work:
 *   1. H.264 of a driver whose bitrate can be set: an encoder chip, nothing left to do for the CPU;
 *   2. raw pictures, YU12 and NV12 before those that must be converted: no delay in the camera, and
 *      both H.264 and JPEG are made from them without decoding;
 *   3. MJPEG: one millisecond to decode, and its JPEGs are passed through as they are;
 *   4. other H.264: a webcam's encoder takes its time and no wishes.
 * A format comes before those behind it only where it reaches the wanted size and rate as well as
 * they do: USB 2 carries 720p as MJPEG at 30 frames per second, raw at 10.
 *
 * Units:  rates in frames per second; num 0: the driver does not say.
 * Thread: any; pure.
 */
#ifndef AVOCET_SOURCE_V4L2_MODE_H
#define AVOCET_SOURCE_V4L2_MODE_H

#include "media/picture.h"
#include "media/track.h"

/* One pixel format of V4L2. */
struct v4l2_pixel {
    uint32_t fourcc;
    const char *name;         /* V4L2's four characters, the value of format= */
    enum codec codec;         /* CODEC_RAW, CODEC_MJPEG, CODEC_H264 */
    enum pixel_format format; /* of CODEC_RAW */
    int rank;                 /* low is liked better */
};

struct v4l2_mode {
    const struct v4l2_pixel *pixel;
    struct picture_size size;
    struct rational rate;
    bool has_bitrate_control; /* of H.264 */
};

struct v4l2_wanted {
    struct picture_size size;
    struct rational rate;
    bool is_size_given;
    bool is_rate_given;
    const struct v4l2_pixel *pixel; /* by format=; NULL: any */
};

/* NULL when we cannot use it. */
const struct v4l2_pixel *v4l2_pixel_find(uint32_t fourcc);
/* By name as in format=, in any case, also "h264" and "mjpeg"; NULL: unknown. */
const struct v4l2_pixel *v4l2_pixel_parse(const char *name);

/* The best of modes, or NULL when none is of the wanted pixel format. */
const struct v4l2_mode *v4l2_mode_choose(const struct v4l2_mode *modes, size_t n_modes,
                                         const struct v4l2_wanted *wanted);
/* Is rate a a better answer than b to the wish for wanted? */
bool v4l2_rate_is_better(struct rational a, struct rational b, struct rational wanted);

#endif
