#include "source/v4l2.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "bitstream/h264_normal.h"
#include "source/jpeg_stream.h"
#include "source/v4l2_controls.h"
#include "source/v4l2_frames.h"
#include "source/v4l2_list.h"
#include "source/wait.h"

struct v4l2_source {
    /* options */
    char *format;
    char *controls;
    char *input;
    /* state */
    const struct log *log;
    int wake_fd;
    bool is_open;
    struct v4l2_device device;
    struct v4l2_format_agreed agreed;
    struct rational thinned_rate; /* num 0: every frame is given out */
    struct v4l2_frames frames;
    struct h264_normal normal;
    struct track track;  /* parameter_sets is borrowed from normal */
    int64_t bitrate_bps; /* that the driver took; 0: none */
    bool has_events;
};

static int fail(struct v4l2_source *s, int code, const char *what, struct option_error *error)
{
    if (code == -ENODEV) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "v4l2: %.120s was unplugged; plug it in again", s->device.path);
    } else if (code == -ENOSPC) { /* uvcvideo's answer when isochronous bandwidth is gone */
        snprintf(
            error->sentence, sizeof(error->sentence),
            "v4l2: %.100s %s, its USB bus is full; use format=MJPG, a smaller size, or another "
            "port",
            s->device.path, what);
    } else {
        snprintf(error->sentence, sizeof(error->sentence), "v4l2: %.120s %s, %s", s->device.path,
                 what, code == -EBUSY ? "another program uses it" : strerror(-code));
    }
    return code;
}

static void on_control_failed(const char *sentence, void *arg)
{
    log_warn((const struct log *)arg, "%s, going on without it", sentence);
}

static int select_input(struct v4l2_source *s, struct option_error *error)
{
    int index = s->input ? atoi(s->input) : -1;
    const int result = index >= 0 ? v4l2_ioctl(s->device.fd, VIDIOC_S_INPUT, &index) : 0;
    return result < 0 ? fail(s, result, "refuses that input", error) : 0;
}

static int find_wanted(const struct v4l2_source *s, const struct source_params *params,
                       struct v4l2_wanted *out, struct option_error *error)
{
    *out = (struct v4l2_wanted){
        .size = params->size,
        .rate = params->rate,
        .is_size_given = params->is_size_given,
        .is_rate_given = params->is_rate_given,
        .pixel = s->format ? v4l2_pixel_parse(s->format) : NULL,
    };
    if (s->format && !out->pixel) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "v4l2: there is no format '%.20s'; use YU12, NV12, YUYV, UYVY, 422P, MJPG or H264",
                 s->format);
        return -EINVAL;
    }
    return 0;
}

/* As much of this as the driver can; webcams can none of it. */
static void prepare_h264(struct v4l2_source *s, const struct source_params *params)
{
    const struct v4l2_device *d = &s->device;
    const struct rational rate = s->agreed.rate.num > 0 ? s->agreed.rate : params->rate;
    const int64_t bitrate_bps =
        params->bitrate_bps > 0 ? params->bitrate_bps : option_default_bitrate(s->agreed.size);
    (void)v4l2_controls_set_id(d, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 1);
    (void)v4l2_controls_set_id(d, V4L2_CID_MPEG_VIDEO_B_FRAMES, 0);
    if (v4l2_controls_set_id(d, V4L2_CID_MPEG_VIDEO_BITRATE, (int32_t)bitrate_bps) == 0) {
        s->bitrate_bps = bitrate_bps;
    }
    if (params->keyframe_ns > 0 && rate.num > 0) {
        const int64_t n = time_rescale(params->keyframe_ns, rate.num, NS_PER_S * rate.den);
        const int32_t period = n < 1 ? 1 : n > INT16_MAX ? INT16_MAX : (int32_t)n;
        (void)v4l2_controls_set_id(d, V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, period);
        (void)v4l2_controls_set_id(d, V4L2_CID_MPEG_VIDEO_GOP_SIZE, period);
    }
}

/* An HDMI input sends what it sends; who asked for less gets less, of pictures that can be left
 * out. */
static struct rational find_thinned_rate(const struct v4l2_format_agreed *agreed,
                                         const struct source_params *params)
{
    const struct rational every = {0, 1};
    const bool is_too_fast = (int64_t)agreed->rate.num * params->rate.den * 4 >
                             (int64_t)params->rate.num * agreed->rate.den * 5;
    return params->is_rate_given && is_too_fast && agreed->pixel->codec != CODEC_H264 ? params->rate
                                                                                      : every;
}

static void subscribe(struct v4l2_source *s)
{
    struct v4l2_event_subscription change = {.type = V4L2_EVENT_SOURCE_CHANGE};
    s->has_events = v4l2_ioctl(s->device.fd, VIDIOC_SUBSCRIBE_EVENT, &change) == 0;
}

static int open_device(struct v4l2_source *s, const char *location, struct option_error *error)
{
    char url[160];
    if (location[0] == '\0') {
        if (!v4l2_first_camera(url, sizeof(url))) {
            snprintf(error->sentence, sizeof(error->sentence),
                     "v4l2: there is no camera; `avocet devices` says more");
            return -ENODEV;
        }
        location = url + sizeof("v4l2:") - 1;
    }
    return v4l2_device_open(&s->device, location, error);
}

static int v4l2_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct v4l2_source *s = state;
    struct v4l2_wanted wanted;
    *s = (struct v4l2_source){
        .format = s->format,
        .controls = s->controls,
        .input = s->input,
        .log = params->log,
        .wake_fd = params->wake_fd,
        .is_open = true,
        .device.fd = -1,
    };
    h264_normal_init(&s->normal);
    int result = find_wanted(s, params, &wanted, error);
    if (result == 0) {
        result = open_device(s, params->location, error);
    }
    if (result == 0) {
        result = select_input(s, error);
    }
    if (result == 0) {
        result = v4l2_format_agree(&s->device, &wanted, &s->agreed, error);
    }
    if (result < 0) {
        return result;
    }
    v4l2_controls_set_list(&s->device, s->controls, on_control_failed, (void *)(uintptr_t)s->log);
    if (s->agreed.pixel->codec == CODEC_H264) {
        prepare_h264(s, params);
    }
    subscribe(s);
    s->thinned_rate = find_thinned_rate(&s->agreed, params);
    result = v4l2_frames_open(&s->frames, &s->device, &s->agreed, s->thinned_rate);
    return result < 0 ? fail(s, result, "does not stream", error) : 0;
}

/* The signal at an HDMI input has another size now: what was agreed on holds no more. */
static bool has_source_changed(struct v4l2_source *s)
{
    struct v4l2_event event = {0};
    while (s->has_events && v4l2_ioctl(s->device.fd, VIDIOC_DQEVENT, &event) == 0) {
        if (event.type == V4L2_EVENT_SOURCE_CHANGE &&
            (event.u.src_change.changes & V4L2_EVENT_SRC_CH_RESOLUTION)) {
            return true;
        }
    }
    return false;
}

static int give_picture(struct v4l2_source *s, const struct v4l2_filled *filled,
                        const struct v4l2_times *times, struct source_unit *out)
{
    struct picture *p = v4l2_buffers_lend(s->frames.buffers, filled);
    if (!p) {
        v4l2_frames_note_lost(&s->frames, 1);
        return -EAGAIN;
    }
    p->capture_ns = times->capture_ns;
    p->arrival_ns = times->arrival_ns;
    p->pts_ns = times->pts_ns;
    p->flags = s->frames.is_discontinuity ? PACKET_DISCONTINUITY : 0;
    s->frames.is_discontinuity = false;
    *out = (struct source_unit){.picture = p};
    return 0;
}

static void update_track(struct v4l2_source *s, struct picture_size jpeg_size)
{
    if (s->agreed.pixel->codec == CODEC_H264) {
        s->track = s->normal.track;
        s->track.bitrate_bps = s->bitrate_bps;
    } else {
        s->track = (struct track){.codec = CODEC_MJPEG, .size = jpeg_size, .codec_string = "mjpeg"};
    }
    if (s->agreed.rate.num > 0) {
        s->track.rate = s->thinned_rate.num > 0 ? s->thinned_rate : s->agreed.rate;
    }
}

/* A copy: whoever keeps it must not keep the driver's buffer. */
static int make_packet(struct v4l2_source *s, struct bytes bytes, struct packet **out,
                       struct picture_size *size)
{
    if (s->agreed.pixel->codec == CODEC_MJPEG) {
        const int result = jpeg_stream_packet(bytes, out, size);
        if (result == 0 && s->frames.is_discontinuity) {
            (*out)->flags |= PACKET_DISCONTINUITY;
        }
        return result;
    }
    if (s->frames.is_discontinuity) {
        h264_normal_mark_lost(&s->normal);
    }
    return h264_normal_make(&s->normal, bytes, out);
}

static int give_packet(struct v4l2_source *s, const struct v4l2_filled *filled,
                       const struct v4l2_times *times, struct source_unit *out)
{
    struct packet *p = NULL;
    struct picture_size size = {0};
    const int result = make_packet(s, filled->planes[0], &p, &size);
    v4l2_buffers_give_back(s->frames.buffers, filled);
    s->frames.is_discontinuity = false;
    if (result == -EBADMSG) {
        v4l2_frames_note_lost(&s->frames, 1);
        return -EAGAIN;
    }
    if (result < 0) {
        return result;
    }
    p->capture_ns = times->capture_ns;
    p->arrival_ns = p->encoded_ns = times->arrival_ns;
    p->pts_ns = times->pts_ns;
    update_track(s, size);
    *out = (struct source_unit){.packet = p, .track = &s->track};
    return 0;
}

static int read_one(struct v4l2_source *s, struct source_unit *out, struct option_error *error)
{
    struct v4l2_filled filled;
    struct v4l2_times times;
    if (has_source_changed(s)) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "v4l2: the signal at %.120s has changed, opening it again", s->device.path);
        return -ENOLINK;
    }
    const int result = v4l2_frames_take(&s->frames, &filled, &times);
    if (result == 0) {
        return s->agreed.pixel->codec == CODEC_RAW ? give_picture(s, &filled, &times, out)
                                                   : give_packet(s, &filled, &times, out);
    }
    return result == -EAGAIN ? result : fail(s, result, "gives no pictures any more", error);
}

static int v4l2_read(void *state, int64_t deadline_ns, struct source_unit *out,
                     struct option_error *error)
{
    struct v4l2_source *s = state;
    for (;;) {
        int result = source_wait(s->device.fd, POLLIN | POLLPRI, s->wake_fd, deadline_ns);
        if (result == 0) {
            result = read_one(s, out, error);
        }
        if (result != -EAGAIN) {
            return result;
        }
    }
}

static void v4l2_describe(const void *state, char *out, size_t size)
{
    const struct v4l2_source *s = state;
    if (!s->agreed.pixel) {
        text_copy(out, size, "nothing agreed on yet");
        return;
    }
    char rate[64] = "its own rate";
    if (s->agreed.rate.num > 0) {
        snprintf(rate, sizeof(rate), "%.4g fps", (double)s->agreed.rate.num / s->agreed.rate.den);
    }
    if (s->thinned_rate.num > 0) {
        const size_t used = strlen(rate);
        snprintf(rate + used, sizeof(rate) - used, " thinned to %.4g",
                 (double)s->thinned_rate.num / s->thinned_rate.den);
    }
    snprintf(out, size, "%dx%d %s at %s from %s (%s)", s->agreed.size.width, s->agreed.size.height,
             s->agreed.pixel->name, rate, s->device.card, s->device.driver);
}

static unsigned v4l2_can(const void *state)
{
    const struct v4l2_source *s = state;
    unsigned can = 0;
    if (s->device.fd < 0 || !s->agreed.pixel || s->agreed.pixel->codec != CODEC_H264) {
        return s->agreed.pixel && s->agreed.pixel->codec == CODEC_MJPEG ? PRODUCER_CAN_KEYFRAME : 0;
    }
    if (v4l2_controls_has(&s->device, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME)) {
        can |= PRODUCER_CAN_KEYFRAME;
    }
    if (v4l2_controls_has(&s->device, V4L2_CID_MPEG_VIDEO_BITRATE)) {
        can |= PRODUCER_CAN_BITRATE;
    }
    return can;
}

static int v4l2_wish(void *state, const struct wish *wish, struct option_error *error)
{
    struct v4l2_source *s = state;
    if (wish->type == WISH_CONTROL) {
        return v4l2_controls_set(&s->device, wish->name, wish->value, error);
    }
    if (s->agreed.pixel && s->agreed.pixel->codec == CODEC_MJPEG && wish->type == WISH_KEYFRAME) {
        return 0; /* each one is */
    }
    if (!s->agreed.pixel || s->agreed.pixel->codec != CODEC_H264) {
        return -ENOTSUP;
    }
    const int result =
        wish->type == WISH_KEYFRAME
            ? v4l2_controls_set_id(&s->device, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1)
            : v4l2_controls_set_id(&s->device, V4L2_CID_MPEG_VIDEO_BITRATE,
                                   (int32_t)wish->bitrate_bps);
    if (result == 0 && wish->type == WISH_BITRATE) {
        s->bitrate_bps = wish->bitrate_bps;
    }
    return result < 0 ? fail(s, result, "does not fulfil the wish", error) : 0;
}

static void v4l2_close(void *state)
{
    struct v4l2_source *s = state;
    if (!s->is_open) {
        return;
    }
    s->is_open = false;
    if (s->frames.n_lost > 0) {
        log_info(s->log, "%llu frames lost by camera, bus or this machine while it was open",
                 (unsigned long long)s->frames.n_lost);
    }
    v4l2_frames_close(&s->frames);
    v4l2_device_close(&s->device);
    h264_normal_finish(&s->normal);
}

struct first_camera {
    char *url;
    size_t size;
    bool is_found;
};

static void on_device(const struct source_device *device, void *arg)
{
    struct first_camera *first = arg;
    if (!first->is_found && device->problem[0] == '\0') {
        first->is_found = text_copy(first->url, first->size, device->url);
    }
}

bool v4l2_first_camera(char *url, size_t size)
{
    struct first_camera first = {.url = url, .size = size};
    return v4l2_list(on_device, &first) == 0 && first.is_found;
}

static const struct option v4l2_options[] = {
    {.name = "format",
     .type = OPTION_TEXT,
     .offset = offsetof(struct v4l2_source, format),
     .help = "pixel format by V4L2's name: YU12 NV12 YUYV UYVY 422P MJPG H264; without it the best "
             "one"},
    {.name = "controls",
     .type = OPTION_TEXT,
     .offset = offsetof(struct v4l2_source, controls),
     .help = "camera controls by V4L2's names: brightness=128,exposure_auto=1"},
    {.name = "input",
     .type = OPTION_TEXT,
     .offset = offsetof(struct v4l2_source, input),
     .help = "number of the device's input, where it has several"},
    {0},
};

const struct source_type source_v4l2 = {
    .scheme = "v4l2",
    .summary = "camera by Video for Linux, v4l2:/dev/video0 or v4l2:/dev/v4l/by-id/NAME",
    .state_size = sizeof(struct v4l2_source),
    .options = v4l2_options,
    .open = v4l2_open,
    .read = v4l2_read,
    .describe = v4l2_describe,
    .can = v4l2_can,
    .wish = v4l2_wish,
    .close = v4l2_close,
    .list = v4l2_list,
};
