/* fMP4: mux_mp4 as a byte stream, mux_ws_mp4 as WebSocket messages. */
#include <errno.h>

#include "mux/mp4_segment.h"
#include "mux/mux.h"
#include "mux/ws_frame.h"

static int mp4_open(void *state, const struct track *track)
{
    return mp4_segment_open(state, track);
}

static void mp4_close(void *state)
{
    mp4_segment_finish(state);
}

static int mp4_header(void *state, struct buf **out)
{
    return mp4_segment_create_init(state, out);
}

static int write_fragment(struct mp4_segment *s, const struct packet *packet, uint32_t sequence,
                          bool is_message, struct buf **out)
{
    struct mp4_fragment f;
    const int rc = mp4_segment_plan(s, packet, sequence, &f);
    if (rc < 0) {
        return rc;
    }
    struct buf *b = buf_create((is_message ? ws_frame_header_size(f.size) : 0) + f.size);
    if (!b) {
        return -ENOMEM;
    }
    struct byte_writer w;
    byte_writer_init(&w, b->data, b->capacity);
    if (is_message) {
        ws_frame_write_header(&w, f.size);
    }
    mp4_segment_write(&f, &w);
    b->size = byte_writer_size(&w);
    *out = b;
    return 0;
}

static int mp4_packet(void *state, const struct packet *packet, uint32_t sequence, struct buf **out)
{
    return write_fragment(state, packet, sequence, false, out);
}

static int ws_mp4_packet(void *state, const struct packet *packet, uint32_t sequence,
                         struct buf **out)
{
    return write_fragment(state, packet, sequence, true, out);
}

static int ws_mp4_header(void *state, struct buf **out)
{
    struct buf *init;
    const int rc = mp4_segment_create_init(state, &init);
    if (rc < 0) {
        return rc;
    }
    struct buf *b = buf_create(ws_frame_header_size(init->size) + init->size);
    if (b) {
        struct byte_writer w;
        byte_writer_init(&w, b->data, b->capacity);
        ws_frame_write_header(&w, init->size);
        byte_writer_bytes(&w, buf_bytes(init));
        b->size = byte_writer_size(&w);
        *out = b;
    }
    buf_unref(&init);
    return b ? 0 : -ENOMEM;
}

const struct mux_type mux_mp4 = {
    .name = "mp4",
    .mime = "video/mp4",
    .state_size = sizeof(struct mp4_segment),
    .open = mp4_open,
    .header = mp4_header,
    .packet = mp4_packet,
    .close = mp4_close,
};

const struct mux_type mux_ws_mp4 = {
    .name = "ws-mp4",
    .state_size = sizeof(struct mp4_segment),
    .open = mp4_open,
    .header = ws_mp4_header,
    .packet = ws_mp4_packet,
    .close = mp4_close,
};
