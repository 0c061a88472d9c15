#include <errno.h>

#include "net/http_server.h"

bool http_answer_head(struct http_exchange *x, const char *content_type)
{
    if (!x->is_head) {
        return false;
    }
    http_add_header(x, "Cache-Control", "no-store");
    x->is_endless = true;
    http_respond(x, 200, content_type, (struct bytes){0});
    return true;
}

struct outlet *http_start_stream(struct http_exchange *x, const char *content_type,
                                 const struct outlet_ops *ops, void *arg)
{
    struct http_connection *hc = x->connection;
    struct text head = {0};
    if (x->is_over || http_answer_head(x, content_type)) {
        return NULL;
    }
    http_exchange_write_head(x, &head, 200, content_type);
    text_append(&head, "Cache-Control: no-store\r\nConnection: close\r\n\r\n");
    struct buf *b = head.error ? NULL : buf_copy(text_bytes(&head));
    text_finish(&head);
    if (!b) {
        http_respond_error(x, 503, "out of memory");
        return NULL;
    }
    hc->exchange = NULL;
    http_exchange_release(x);
    connection_tune_for_stream(&hc->connection);
    http_connection_begin_endless(hc, HTTP_PHASE_STREAM, ops, arg);
    connection_send(&hc->connection, &b, 1);
    buf_unref(&b);
    return &hc->outlet;
}

/* ---- outlets ---- */

static bool is_open(const struct http_connection *hc)
{
    return (hc->phase == HTTP_PHASE_STREAM || hc->phase == HTTP_PHASE_WEBSOCKET) &&
           !hc->connection.is_broken;
}

static int send_bufs(struct outlet *o, struct buf *const *bufs, size_t n_bufs)
{
    struct http_connection *hc = http_connection_of(o);
    return is_open(hc) ? connection_send(&hc->connection, bufs, n_bufs) : -EPIPE;
}

static bool is_idle(const struct outlet *o)
{
    const struct http_connection *hc = list_entry(o, const struct http_connection, outlet);
    return is_open(hc) && connection_is_ready(&hc->connection);
}

static int64_t backlog_ns(struct outlet *o)
{
    struct http_connection *hc = http_connection_of(o);
    return is_open(hc) ? connection_backlog_ns(&hc->connection) : 0;
}

static void close_outlet(struct outlet *o, int code, const char *reason)
{
    struct http_connection *hc = http_connection_of(o);
    o->ops = NULL;
    if (hc->phase == HTTP_PHASE_WEBSOCKET) {
        http_websocket_end(hc, (uint16_t)(code > 0 ? code : 1000), reason);
    } else if (hc->phase != HTTP_PHASE_STREAM) {
        return;
    } else if (connection_is_drained(&hc->connection)) {
        http_connection_linger(hc);
    } else {
        http_connection_set_phase(hc, HTTP_PHASE_SENDING, hc->server->timeouts.linger_ns);
    }
}

const struct outlet_type http_outlet = {
    .send = send_bufs,
    .is_idle = is_idle,
    .backlog_ns = backlog_ns,
    .close = close_outlet,
};
