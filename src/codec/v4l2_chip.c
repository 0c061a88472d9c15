#include "codec/v4l2_chip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { NODES_MAX = 64, BITSTREAM_MIN_BYTES = 512 * 1024 };

static bool offers(int fd, enum v4l2_buf_type type, uint32_t fourcc)
{
    struct v4l2_fmtdesc e = {.type = type};
    for (; v4l2_queue_ioctl(fd, VIDIOC_ENUM_FMT, &e) == 0; e.index++) {
        if (e.pixelformat == fourcc) {
            return true;
        }
    }
    return false;
}

/* Fill both queues' types if this is a stateful H.264 encoder. */
static bool is_encoder(int fd, enum v4l2_buf_type *input, enum v4l2_buf_type *output)
{
    struct v4l2_capability capability = {0};
    if (v4l2_queue_ioctl(fd, VIDIOC_QUERYCAP, &capability) < 0) {
        return false;
    }
    const unsigned caps = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps
                                                                         : capability.capabilities;
    if (!(caps & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE)) ||
        !(caps & V4L2_CAP_STREAMING)) {
        return false;
    }
    const bool is_multiplanar = (caps & V4L2_CAP_VIDEO_M2M_MPLANE) != 0;
    *input = is_multiplanar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
    *output = is_multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
    return offers(fd, *output, V4L2_PIX_FMT_H264) &&
           (offers(fd, *input, V4L2_PIX_FMT_YUV420) || offers(fd, *input, V4L2_PIX_FMT_NV12));
}

int v4l2_chip_open(struct v4l2_chip *c)
{
    *c = (struct v4l2_chip){.fd = -1};
    for (int i = 0; i < NODES_MAX; i++) {
        snprintf(c->path, sizeof(c->path), "/dev/video%d", i);
        const int fd = open(c->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && is_encoder(fd, &c->input.type, &c->output.type)) {
            c->fd = c->input.fd = c->output.fd = fd;
            return 0;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return -ENODEV;
}

void v4l2_chip_close(struct v4l2_chip *c)
{
    v4l2_queue_close(&c->input);
    v4l2_queue_close(&c->output);
    if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = -1;
}

int v4l2_chip_set_control(const struct v4l2_chip *c, unsigned id, int64_t value)
{
    struct v4l2_ext_control control = {.id = id, .value = (int32_t)value};
    struct v4l2_ext_controls controls = {
        .which = V4L2_CTRL_WHICH_CUR_VAL, .count = 1, .controls = &control};
    return v4l2_queue_ioctl(c->fd, VIDIOC_S_EXT_CTRLS, &controls);
}

static int32_t keyframe_period(const struct encoder_params *params)
{
    const int64_t n = params->keyframe_ns > 0 ? time_rescale(params->keyframe_ns, params->rate.num,
                                                             NS_PER_S * params->rate.den)
                                              : INT16_MAX;
    return n < 1 ? 1 : n > INT16_MAX ? INT16_MAX : (int32_t)n;
}

/* Chips know different ones of these; what one does not know it does not need. */
static void set_controls(const struct v4l2_chip *c, const struct encoder_params *params)
{
    const int32_t period = keyframe_period(params);
    const struct {
        unsigned id;
        int64_t value;
    } wishes[] = {
        {V4L2_CID_MPEG_VIDEO_BITRATE_MODE, V4L2_MPEG_VIDEO_BITRATE_MODE_CBR},
        {V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1},
        {V4L2_CID_MPEG_VIDEO_BITRATE, params->bitrate_bps},
        {V4L2_CID_MPEG_VIDEO_H264_PROFILE, V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE},
        {V4L2_CID_MPEG_VIDEO_H264_LEVEL, params->size.height <= 720
                                             ? V4L2_MPEG_VIDEO_H264_LEVEL_3_1
                                             : V4L2_MPEG_VIDEO_H264_LEVEL_4_0},
        {V4L2_CID_MPEG_VIDEO_B_FRAMES, 0},
        {V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, period},
        {V4L2_CID_MPEG_VIDEO_GOP_SIZE, period},
        {V4L2_CID_MPEG_VIDEO_HEADER_MODE, V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME},
        {V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 1},
    };
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        (void)v4l2_chip_set_control(c, wishes[i].id, wishes[i].value);
    }
}

static void set_rate(const struct v4l2_chip *c, struct rational rate)
{
    struct v4l2_streamparm parm = {.type = c->input.type};
    parm.parm.output.timeperframe.numerator = (unsigned)rate.den;
    parm.parm.output.timeperframe.denominator = (unsigned)rate.num;
    (void)v4l2_queue_ioctl(c->fd, VIDIOC_S_PARM, &parm);
}

/* Chips code whole macroblocks: what is beyond the picture is cropped in the SPS. */
static void set_crop(const struct v4l2_chip *c, struct picture_size size)
{
    struct v4l2_selection s = {
        .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, /* also for the multiplanar API */
        .target = V4L2_SEL_TGT_CROP,
        .r = {.width = (unsigned)size.width, .height = (unsigned)size.height},
    };
    (void)v4l2_queue_ioctl(c->fd, VIDIOC_S_SELECTION, &s);
}

static int set_formats(struct v4l2_chip *c, struct picture_size size)
{
    int result = v4l2_queue_set_format(&c->output, V4L2_PIX_FMT_H264, size, BITSTREAM_MIN_BYTES);
    if (result < 0) {
        return result;
    }
    result = v4l2_queue_set_format(&c->input, V4L2_PIX_FMT_YUV420, size, 0);
    if (result < 0) {
        result = v4l2_queue_set_format(&c->input, V4L2_PIX_FMT_NV12, size, 0);
    }
    if (result == 0 && (c->input.size.width < size.width || c->input.size.height < size.height)) {
        result = -ERANGE;
    }
    return result;
}

int v4l2_chip_configure(struct v4l2_chip *c, const struct encoder_params *params)
{
    const int result = set_formats(c, params->size);
    if (result == 0) {
        set_crop(c, params->size);
        set_rate(c, params->rate);
        set_controls(c, params);
    }
    return result;
}
