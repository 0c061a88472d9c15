#include "source/v4l2_mode.h"

#include <linux/videodev2.h>
#include <stdlib.h>
#include <strings.h>

enum { PERMILLE = 1000, RANK_ENCODER_CHIP = 0 };

static const struct v4l2_pixel pixels[] = {
    {V4L2_PIX_FMT_YUV420, "YU12", CODEC_RAW, PIXEL_I420, 1},
    {V4L2_PIX_FMT_YUV420M, "YM12", CODEC_RAW, PIXEL_I420, 1},
    {V4L2_PIX_FMT_NV12, "NV12", CODEC_RAW, PIXEL_NV12, 1},
    {V4L2_PIX_FMT_NV12M, "NM12", CODEC_RAW, PIXEL_NV12, 1},
    {V4L2_PIX_FMT_YUYV, "YUYV", CODEC_RAW, PIXEL_YUYV, 2},
    {V4L2_PIX_FMT_UYVY, "UYVY", CODEC_RAW, PIXEL_UYVY, 2},
    {V4L2_PIX_FMT_YUV422P, "422P", CODEC_RAW, PIXEL_I422, 2},
    {V4L2_PIX_FMT_MJPEG, "MJPG", CODEC_MJPEG, N_PIXEL_FORMATS, 3},
    {V4L2_PIX_FMT_JPEG, "JPEG", CODEC_MJPEG, N_PIXEL_FORMATS, 3},
    {V4L2_PIX_FMT_H264, "H264", CODEC_H264, N_PIXEL_FORMATS, 4},
};
enum { N_PIXELS = sizeof(pixels) / sizeof(pixels[0]) };

const struct v4l2_pixel *v4l2_pixel_find(uint32_t fourcc)
{
    for (size_t i = 0; i < N_PIXELS; i++) {
        if (pixels[i].fourcc == fourcc) {
            return &pixels[i];
        }
    }
    return NULL;
}

const struct v4l2_pixel *v4l2_pixel_parse(const char *name)
{
    if (strcasecmp(name, "mjpeg") == 0) {
        name = "MJPG";
    }
    for (size_t i = 0; i < N_PIXELS; i++) {
        if (strcasecmp(pixels[i].name, name) == 0) {
            return &pixels[i];
        }
    }
    return NULL;
}

/* How much of the wanted rate is missing, in permille; faster than wanted costs almost nothing. */
static int64_t rate_cost(struct rational rate, struct rational wanted)
{
    if (rate.num <= 0 || wanted.num <= 0) {
        return 0;
    }
    const int64_t share =
        (int64_t)rate.num * wanted.den * PERMILLE / ((int64_t)rate.den * wanted.num);
    if (share >= PERMILLE) {
        return share > PERMILLE;
    }
    return share >= PERMILLE - 2 ? 0 : PERMILLE - share; /* 29.97 for 30 will do */
}

bool v4l2_rate_is_better(struct rational a, struct rational b, struct rational wanted)
{
    const int64_t cost_a = rate_cost(a, wanted);
    const int64_t cost_b = rate_cost(b, wanted);
    if (cost_a != cost_b) {
        return cost_a < cost_b;
    }
    /* both are too fast: the slower one */
    return (int64_t)a.num * b.den < (int64_t)b.num * a.den;
}

static int64_t size_cost(struct picture_size size, struct picture_size wanted)
{
    return (int64_t)abs(size.width - wanted.width) * PERMILLE / wanted.width +
           (int64_t)abs(size.height - wanted.height) * PERMILLE / wanted.height;
}

static int rank(const struct v4l2_mode *mode)
{
    return mode->has_bitrate_control ? RANK_ENCODER_CHIP : mode->pixel->rank;
}

/*
 * What the user asked for goes first: the size if it was given, the rate if only that was. Where
 * neither was, half the frames are as bad as a picture of half the width and height.
 */
static void costs_of(const struct v4l2_mode *mode, const struct v4l2_wanted *wanted, int64_t out[3])
{
    const int64_t size = size_cost(mode->size, wanted->size);
    const int64_t rate = rate_cost(mode->rate, wanted->rate);
    if (wanted->is_size_given) {
        out[0] = size;
        out[1] = rate;
    } else if (wanted->is_rate_given) {
        out[0] = rate;
        out[1] = size;
    } else {
        out[0] = size + 2 * rate;
        out[1] = rate;
    }
    out[2] = rank(mode);
}

static bool is_better(const struct v4l2_mode *a, const struct v4l2_mode *b,
                      const struct v4l2_wanted *wanted)
{
    int64_t costs_a[3];
    int64_t costs_b[3];
    costs_of(a, wanted, costs_a);
    costs_of(b, wanted, costs_b);
    for (int i = 0; i < 3; i++) {
        if (costs_a[i] != costs_b[i]) {
            return costs_a[i] < costs_b[i];
        }
    }
    return false;
}

const struct v4l2_mode *v4l2_mode_choose(const struct v4l2_mode *modes, size_t n_modes,
                                         const struct v4l2_wanted *wanted)
{
    const struct v4l2_mode *best = NULL;
    for (size_t i = 0; i < n_modes; i++) {
        if (wanted->pixel && wanted->pixel != modes[i].pixel) {
            continue;
        }
        if (!best || is_better(&modes[i], best, wanted)) {
            best = &modes[i];
        }
    }
    return best;
}
