#include "mux/mp4_segment.h"

#include <errno.h>

#include "bitstream/h264_config.h"
#include "bitstream/h264_nal.h"
#include "mux/mp4_box.h"

enum {
    TIMESCALE = 90000,
    DEFAULT_RATE_FPS = 30,
    PRFT_SIZE = 32,
    PRFT_CAPTURED = 24, /* flags: the time is that of capture */
    MOOF_SIZE = 100,
    BOX_HEADER_SIZE = 8,
    TFHD_DEFAULT_BASE_IS_MOOF = 0x020000,
    /* data-offset, and per sample duration, size and flags */
    TRUN_FLAGS = 0x000001 | 0x000100 | 0x000200 | 0x000400,
    SAMPLE_DEPENDS_ON_NONE = 0x02000000,
    SAMPLE_DEPENDS_NON_SYNC = 0x01010000,
};

/* Time line in 90 kHz. */
static int64_t to_timescale(int64_t ns)
{
    return time_rescale(ns, TIMESCALE, NS_PER_S);
}

/* To the nearest tick: 3000 at 30 frames per second, not what its nanoseconds round to. */
static uint32_t nominal_duration(const struct track *track)
{
    if (track->rate.num <= 0 || track->rate.den <= 0) {
        return TIMESCALE / DEFAULT_RATE_FPS;
    }
    const int64_t num = track->rate.num;
    const int64_t ticks = (INT64_C(2) * TIMESCALE * track->rate.den + num) / (2 * num);
    return ticks < 1 ? 1 : ticks < TIMESCALE ? (uint32_t)ticks : (uint32_t)TIMESCALE;
}

int mp4_segment_open(struct mp4_segment *s, const struct track *track)
{
    if (track->codec != CODEC_H264) {
        return -ENOTSUP;
    }
    struct buf *avcc;
    const int rc = h264_config_avcc(buf_bytes(track->parameter_sets), &avcc);
    if (rc < 0) {
        return rc;
    }
    *s = (struct mp4_segment){
        .avcc = avcc,
        .size = track->size,
        .sample_aspect = h264_config_sample_aspect(buf_bytes(track->parameter_sets)),
        .nominal_duration = nominal_duration(track),
    };
    return 0;
}

void mp4_segment_finish(struct mp4_segment *s)
{
    buf_unref(&s->avcc);
}

/* What is left of an access unit without its parameter sets at the front. */
static struct bytes without_sets(struct bytes in)
{
    while (in.size > H264_START_CODE_SIZE) {
        const unsigned type = in.data[H264_START_CODE_SIZE] & 0x1fu;
        if (type != H264_NAL_SPS && type != H264_NAL_PPS) {
            break;
        }
        const size_t code = h264_nal_find_start_code(in, H264_START_CODE_SIZE);
        const size_t end = code < in.size ? code - 1 : in.size;
        in = bytes_of(in.data + end, in.size - end);
    }
    return in;
}

/* Four-byte start codes only, and none at the end. */
static bool is_normal(struct bytes in)
{
    size_t at = 0;
    while (at < in.size) {
        if (in.size - at <= H264_START_CODE_SIZE || bytes_get_u32(in.data + at) != 1) {
            return false;
        }
        const size_t code = h264_nal_find_start_code(in, at + H264_START_CODE_SIZE);
        if (code < in.size && code <= at + H264_START_CODE_SIZE + 1) {
            return false; /* an empty NAL unit */
        }
        at = code < in.size ? code - 1 : code;
    }
    return in.size > 0;
}

/* The nominal duration, unless frames come more slowly than 2/3 of the nominal rate. */
static uint32_t duration_after(const struct mp4_segment *s, int64_t time)
{
    const int64_t distance = s->has_last ? time - s->last_time : 0;
    if (distance <= s->nominal_duration + s->nominal_duration / 2) {
        return s->nominal_duration;
    }
    return distance < TIMESCALE ? (uint32_t)distance : TIMESCALE;
}

int mp4_segment_plan(struct mp4_segment *s, const struct packet *packet, uint32_t sequence,
                     struct mp4_fragment *out)
{
    const bool is_key = packet_is_key(packet);
    const struct bytes whole = packet_bytes(packet);
    const struct bytes payload = is_key ? without_sets(whole) : whole;
    if (packet->pts_ns < 0 || !is_normal(payload)) {
        return -EBADMSG;
    }
    int64_t time = to_timescale(packet->pts_ns);
    if (s->has_last && time <= s->last_time) {
        time = s->last_time + 1; /* closer together than a tick */
    }
    *out = (struct mp4_fragment){
        .payload = payload,
        .time = time,
        .duration = duration_after(s, time),
        .capture_ns = packet->capture_ns,
        .is_key = is_key,
        .sequence = sequence + 1,
        .size = (packet->capture_ns != TIME_NONE ? PRFT_SIZE : 0) + MOOF_SIZE + BOX_HEADER_SIZE +
                payload.size,
    };
    s->has_last = true;
    s->last_time = time;
    return 0;
}

static void write_prft(const struct mp4_fragment *f, struct byte_writer *w)
{
    const size_t prft = mp4_box_begin_full(w, "prft", 1, PRFT_CAPTURED);
    byte_writer_u32(w, MP4_TRACK_ID);
    byte_writer_u64(w, time_real_to_ntp(f->capture_ns));
    byte_writer_u64(w, (uint64_t)f->time);
    mp4_box_end(w, prft);
}

static void write_traf(const struct mp4_fragment *f, struct byte_writer *w)
{
    const size_t traf = mp4_box_begin(w, "traf");
    const size_t tfhd = mp4_box_begin_full(w, "tfhd", 0, TFHD_DEFAULT_BASE_IS_MOOF);
    byte_writer_u32(w, MP4_TRACK_ID);
    mp4_box_end(w, tfhd);
    const size_t tfdt = mp4_box_begin_full(w, "tfdt", 1, 0);
    byte_writer_u64(w, (uint64_t)f->time);
    mp4_box_end(w, tfdt);
    const size_t trun = mp4_box_begin_full(w, "trun", 0, TRUN_FLAGS);
    byte_writer_u32(w, 1); /* sample_count */
    byte_writer_u32(w, MOOF_SIZE + BOX_HEADER_SIZE);
    byte_writer_u32(w, f->duration);
    byte_writer_u32(w, (uint32_t)f->payload.size);
    byte_writer_u32(w, f->is_key ? SAMPLE_DEPENDS_ON_NONE : SAMPLE_DEPENDS_NON_SYNC);
    mp4_box_end(w, trun);
    mp4_box_end(w, traf);
}

/* One copy; then each four-byte start code becomes the length of its NAL unit. */
static void write_payload(struct bytes payload, struct byte_writer *w)
{
    uint8_t *out = byte_writer_reserve(w, payload.size);
    if (!out) {
        return;
    }
    memcpy(out, payload.data, payload.size);
    for (size_t at = 0; at < payload.size;) {
        const size_t code = h264_nal_find_start_code(payload, at + H264_START_CODE_SIZE);
        const size_t end = code < payload.size ? code - 1 : code;
        bytes_put_u32(out + at, (uint32_t)(end - at - H264_START_CODE_SIZE));
        at = end;
    }
}

void mp4_segment_write(const struct mp4_fragment *f, struct byte_writer *w)
{
    if (f->capture_ns != TIME_NONE) {
        write_prft(f, w);
    }
    const size_t moof = mp4_box_begin(w, "moof");
    const size_t mfhd = mp4_box_begin_full(w, "mfhd", 0, 0);
    byte_writer_u32(w, f->sequence);
    mp4_box_end(w, mfhd);
    write_traf(f, w);
    mp4_box_end(w, moof);
    const size_t mdat = mp4_box_begin(w, "mdat");
    write_payload(f->payload, w);
    mp4_box_end(w, mdat);
}
