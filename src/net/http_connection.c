#include <errno.h>
#include <stdlib.h>

#include "net/http_server.h"

static struct http_connection *of(struct connection *c)
{
    return list_entry(c, struct http_connection, connection);
}

void http_connection_set_phase(struct http_connection *hc, enum http_phase phase,
                               int64_t timeout_ns)
{
    hc->phase = phase;
    hc->deadline_ns =
        timeout_ns == INT64_MAX ? INT64_MAX : loop_now_ns(hc->server->loop) + timeout_ns;
}

/* ---- the end ---- */

void http_connection_free(struct http_connection *hc)
{
    free(hc->pending);
    http_websocket_destroy(hc->websocket);
    free(hc);
}

void http_connection_close(struct http_connection *hc)
{
    struct http_server *s = hc->server;
    if (hc->phase == HTTP_PHASE_DEAD) {
        return;
    }
    hc->phase = HTTP_PHASE_DEAD;
    connection_close(&hc->connection);
    if (hc->is_counted) {
        s->stats.n_connections--;
    } else {
        s->n_refusals--;
    }
    if (hc->exchange) {
        http_exchange_release(hc->exchange);
        hc->exchange = NULL;
    }
    list_remove(&hc->link);
    list_append(&s->dead, &hc->link);
    loop_post(s->loop, &s->reap);
}

void http_connection_lose(struct http_connection *hc)
{
    struct http_exchange *x = hc->phase == HTTP_PHASE_ANSWERING ? hc->exchange : NULL;
    const struct outlet o = hc->outlet;
    hc->outlet.ops = NULL;
    if (x && x->on_close) {
        x->on_close(x, x->close_arg);
    }
    http_connection_close(hc);
    if (o.ops && o.ops->on_close) {
        o.ops->on_close(&hc->outlet, o.arg);
    }
}

void http_connection_linger(struct http_connection *hc)
{
    if (hc->has_ended) {
        http_connection_close(hc);
        return;
    }
    connection_end_output(&hc->connection);
    connection_set_reading(&hc->connection, true);
    http_connection_set_phase(hc, HTTP_PHASE_LINGER, hc->server->timeouts.linger_ns);
}

/* ---- requests ---- */

static bool is_reading_request(const struct http_connection *hc)
{
    return hc->phase == HTTP_PHASE_IDLE || hc->phase == HTTP_PHASE_HEAD ||
           hc->phase == HTTP_PHASE_BODY;
}

static bool begin_request(struct http_connection *hc)
{
    hc->exchange = http_exchange_create(hc);
    if (!hc->exchange) {
        http_connection_close(hc);
        return false;
    }
    http_connection_set_phase(hc, HTTP_PHASE_HEAD, hc->server->timeouts.header_ns);
    return true;
}

static void send_continue(struct http_connection *hc)
{
    struct buf *b = buf_copy(bytes_of_text("HTTP/1.1 100 Continue\r\n\r\n"));
    if (b) {
        connection_send(&hc->connection, &b, 1);
    }
    buf_unref(&b);
}

static void begin_body(struct http_exchange *x)
{
    struct http_connection *hc = x->connection;
    http_parse_body(&x->parse, x->route->body_max_bytes);
    if (x->parse.state == HTTP_PARSE_BODY) {
        http_connection_set_phase(hc, HTTP_PHASE_BODY, hc->server->timeouts.body_ns);
        if (x->parse.expects_continue) {
            send_continue(hc);
        }
    }
}

static size_t feed_request(struct http_connection *hc, struct bytes in)
{
    if (!hc->exchange && !begin_request(hc)) {
        return in.size;
    }
    struct http_exchange *x = hc->exchange;
    const size_t used = http_parse_feed(&x->parse, in);
    if (x->parse.state == HTTP_PARSE_HEAD_DONE) {
        if (http_dispatch_head(x)) {
            return used; /* refused: x is gone */
        }
        begin_body(x);
    }
    if (x->parse.state == HTTP_PARSE_FAILED) {
        hc->server->stats.n_bad_requests++;
        http_connection_set_phase(hc, HTTP_PHASE_ANSWERING, INT64_MAX);
        http_respond_error(x, x->parse.status, "%s", x->parse.reason);
    } else if (x->parse.state == HTTP_PARSE_DONE) {
        http_connection_set_phase(hc, HTTP_PHASE_ANSWERING, INT64_MAX);
        http_dispatch(x);
    }
    return used;
}

/* Bytes of a request that waits behind another. */
static void keep_pending(struct http_connection *hc, struct bytes in)
{
    const size_t size = hc->pending_size + in.size;
    uint8_t *grown = size <= HTTP_INPUT_SIZE + HTTP_INPUT_SIZE ? realloc(hc->pending, size) : NULL;
    if (!grown) {
        http_connection_lose(hc);
        return;
    }
    memcpy(grown + hc->pending_size, in.data, in.size);
    hc->pending = grown;
    hc->pending_size = size;
    if (size >= HTTP_INPUT_SIZE) {
        connection_set_reading(&hc->connection, false);
    }
}

static void discard(struct http_connection *hc, size_t size)
{
    hc->discarded_bytes += size;
    if (hc->discarded_bytes > HTTP_DISCARD_BYTES_MAX && hc->phase == HTTP_PHASE_LINGER) {
        http_connection_close(hc);
    } else if (hc->discarded_bytes > HTTP_DISCARD_BYTES_MAX) {
        connection_set_reading(&hc->connection, false);
    }
}

static void feed(struct http_connection *hc, struct bytes in)
{
    hc->is_feeding = true;
    while (in.size > 0 && is_reading_request(hc)) {
        const size_t used = feed_request(hc, in);
        in = bytes_of(in.data + used, in.size - used);
    }
    hc->is_feeding = false;
    if (in.size == 0) {
        return;
    }
    switch (hc->phase) {
    case HTTP_PHASE_ANSWERING:
    case HTTP_PHASE_SENDING:
        keep_pending(hc, in);
        break;
    case HTTP_PHASE_WEBSOCKET:
    case HTTP_PHASE_CLOSING:
        http_websocket_feed(hc, in);
        break;
    case HTTP_PHASE_STREAM:
    case HTTP_PHASE_LINGER:
        discard(hc, in.size);
        break;
    case HTTP_PHASE_IDLE:
    case HTTP_PHASE_HEAD:
    case HTTP_PHASE_BODY:
    case HTTP_PHASE_DEAD:
        break;
    }
}

static void feed_pending(struct http_connection *hc)
{
    uint8_t *pending = hc->pending;
    const size_t size = hc->pending_size;
    hc->pending = NULL;
    hc->pending_size = 0;
    if (connection_set_reading(&hc->connection, true) == 0) {
        feed(hc, bytes_of(pending, size));
    }
    free(pending);
}

/* ---- answers ---- */

static void on_all_sent(struct http_connection *hc)
{
    if (hc->closes || hc->has_ended || hc->server->is_stopping) {
        http_connection_linger(hc);
        return;
    }
    http_connection_set_phase(hc, HTTP_PHASE_IDLE, hc->server->timeouts.idle_ns);
    if (hc->pending_size > 0 && !hc->is_feeding) {
        connection_wake(&hc->connection); /* the next request, but not on this stack */
    }
}

void http_connection_answered(struct http_connection *hc, size_t size)
{
    if (connection_is_drained(&hc->connection)) {
        on_all_sent(hc);
        return;
    }
    const int64_t transfer_ns = (int64_t)(size / HTTP_ANSWER_RATE_MIN) * NS_PER_S;
    http_connection_set_phase(hc, HTTP_PHASE_SENDING, hc->server->timeouts.stall_ns + transfer_ns);
}

void http_connection_begin_endless(struct http_connection *hc, enum http_phase phase,
                                   const struct outlet_ops *ops, void *arg)
{
    http_connection_set_phase(hc, phase, INT64_MAX);
    hc->closes = true;
    hc->outlet = (struct outlet){.type = &http_outlet, .ops = ops, .arg = arg};
    if (phase == HTTP_PHASE_STREAM) {
        free(hc->pending); /* what follows the request is never read */
        hc->pending = NULL;
        hc->pending_size = 0;
    }
    connection_set_reading(&hc->connection, true);
}

/* ---- events ---- */

static void on_peer_ended(struct http_connection *hc)
{
    hc->has_ended = true;
    switch (hc->phase) {
    case HTTP_PHASE_SENDING:
    case HTTP_PHASE_STREAM: /* may still listen: writing will tell */
        hc->swept_bytes = hc->connection.bytes_sent;
        hc->deadline_ns = hc->phase == HTTP_PHASE_SENDING
                              ? hc->deadline_ns
                              : loop_now_ns(hc->server->loop) + hc->server->timeouts.stall_ns;
        connection_set_reading(&hc->connection, false);
        break;
    case HTTP_PHASE_ANSWERING:
    case HTTP_PHASE_WEBSOCKET:
        http_connection_lose(hc);
        break;
    case HTTP_PHASE_IDLE:
    case HTTP_PHASE_HEAD:
    case HTTP_PHASE_BODY:
    case HTTP_PHASE_CLOSING:
    case HTTP_PHASE_LINGER:
    case HTTP_PHASE_DEAD:
        http_connection_close(hc);
        break;
    }
}

static void on_input(struct connection *c)
{
    struct http_connection *hc = of(c);
    struct http_server *s = hc->server;
    const ssize_t n = connection_read(c, s->input, sizeof(s->input));
    if (n > 0) {
        feed(hc, bytes_of(s->input, (size_t)n));
    } else if (n == 0) {
        on_peer_ended(hc);
    } else if (n != -EAGAIN) {
        http_connection_lose(hc);
    }
}

static void on_endless_drained(struct http_connection *hc)
{
    if (hc->pending_size > 0) {
        feed_pending(hc);
    }
    if (hc->outlet.ops && hc->outlet.ops->on_idle) {
        hc->outlet.ops->on_idle(&hc->outlet, hc->outlet.arg);
    }
}

static void on_drained(struct connection *c)
{
    struct http_connection *hc = of(c);
    switch (hc->phase) {
    case HTTP_PHASE_SENDING:
        on_all_sent(hc);
        break;
    case HTTP_PHASE_IDLE:
        feed_pending(hc);
        break;
    case HTTP_PHASE_STREAM:
    case HTTP_PHASE_WEBSOCKET:
        on_endless_drained(hc);
        break;
    case HTTP_PHASE_CLOSING:
        http_websocket_on_drained(hc);
        break;
    case HTTP_PHASE_HEAD:
    case HTTP_PHASE_BODY:
    case HTTP_PHASE_ANSWERING:
    case HTTP_PHASE_LINGER:
    case HTTP_PHASE_DEAD:
        break;
    }
}

static void on_broken(struct connection *c)
{
    http_connection_lose(of(c));
}

static const struct connection_ops connection_ops = {
    .on_input = on_input,
    .on_drained = on_drained,
    .on_broken = on_broken,
};

/* ---- the beginning ---- */

void http_connection_begin(struct http_connection *hc, int fd, const struct address *peer)
{
    struct http_server *s = hc->server;
    connection_init(&hc->connection, s->loop, fd, peer, &connection_ops);
    list_append(&s->connections, &hc->link);
    http_connection_set_phase(hc, HTTP_PHASE_IDLE, s->timeouts.idle_ns);
}
