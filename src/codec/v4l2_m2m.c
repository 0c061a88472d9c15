#include "codec/v4l2_m2m.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "bitstream/h264_normal.h"
#include "codec/convert.h"
#include "codec/v4l2_chip.h"

#define OPEN_WAIT_NS   NS_PER_S /* for the first picture, with firmware to wake up */
#define ENCODE_WAIT_NS (100 * NS_PER_MS)

enum {
    N_INPUT_BUFFERS = 3,
    N_OUTPUT_BUFFERS = 4,
    IN_FLIGHT_MAX = 8, /* pictures given and not yet seen again */
    LATE_MAX = 30,     /* pictures in a row without a packet before the chip is taken for dead */
    LUMA_BLACK = 16,
    CHROMA_NEUTRAL = 128,
};

static const char no_chip[] = "there is no V4L2 H.264 encoder on this machine";

/* Times and flags of a picture that is on its way through the chip. */
struct in_flight {
    uint32_t stamp; /* 0: free */
    int64_t capture_ns;
    int64_t arrival_ns;
    int64_t pts_ns;
    unsigned flags;
};

struct m2m_encoder {
    bool is_open;
    struct v4l2_chip chip;
    struct h264_normal normal;
    struct track track;      /* parameter_sets is borrowed from normal */
    struct picture *scratch; /* I420, for a chip that wants NV12 */
    struct picture_size size;
    uint32_t stamp;
    unsigned n_late;
    struct in_flight in_flight[IN_FLIGHT_MAX];
};

/* ---- a picture in, a packet out ---- */

static void copy_to_nv12(struct m2m_encoder *e, const struct picture *i420, uint8_t *out)
{
    const int stride = e->chip.input.stride_bytes;
    uint8_t *chroma = out + (ptrdiff_t)stride * e->chip.input.size.height;
    for (int y = 0; y < e->size.height; y++) {
        memcpy(out + (ptrdiff_t)y * stride, i420->planes[0] + (ptrdiff_t)y * i420->strides[0],
               (size_t)e->size.width);
    }
    for (int y = 0; y < e->size.height / 2; y++) {
        const uint8_t *u = i420->planes[1] + (ptrdiff_t)y * i420->strides[1];
        const uint8_t *v = i420->planes[2] + (ptrdiff_t)y * i420->strides[2];
        uint8_t *row = chroma + (ptrdiff_t)y * stride;
        for (int x = 0; x < e->size.width / 2; x++) {
            row[2 * x] = u[x];
            row[2 * x + 1] = v[x];
        }
    }
}

static int copy_picture(struct m2m_encoder *e, const struct picture *p, uint8_t *out)
{
    if (e->chip.input.fourcc == V4L2_PIX_FMT_YUV420) {
        const ptrdiff_t luma = (ptrdiff_t)e->chip.input.stride_bytes * e->chip.input.size.height;
        uint8_t *const planes[] = {out, out + luma, out + luma + luma / 4};
        const int half = e->chip.input.stride_bytes / 2;
        convert_to_i420(p, planes, (const int[]){e->chip.input.stride_bytes, half, half}, false);
        return 0;
    }
    if (!e->scratch) {
        e->scratch = picture_create(PIXEL_I420, e->size);
    }
    if (!e->scratch) {
        return -ENOMEM;
    }
    uint8_t *const planes[] = {(uint8_t *)(uintptr_t)e->scratch->planes[0],
                               (uint8_t *)(uintptr_t)e->scratch->planes[1],
                               (uint8_t *)(uintptr_t)e->scratch->planes[2]};
    convert_to_i420(p, planes, e->scratch->strides, false);
    copy_to_nv12(e, e->scratch, out);
    return 0;
}

static size_t input_bytes(const struct v4l2_queue *q)
{
    return (size_t)q->stride_bytes * (size_t)q->size.height * 3 / 2;
}

static void reclaim_inputs(struct m2m_encoder *e)
{
    unsigned index = 0;
    struct bytes ignored;
    uint32_t stamp = 0;
    while (v4l2_queue_dequeue(&e->chip.input, &index, &ignored, &stamp) == 0) {
    }
}

static int give(struct m2m_encoder *e, const struct picture *p)
{
    reclaim_inputs(e);
    const int index = v4l2_queue_take_free(&e->chip.input);
    if (index < 0) {
        return index;
    }
    const size_t size = input_bytes(&e->chip.input);
    struct v4l2_queue_buffer *buffer = &e->chip.input.buffers[index];
    if (size > buffer->size_bytes) {
        return -ENOTSUP;
    }
    const int result = copy_picture(e, p, buffer->memory);
    if (result < 0) {
        return result;
    }
    e->stamp = e->stamp % INT16_MAX + 1;
    e->in_flight[e->stamp % IN_FLIGHT_MAX] = (struct in_flight){
        .stamp = e->stamp,
        .capture_ns = p->capture_ns,
        .arrival_ns = p->arrival_ns,
        .pts_ns = p->pts_ns,
        .flags = p->flags & PACKET_DISCONTINUITY,
    };
    return v4l2_queue_put(&e->chip.input, (unsigned)index, size, e->stamp);
}

static int wait_output(struct m2m_encoder *e, int64_t deadline_ns)
{
    struct pollfd fd = {.fd = e->chip.fd, .events = POLLIN};
    const int64_t left_ns = deadline_ns - time_monotonic_ns();
    const struct timespec left = {.tv_sec = left_ns > 0 ? left_ns / NS_PER_S : 0,
                                  .tv_nsec = left_ns > 0 ? left_ns % NS_PER_S : 0};
    const int n = ppoll(&fd, 1, &left, NULL);
    if (n < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    return n == 0 ? -ETIMEDOUT : 0;
}

/* One filled buffer → packet. -EAGAIN: parameter sets only, or the chip marked it broken. */
static int take(struct m2m_encoder *e, struct packet **out, uint32_t *stamp)
{
    unsigned index = 0;
    struct bytes bytes;
    int result = v4l2_queue_dequeue(&e->chip.output, &index, &bytes, stamp);
    if (result < 0) {
        return result;
    }
    result = h264_normal_make(&e->normal, bytes, out);
    const int queued = v4l2_queue_put(&e->chip.output, index, 0, 0);
    if (result == 0 && queued < 0) {
        packet_unref(out);
    }
    return result == -EBADMSG ? -EAGAIN : queued < 0 ? queued : result;
}

/* -ETIMEDOUT: the chip keeps it for longer. */
static int wait_packet(struct m2m_encoder *e, int64_t deadline_ns, struct packet **out,
                       uint32_t *stamp)
{
    int result = take(e, out, stamp);
    while (result == -EAGAIN) {
        result = wait_output(e, deadline_ns);
        if (result == 0) {
            result = take(e, out, stamp);
        }
    }
    return result;
}

static void set_times(struct m2m_encoder *e, uint32_t stamp, struct packet *packet)
{
    struct in_flight *f = &e->in_flight[stamp % IN_FLIGHT_MAX];
    if (f->stamp != stamp) { /* a driver that does not carry stamps through: it is the newest */
        f = &e->in_flight[e->stamp % IN_FLIGHT_MAX];
    }
    packet->capture_ns = f->capture_ns;
    packet->arrival_ns = f->arrival_ns;
    packet->pts_ns = f->pts_ns;
    packet->flags |= f->flags;
    packet->encoded_ns = time_monotonic_ns();
    f->stamp = 0;
}

static void update_track(struct m2m_encoder *e)
{
    const struct rational rate = e->track.rate;
    const int64_t bitrate_bps = e->track.bitrate_bps;
    e->track = e->normal.track;
    e->track.rate = rate;
    e->track.bitrate_bps = bitrate_bps;
}

static int m2m_encode(void *state, struct picture *picture, bool force_key, struct packet **out,
                      struct option_error *error)
{
    struct m2m_encoder *e = state;
    uint32_t stamp = 0;
    struct packet *packet = NULL;
    int result = picture->size.width == e->size.width && picture->size.height == e->size.height
                     ? 0
                     : -EINVAL;
    if (result == 0 && force_key) {
        (void)v4l2_chip_set_control(&e->chip, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1);
    }
    if (result == 0) {
        result = give(e, picture);
    }
    if (result == 0 || result == -EAGAIN) { /* -EAGAIN: the chip still has every buffer */
        result = wait_packet(e, time_monotonic_ns() + ENCODE_WAIT_NS, &packet, &stamp);
    }
    if (result == -ETIMEDOUT && ++e->n_late <= LATE_MAX) {
        return -EAGAIN;
    }
    if (result < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "v4l2_m2m: %s does not encode, %s",
                 e->chip.path, strerror(-result));
        return result;
    }
    e->n_late = 0;
    set_times(e, stamp, packet);
    update_track(e);
    *out = packet;
    return 0;
}

/* ---- opening and closing ---- */

static int start_queues(struct v4l2_chip *c)
{
    int result = v4l2_queue_map(&c->input, N_INPUT_BUFFERS);
    if (result == 0) {
        result = v4l2_queue_map(&c->output, N_OUTPUT_BUFFERS);
    }
    for (unsigned i = 0; i < c->output.n_buffers && result == 0; i++) {
        result = v4l2_queue_put(&c->output, i, 0, 0);
    }
    if (result == 0) {
        result = v4l2_queue_start(&c->input);
    }
    return result < 0 ? result : v4l2_queue_start(&c->output);
}

/* Its packet is thrown away; what follows begins with a keyframe again, which the caller asks for.
 */
static int encode_black(struct m2m_encoder *e)
{
    struct picture *black = picture_create(PIXEL_I420, e->size);
    struct packet *packet = NULL;
    uint32_t stamp = 0;
    if (!black) {
        return -ENOMEM;
    }
    for (int i = 0; i < PICTURE_PLANES_MAX; i++) {
        const int n_rows = i == 0 ? e->size.height : e->size.height / 2;
        memset((uint8_t *)(uintptr_t)black->planes[i], i == 0 ? LUMA_BLACK : CHROMA_NEUTRAL,
               (size_t)black->strides[i] * (size_t)n_rows);
    }
    int result = give(e, black);
    if (result == 0) {
        result = wait_packet(e, time_monotonic_ns() + OPEN_WAIT_NS, &packet, &stamp);
    }
    packet_unref(&packet);
    picture_unref(&black);
    return result < 0 ? result : e->normal.n_tracks > 0 ? 0 : -EPROTO;
}

static int open_failed(const struct m2m_encoder *e, int code, struct option_error *error)
{
    if (code == -ENODEV) {
        snprintf(error->sentence, sizeof(error->sentence), "v4l2_m2m: %s", no_chip);
    } else {
        snprintf(error->sentence, sizeof(error->sentence), "v4l2_m2m: %s refuses %dx%d, %s",
                 e->chip.path, e->size.width, e->size.height, strerror(-code));
    }
    return code;
}

static int m2m_open(void *state, const struct encoder_params *params, struct option_error *error)
{
    struct m2m_encoder *e = state;
    *e = (struct m2m_encoder){.is_open = true, .size = params->size};
    h264_normal_init(&e->normal);
    e->track.rate = params->rate;
    e->track.bitrate_bps = params->bitrate_bps;
    int result = v4l2_chip_open(&e->chip);
    if (result == 0) {
        result = v4l2_chip_configure(&e->chip, params);
    }
    if (result == 0) {
        result = start_queues(&e->chip);
    }
    if (result == 0) {
        result = encode_black(e);
    }
    if (result < 0) {
        return open_failed(e, result, error);
    }
    update_track(e);
    (void)v4l2_chip_set_control(&e->chip, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1);
    return 0;
}

static const struct track *m2m_track(const void *state)
{
    return &((const struct m2m_encoder *)state)->track;
}

static int m2m_set_bitrate(void *state, int64_t bitrate_bps)
{
    struct m2m_encoder *e = state;
    const int result = v4l2_chip_set_control(&e->chip, V4L2_CID_MPEG_VIDEO_BITRATE, bitrate_bps);
    if (result == 0) {
        e->track.bitrate_bps = bitrate_bps;
    }
    return result;
}

static void m2m_close(void *state)
{
    struct m2m_encoder *e = state;
    if (!e->is_open) {
        return;
    }
    e->is_open = false;
    v4l2_chip_close(&e->chip);
    picture_unref(&e->scratch);
    h264_normal_finish(&e->normal);
}

static const char *m2m_problem(void)
{
    struct v4l2_chip chip;
    const int result = v4l2_chip_open(&chip);
    v4l2_chip_close(&chip);
    return result < 0 ? no_chip : NULL;
}

const struct encoder_type encoder_v4l2_m2m = {
    .name = "v4l2_m2m",
    .summary = "H.264 by the board's encoder chip (V4L2 memory-to-memory)",
    .makes = ENCODING_H264,
    .formats = CONVERT_FORMATS,
    .can = PRODUCER_CAN_KEYFRAME | PRODUCER_CAN_BITRATE,
    .state_size = sizeof(struct m2m_encoder),
    .open = m2m_open,
    .track = m2m_track,
    .encode = m2m_encode,
    .set_bitrate = m2m_set_bitrate,
    .close = m2m_close,
    .problem = m2m_problem,
};
