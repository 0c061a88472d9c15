#include "source/v4l2_format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct mode_list {
    struct v4l2_mode *modes;
    size_t n_modes;
};

static struct rational rate_of(struct v4l2_fract interval)
{
    if (interval.numerator == 0 || interval.denominator == 0 || interval.numerator > INT32_MAX ||
        interval.denominator > INT32_MAX) {
        return (struct rational){0, 1};
    }
    return (struct rational){(int32_t)interval.denominator, (int32_t)interval.numerator};
}

static bool is_above(struct rational a, struct rational b)
{
    return (int64_t)a.num * b.den > (int64_t)b.num * a.den;
}

static struct rational nearest_in_range(struct rational slowest, struct rational fastest,
                                        struct rational wanted)
{
    return is_above(wanted, fastest) ? fastest : is_above(slowest, wanted) ? slowest : wanted;
}

static struct rational best_rate(const struct v4l2_device *d, uint32_t fourcc,
                                 struct picture_size size, struct rational wanted)
{
    struct rational best = {0, 1};
    struct v4l2_frmivalenum e = {
        .pixel_format = fourcc, .width = (unsigned)size.width, .height = (unsigned)size.height};
    for (; v4l2_ioctl(d->fd, VIDIOC_ENUM_FRAMEINTERVALS, &e) == 0; e.index++) {
        if (e.type != V4L2_FRMIVAL_TYPE_DISCRETE) {
            return nearest_in_range(rate_of(e.stepwise.max), rate_of(e.stepwise.min), wanted);
        }
        const struct rational rate = rate_of(e.discrete);
        if (rate.num > 0 && (best.num == 0 || v4l2_rate_is_better(rate, best, wanted))) {
            best = rate;
        }
    }
    return best;
}

static void add_mode(const struct v4l2_device *d, struct mode_list *list,
                     const struct v4l2_pixel *pixel, struct picture_size size,
                     struct rational wanted_rate)
{
    if (list->n_modes < V4L2_MODES_MAX) {
        list->modes[list->n_modes++] = (struct v4l2_mode){
            .pixel = pixel,
            .size = size,
            .rate = best_rate(d, pixel->fourcc, size, wanted_rate),
        };
    }
}

static int32_t nearest_step(int32_t wanted, unsigned min, unsigned max, unsigned step)
{
    const unsigned value = wanted < 0 ? 0 : (unsigned)wanted;
    if (value <= min) {
        return (int32_t)min;
    }
    if (value >= max) {
        return (int32_t)max;
    }
    return (int32_t)(step > 1 ? min + (value - min) / step * step : value);
}

static void add_sizes(const struct v4l2_device *d, struct mode_list *list,
                      const struct v4l2_pixel *pixel, const struct v4l2_wanted *wanted)
{
    struct v4l2_frmsizeenum e = {.pixel_format = pixel->fourcc};
    for (; v4l2_ioctl(d->fd, VIDIOC_ENUM_FRAMESIZES, &e) == 0; e.index++) {
        struct picture_size size = {(int32_t)e.discrete.width, (int32_t)e.discrete.height};
        if (e.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
            const struct v4l2_frmsize_stepwise *s = &e.stepwise;
            size.width =
                nearest_step(wanted->size.width, s->min_width, s->max_width, s->step_width);
            size.height =
                nearest_step(wanted->size.height, s->min_height, s->max_height, s->step_height);
        }
        add_mode(d, list, pixel, size, wanted->rate);
        if (e.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
            return;
        }
    }
    if (e.index == 0) { /* the driver does not list its sizes: it will adjust what we ask for */
        add_mode(d, list, pixel, wanted->size, wanted->rate);
    }
}

static bool has_bitrate_control(const struct v4l2_device *d)
{
    struct v4l2_queryctrl query = {.id = V4L2_CID_MPEG_VIDEO_BITRATE};
    return v4l2_ioctl(d->fd, VIDIOC_QUERYCTRL, &query) == 0 &&
           !(query.flags & V4L2_CTRL_FLAG_DISABLED);
}

size_t v4l2_format_list(const struct v4l2_device *d, const struct v4l2_wanted *wanted,
                        struct v4l2_mode *modes)
{
    struct mode_list list = {.modes = modes};
    struct v4l2_fmtdesc e = {.type = d->type};
    for (; v4l2_ioctl(d->fd, VIDIOC_ENUM_FMT, &e) == 0; e.index++) {
        const struct v4l2_pixel *pixel = v4l2_pixel_find(e.pixelformat);
        if (pixel) {
            add_sizes(d, &list, pixel, wanted);
        }
    }
    const bool is_encoder_chip = has_bitrate_control(d);
    for (size_t i = 0; i < list.n_modes; i++) {
        modes[i].has_bitrate_control = is_encoder_chip && modes[i].pixel->codec == CODEC_H264;
    }
    return list.n_modes;
}

static const char *signal_problem(int code)
{
    switch (code) {
    case -ENOLINK:
        return "no signal";
    case -ENOLCK:
        return "an unsteady signal";
    case -ERANGE:
        return "a signal beyond its limits";
    default:
        return strerror(-code);
    }
}

/* An HDMI receiver takes what its input sends, once it is told to look. */
static int follow_input(const struct v4l2_device *d, struct option_error *error)
{
    struct v4l2_dv_timings timings = {0};
    if (!v4l2_device_has_dv_timings(d)) {
        return 0;
    }
    const int result = v4l2_ioctl(d->fd, VIDIOC_QUERY_DV_TIMINGS, &timings);
    if (result == -ENOTTY || result == -ENODATA) {
        return 0;
    }
    if (result < 0) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "v4l2: %.100s gets no picture (%s); is something connected and switched on?",
                 d->path, signal_problem(result));
        return result;
    }
    (void)v4l2_ioctl(d->fd, VIDIOC_S_DV_TIMINGS, &timings); /* busy: they are set already */
    return 0;
}

static int set_failed(const struct v4l2_device *d, const struct v4l2_mode *mode, int code,
                      struct option_error *error)
{
    snprintf(error->sentence, sizeof(error->sentence), "v4l2: %.100s refuses %s %dx%d, %s", d->path,
             mode->pixel->name, mode->size.width, mode->size.height,
             code == -EBUSY ? "another program uses it" : strerror(-code));
    return code;
}

static bool is_full_range(enum codec codec, unsigned colorspace, unsigned ycbcr_enc,
                          unsigned quantization)
{
    if (quantization == V4L2_QUANTIZATION_DEFAULT) {
        quantization = V4L2_MAP_QUANTIZATION_DEFAULT(false, colorspace, ycbcr_enc);
    }
    return codec == CODEC_RAW && quantization == V4L2_QUANTIZATION_FULL_RANGE;
}

static void read_single(const struct v4l2_pix_format *pix, struct v4l2_format_agreed *out)
{
    out->size = (struct picture_size){(int32_t)pix->width, (int32_t)pix->height};
    out->n_planes = 1;
    out->stride_bytes = (int)pix->bytesperline;
    out->full_range =
        is_full_range(out->pixel->codec, pix->colorspace, pix->ycbcr_enc, pix->quantization);
}

static void read_multiplanar(const struct v4l2_pix_format_mplane *pix,
                             struct v4l2_format_agreed *out)
{
    out->size = (struct picture_size){(int32_t)pix->width, (int32_t)pix->height};
    out->n_planes = pix->num_planes;
    out->stride_bytes = (int)pix->plane_fmt[0].bytesperline;
    out->full_range =
        is_full_range(out->pixel->codec, pix->colorspace, pix->ycbcr_enc, pix->quantization);
}

/* How much of a raw picture must be there for it to be whole. */
static void compute_sizes(struct v4l2_format_agreed *f)
{
    const size_t luma = (size_t)f->stride_bytes * (size_t)f->size.height;
    const size_t chroma = pixel_format_is_packed(f->pixel->format) ? 0
                          : f->pixel->format == PIXEL_I422         ? luma
                                                                   : luma / 2;
    if (f->n_planes == 1) {
        f->size_bytes[0] = luma + chroma;
    } else {
        f->size_bytes[0] = luma;
        for (unsigned i = 1; i < f->n_planes; i++) {
            f->size_bytes[i] = chroma / (f->n_planes - 1);
        }
    }
}

static int set_format(const struct v4l2_device *d, const struct v4l2_mode *mode,
                      struct v4l2_format_agreed *out, struct option_error *error)
{
    struct v4l2_format format = {.type = d->type};
    const bool is_multiplanar = v4l2_is_multiplanar(d);
    if (is_multiplanar) {
        format.fmt.pix_mp.pixelformat = mode->pixel->fourcc;
        format.fmt.pix_mp.width = (unsigned)mode->size.width;
        format.fmt.pix_mp.height = (unsigned)mode->size.height;
        format.fmt.pix_mp.field = V4L2_FIELD_ANY;
    } else {
        format.fmt.pix.pixelformat = mode->pixel->fourcc;
        format.fmt.pix.width = (unsigned)mode->size.width;
        format.fmt.pix.height = (unsigned)mode->size.height;
        format.fmt.pix.field = V4L2_FIELD_ANY;
    }
    const int result = v4l2_ioctl(d->fd, VIDIOC_S_FMT, &format);
    if (result < 0) {
        return set_failed(d, mode, result, error);
    }
    out->pixel = v4l2_pixel_find(is_multiplanar ? format.fmt.pix_mp.pixelformat
                                                : format.fmt.pix.pixelformat);
    if (!out->pixel) {
        return set_failed(d, mode, -ENOTSUP, error);
    }
    if (is_multiplanar) {
        read_multiplanar(&format.fmt.pix_mp, out);
    } else {
        read_single(&format.fmt.pix, out);
    }
    compute_sizes(out);
    return 0;
}

/* Not every driver has rates to set; what it answers is what is obtained. */
static struct rational set_rate(const struct v4l2_device *d, struct rational rate)
{
    struct v4l2_streamparm parm = {.type = d->type};
    if (rate.num > 0) {
        parm.parm.capture.timeperframe.numerator = (unsigned)rate.den;
        parm.parm.capture.timeperframe.denominator = (unsigned)rate.num;
        if (v4l2_ioctl(d->fd, VIDIOC_S_PARM, &parm) == 0) {
            return rate_of(parm.parm.capture.timeperframe);
        }
    }
    struct v4l2_dv_timings timings = {0};
    if (v4l2_device_has_dv_timings(d) && v4l2_ioctl(d->fd, VIDIOC_G_DV_TIMINGS, &timings) == 0) {
        const struct v4l2_bt_timings *bt = &timings.bt;
        const uint64_t total = (uint64_t)V4L2_DV_BT_FRAME_WIDTH(bt) * V4L2_DV_BT_FRAME_HEIGHT(bt);
        const uint64_t milli = total > 0 ? (bt->pixelclock * 1000 + total / 2) / total : 0;
        if (milli > 0 && milli < 1000 * 1000) {
            return (struct rational){(int32_t)milli, 1000};
        }
    }
    return rate;
}

int v4l2_format_agree(const struct v4l2_device *d, const struct v4l2_wanted *wanted,
                      struct v4l2_format_agreed *out, struct option_error *error)
{
    int result = follow_input(d, error);
    if (result < 0) {
        return result;
    }
    struct v4l2_mode *modes = calloc(V4L2_MODES_MAX, sizeof(*modes));
    if (!modes) {
        return -ENOMEM;
    }
    const size_t n_modes = v4l2_format_list(d, wanted, modes);
    const struct v4l2_mode *mode = v4l2_mode_choose(modes, n_modes, wanted);
    if (!mode) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "v4l2: %.100s does not offer %s; `avocet devices` lists what it offers", d->path,
                 wanted->pixel ? wanted->pixel->name : "a format that we know");
        result = -ENOTSUP;
    } else {
        struct v4l2_format_agreed agreed = {0};
        result = set_format(d, mode, &agreed, error);
        if (result == 0) {
            agreed.rate = set_rate(d, mode->rate.num > 0 ? mode->rate : wanted->rate);
            *out = agreed;
        }
    }
    free(modes);
    return result;
}

static void describe_rates(const struct v4l2_device *d, uint32_t fourcc, unsigned width,
                           unsigned height, struct text *out)
{
    struct v4l2_frmivalenum e = {.pixel_format = fourcc, .width = width, .height = height};
    for (; v4l2_ioctl(d->fd, VIDIOC_ENUM_FRAMEINTERVALS, &e) == 0; e.index++) {
        const bool is_range = e.type != V4L2_FRMIVAL_TYPE_DISCRETE;
        const struct rational rate = rate_of(is_range ? e.stepwise.min : e.discrete);
        text_printf(out, "%s%.4g", e.index == 0 ? is_range ? " (to " : " (" : " ",
                    (double)rate.num / rate.den);
        if (is_range) {
            e.index++;
            break;
        }
    }
    text_append(out, e.index > 0 ? ")" : "");
}

static void describe_sizes(const struct v4l2_device *d, uint32_t fourcc, struct text *out)
{
    struct v4l2_frmsizeenum e = {.pixel_format = fourcc};
    for (; v4l2_ioctl(d->fd, VIDIOC_ENUM_FRAMESIZES, &e) == 0; e.index++) {
        if (e.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
            const struct v4l2_frmsize_stepwise *s = &e.stepwise;
            text_printf(out, " %ux%u to %ux%u", s->min_width, s->min_height, s->max_width,
                        s->max_height);
            describe_rates(d, fourcc, s->max_width, s->max_height, out);
            return;
        }
        text_printf(out, "%s%ux%u", e.index == 0 ? " " : ", ", e.discrete.width, e.discrete.height);
        describe_rates(d, fourcc, e.discrete.width, e.discrete.height, out);
    }
}

void v4l2_format_describe(const struct v4l2_device *d, struct text *out)
{
    struct text other = {0};
    struct v4l2_fmtdesc e = {.type = d->type};
    for (; v4l2_ioctl(d->fd, VIDIOC_ENUM_FMT, &e) == 0; e.index++) {
        const struct v4l2_pixel *pixel = v4l2_pixel_find(e.pixelformat);
        if (pixel) {
            text_printf(out, "format %s", pixel->name);
            describe_sizes(d, e.pixelformat, out);
            text_append(out, "\n");
        } else {
            text_printf(&other, " %c%c%c%c", (char)(e.pixelformat & 0x7f),
                        (char)(e.pixelformat >> 8 & 0x7f), (char)(e.pixelformat >> 16 & 0x7f),
                        (char)(e.pixelformat >> 24 & 0x7f));
        }
    }
    if (other.size > 0) {
        text_printf(out, "formats of no use here:%s\n", other.data);
    }
    text_finish(&other);
}
