/* A track interleaved with the dialogue on its TCP connection (RFC 2326 §10.12). */
#include <errno.h>

#include "sink/rtsp_connection.h"

static const struct rtsp_media *media_of(const struct rtsp_flow *f)
{
    return f->carrier;
}

static struct connection *connection_of(const struct rtsp_flow *f)
{
    return &media_of(f)->connection->connection;
}

static uint8_t channel_of(const struct rtsp_flow *f)
{
    return media_of(f)->transport.channels[0];
}

/* ---- outlet ---- */

static int send_copies(struct connection *c, struct buf *const *bufs, size_t n_bufs,
                       uint8_t channel)
{
    int result = 0;
    for (size_t i = 0; i < n_bufs && result == 0; i++) {
        if (bufs[i]) {
            struct buf *copy = rtsp_frames_copy(buf_bytes(bufs[i]), channel);
            result = copy ? connection_send(c, &copy, 1) : -ENOBUFS;
            buf_unref(&copy);
        }
    }
    return result;
}

static int send_bufs(struct outlet *o, struct buf *const *bufs, size_t n_bufs)
{
    const struct rtsp_flow *f = rtsp_flow_of(o);
    struct connection *c = connection_of(f);
    const uint8_t channel = channel_of(f);
    return channel == 0 ? connection_send(c, bufs, n_bufs) : send_copies(c, bufs, n_bufs, channel);
}

static bool is_idle(const struct outlet *o)
{
    const struct connection *c = connection_of(list_entry(o, const struct rtsp_flow, outlet));
    return !c->is_broken && connection_is_ready(c);
}

static int64_t backlog_ns(struct outlet *o)
{
    return connection_backlog_ns(connection_of(rtsp_flow_of(o)));
}

/* ---- flow ---- */

static const struct mux_type *mux_of(const struct rtsp_track *t)
{
    return t->frames;
}

static void view(const struct rtsp_flow *f, const struct chunk *c, struct rtsp_frames *out)
{
    rtsp_frames_view(buf_bytes(c->buf), out);
}

/* One that does not fit in the queue is not missed. */
static void send_report(struct rtsp_flow *f, struct bytes rtcp)
{
    const uint8_t channel = media_of(f)->transport.channels[1];
    struct buf *b = buf_create(RTSP_FRAME_HEADER_SIZE + rtcp.size);
    if (!b) {
        return;
    }
    b->data[0] = '$';
    b->data[1] = channel;
    bytes_put_u16(b->data + 2, (uint16_t)rtcp.size);
    memcpy(b->data + RTSP_FRAME_HEADER_SIZE, rtcp.data, rtcp.size);
    b->size = b->capacity;
    (void)connection_send(connection_of(f), &b, 1);
    buf_unref(&b);
}

const struct rtsp_flow_type rtsp_flow_tcp = {
    .outlet = {.send = send_bufs, .is_idle = is_idle, .backlog_ns = backlog_ns},
    .mux = mux_of,
    .view = view,
    .send_report = send_report,
};
