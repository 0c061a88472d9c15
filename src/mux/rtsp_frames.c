#include "mux/rtsp_frames.h"

#include <errno.h>

#include "media/rtp_payloads.h"
#include "mux/mux.h"

enum { FRAME_HEADER_SIZE = 4, RTP_VERSION = 0x80, RTP_MARKER = 0x80 };

/* All of it is kept. */
struct rtsp_mux {
    bool is_started;
    uint32_t ssrc;
    uint16_t next_sequence;
};

/* Numbers that nobody outside can guess before, without a clock and a source of chance here
 * (splitmix64). */
static void start(struct rtsp_mux *m, const struct packet *p)
{
    uint64_t x =
        (uint64_t)p->arrival_ns ^ (uint64_t)p->capture_ns << 17 ^ (uint64_t)p->pts_ns << 31;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    m->ssrc = (uint32_t)x | 1;
    m->next_sequence = (uint16_t)(x >> 32 & 0x7fff);
    m->is_started = true;
}

static void write_header(struct byte_writer *w, struct rtsp_mux *m, uint32_t timestamp,
                         const struct rtp_payload *p)
{
    byte_writer_u8(w, '$');
    byte_writer_u8(w, 0);
    byte_writer_u16(w, (uint16_t)(RTSP_FRAMES_HEADER_SIZE - FRAME_HEADER_SIZE + p->size));
    byte_writer_u8(w, RTP_VERSION);
    byte_writer_u8(w, (uint8_t)(RTSP_FRAMES_PAYLOAD_TYPE_VIDEO | (p->marker ? RTP_MARKER : 0)));
    byte_writer_u16(w, m->next_sequence++);
    byte_writer_u32(w, timestamp);
    byte_writer_u32(w, m->ssrc);
}

static struct buf *write_frames(struct rtsp_mux *m, const struct buf *cut)
{
    const struct rtp_payloads *head = rtp_payloads_of(cut);
    struct buf *b = buf_create(cut->size + head->n_payloads * RTSP_FRAMES_HEADER_SIZE);
    if (!b) {
        return NULL;
    }
    struct byte_writer w;
    byte_writer_init(&w, b->data, b->capacity);
    for (uint32_t i = 0; i < head->n_payloads; i++) {
        write_header(&w, m, head->timestamp, &head->payloads[i]);
        byte_writer_bytes(&w, rtp_payload_bytes(cut, i));
    }
    b->size = byte_writer_size(&w);
    return b;
}

static int rtsp_h264_open(void *state, const struct track *track)
{
    return mux_rtp_h264_plain.open(NULL, track);
}

static int rtsp_h264_header(void *state, struct buf **out)
{
    *out = NULL;
    return 0;
}

static int rtsp_h264_packet(void *state, const struct packet *packet, uint32_t sequence,
                            struct buf **out)
{
    struct rtsp_mux *m = state;
    struct buf *cut;
    const int result = mux_rtp_h264_plain.packet(NULL, packet, sequence, &cut);
    if (result < 0) {
        return result;
    }
    if (!m->is_started) {
        start(m, packet);
    }
    struct buf *b = write_frames(m, cut);
    buf_unref(&cut);
    if (!b) {
        return -ENOMEM;
    }
    *out = b;
    return 0;
}

static void rtsp_h264_close(void *state)
{
}

const struct mux_type mux_rtsp_h264 = {
    .name = "rtsp-h264",
    .state_size = sizeof(struct rtsp_mux),
    .kept_size = sizeof(struct rtsp_mux),
    .open = rtsp_h264_open,
    .header = rtsp_h264_header,
    .packet = rtsp_h264_packet,
    .close = rtsp_h264_close,
};

/* ---- looking at them ---- */

static size_t frame_size(const uint8_t *at)
{
    return FRAME_HEADER_SIZE + (size_t)bytes_get_u16(at + 2);
}

void rtsp_frames_view(struct bytes frames, struct rtsp_frames *out)
{
    const uint8_t *rtp = frames.data + FRAME_HEADER_SIZE;
    *out = (struct rtsp_frames){
        .sequence = bytes_get_u16(rtp + 2),
        .timestamp = bytes_get_u32(rtp + 4),
        .ssrc = bytes_get_u32(rtp + 8),
    };
    for (size_t at = 0; at < frames.size; at += frame_size(frames.data + at)) {
        out->n_packets++;
    }
    out->n_payload_bytes = frames.size - out->n_packets * RTSP_FRAMES_HEADER_SIZE;
}

struct buf *rtsp_frames_copy(struct bytes frames, uint8_t channel)
{
    struct buf *b = buf_copy(frames);
    for (size_t at = 0; b && at < b->size; at += frame_size(b->data + at)) {
        b->data[at + 1] = channel;
    }
    return b;
}
