#include "mux/ws_h264.h"

#include <errno.h>

#include "mux/mux.h"
#include "mux/ws_frame.h"

enum { VIDEO_TRACK = 0, FLAG_KEY = 1, FLAG_DISCONTINUITY = 2 };

static int ws_h264_open(void *state, const struct track *track)
{
    return track->codec == CODEC_H264 ? 0 : -ENOTSUP;
}

static int ws_h264_header(void *state, struct buf **out)
{
    *out = NULL;
    return 0;
}

static uint8_t flags_of(const struct packet *packet)
{
    return (uint8_t)((packet->flags & PACKET_KEY ? FLAG_KEY : 0) |
                     (packet->flags & PACKET_DISCONTINUITY ? FLAG_DISCONTINUITY : 0));
}

static void write_header(struct byte_writer *w, const struct packet *packet, uint32_t sequence)
{
    const int64_t capture_ns = packet->capture_ns == TIME_NONE ? -1 : packet->capture_ns;
    byte_writer_u8(w, WS_H264_VERSION);
    byte_writer_u8(w, VIDEO_TRACK);
    byte_writer_u8(w, WS_H264_CODEC);
    byte_writer_u8(w, flags_of(packet));
    byte_writer_u32(w, sequence);
    byte_writer_u64(w, (uint64_t)capture_ns);
    byte_writer_u64(w, (uint64_t)packet->pts_ns);
}

static int ws_h264_packet(void *state, const struct packet *packet, uint32_t sequence,
                          struct buf **out)
{
    if (packet->size == 0 || packet->pts_ns == TIME_NONE) {
        return -EBADMSG;
    }
    const size_t payload_size = WS_H264_HEADER_SIZE + packet->size;
    struct buf *b = buf_create(ws_frame_header_size(payload_size) + payload_size);
    if (!b) {
        return -ENOMEM;
    }
    struct byte_writer w;
    byte_writer_init(&w, b->data, b->capacity);
    ws_frame_write_header(&w, payload_size);
    write_header(&w, packet, sequence);
    byte_writer_bytes(&w, packet_bytes(packet));
    b->size = byte_writer_size(&w);
    *out = b;
    return 0;
}

static void ws_h264_close(void *state)
{
}

const struct mux_type mux_ws_h264 = {
    .name = "ws-h264",
    .open = ws_h264_open,
    .header = ws_h264_header,
    .packet = ws_h264_packet,
    .close = ws_h264_close,
};
