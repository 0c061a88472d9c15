#include <errno.h>
#include <stdlib.h>

#include "net/http_server.h"
#include "proto/websocket.h"

enum { REASON_SIZE_MAX = WEBSOCKET_CONTROL_SIZE_MAX - 2 };

static struct bytes header_bytes(const struct http_exchange *x, const char *name)
{
    const char *value = http_header(x, name);
    return value ? bytes_of_text(value) : (struct bytes){0};
}

/* ---- handshake ---- */

static int check_handshake(const struct http_exchange *x, char accept[WEBSOCKET_ACCEPT_SIZE],
                           bool *is_wanted)
{
    char connection[256];
    http_parse_header_list(&x->parse, "Connection", connection, sizeof(connection));
    const struct websocket_request r = {
        .is_get = x->parse.method == HTTP_PARSE_GET,
        .is_http_1_1 = !x->parse.is_http_1_0,
        .upgrade = header_bytes(x, "Upgrade"),
        .connection = bytes_of_text(connection),
        .version = header_bytes(x, "Sec-WebSocket-Version"),
        .key = header_bytes(x, "Sec-WebSocket-Key"),
    };
    *is_wanted = websocket_is_wanted(&r);
    const bool is_one_key = http_parse_header_list(&x->parse, "Sec-WebSocket-Key", NULL, 0) <= 1;
    return is_one_key ? websocket_accept(&r, accept) : -EBADMSG;
}

static bool refuse_handshake(struct http_exchange *x, char accept[WEBSOCKET_ACCEPT_SIZE])
{
    bool is_wanted;
    const int rc = check_handshake(x, accept, &is_wanted);
    if (rc == 0) {
        return false;
    }
    if (!is_wanted || rc == -ENOTSUP) {
        http_add_header(x, "Upgrade", "websocket");
        http_add_header(x, "Sec-WebSocket-Version", "13");
        http_respond_error(x, 426, "this path speaks only WebSocket, version 13");
    } else {
        http_respond_error(x, 400, "the WebSocket handshake is not complete");
    }
    return true;
}

struct outlet *http_accept_websocket(struct http_exchange *x, const struct outlet_ops *ops,
                                     void *arg)
{
    struct http_connection *hc = x->connection;
    char accept[WEBSOCKET_ACCEPT_SIZE];
    if (x->is_over || refuse_handshake(x, accept)) {
        return NULL;
    }
    struct text head = {0};
    http_exchange_write_head(x, &head, 101, NULL);
    text_printf(&head,
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                accept);
    struct buf *b = head.error ? NULL : buf_copy(text_bytes(&head));
    text_finish(&head);
    hc->websocket = b ? calloc(1, sizeof(*hc->websocket)) : NULL;
    if (!hc->websocket) {
        buf_unref(&b);
        http_respond_error(x, 503, "out of memory");
        return NULL;
    }
    websocket_reader_init(&hc->websocket->reader);
    hc->websocket->ping_due_ns = loop_now_ns(hc->server->loop) + hc->server->timeouts.ping_ns;
    hc->exchange = NULL;
    http_exchange_release(x);
    connection_tune_for_stream(&hc->connection);
    http_connection_begin_endless(hc, HTTP_PHASE_WEBSOCKET, ops, arg);
    connection_send(&hc->connection, &b, 1);
    buf_unref(&b);
    if (hc->pending_size > 0) {
        connection_wake(&hc->connection);
    }
    return &hc->outlet;
}

void http_websocket_destroy(struct http_websocket *w)
{
    if (w) {
        websocket_reader_finish(&w->reader);
        free(w);
    }
}

/* ---- sending ---- */

static int send_frame(struct http_connection *hc, enum websocket_opcode opcode,
                      struct bytes payload)
{
    uint8_t header[WEBSOCKET_HEADER_SIZE_MAX];
    const size_t header_size = websocket_write_header(opcode, payload.size, header);
    struct buf *b = buf_create(header_size + payload.size);
    if (!b) {
        return -ENOMEM;
    }
    memcpy(b->data, header, header_size);
    if (payload.size > 0) {
        memcpy(b->data + header_size, payload.data, payload.size);
    }
    b->size = header_size + payload.size;
    const int rc = connection_send(&hc->connection, &b, 1);
    buf_unref(&b);
    return rc;
}

int outlet_send_text(struct outlet *o, struct bytes text)
{
    struct http_connection *hc = http_connection_of(o);
    return hc->phase == HTTP_PHASE_WEBSOCKET ? send_frame(hc, WEBSOCKET_TEXT, text) : -EPIPE;
}

static int send_close(struct http_connection *hc, uint16_t code, const char *reason)
{
    uint8_t payload[2 + REASON_SIZE_MAX + 1];
    bytes_put_u16(payload, code);
    text_copy((char *)payload + 2, REASON_SIZE_MAX + 1, reason ? reason : "");
    hc->websocket->was_close_sent = true;
    return send_frame(hc, WEBSOCKET_CLOSE, bytes_of(payload, 2 + strlen((char *)payload + 2)));
}

/* ---- the end ---- */

/* RFC 6455 §7.1.1: the server ends TCP first, once both close frames are through. */
void http_websocket_on_drained(struct http_connection *hc)
{
    if (hc->websocket->was_close_received) {
        http_connection_linger(hc);
    }
}

void http_websocket_end(struct http_connection *hc, uint16_t code, const char *reason)
{
    const struct outlet o = hc->outlet;
    hc->outlet.ops = NULL;
    http_connection_set_phase(hc, HTTP_PHASE_CLOSING, hc->server->timeouts.linger_ns);
    if (send_close(hc, code, reason) < 0) {
        http_connection_close(hc);
    } else if (connection_is_drained(&hc->connection)) {
        http_websocket_on_drained(hc);
    }
    if (o.ops && o.ops->on_close) {
        o.ops->on_close(&hc->outlet, o.arg);
    }
}

static void on_close_frame(struct http_connection *hc, const struct websocket_message *m)
{
    hc->websocket->was_close_received = true;
    if (!hc->websocket->was_close_sent) {
        http_websocket_end(hc, m->code == 1005 ? 1000 : m->code, "");
    } else if (connection_is_drained(&hc->connection)) {
        http_websocket_on_drained(hc);
    }
}

/* Not a close handshake: nothing that the peer sends after its error can be understood. */
static void on_protocol_error(struct http_connection *hc, uint16_t code)
{
    hc->websocket->was_close_received = true;
    if (hc->websocket->was_close_sent) {
        http_connection_close(hc);
    } else {
        http_websocket_end(hc, code, "");
    }
}

/* ---- receiving ---- */

static void on_message(struct http_connection *hc, enum websocket_reader_event event,
                       const struct websocket_message *m)
{
    const struct outlet *o = &hc->outlet;
    switch (event) {
    case WEBSOCKET_READER_TEXT:
        if (o->ops && o->ops->on_text) {
            o->ops->on_text(&hc->outlet, m->payload, o->arg);
        }
        break;
    case WEBSOCKET_READER_BINARY:
        on_protocol_error(hc, 1003);
        break;
    case WEBSOCKET_READER_PING:
        if (!hc->websocket->was_close_sent) {
            send_frame(hc, WEBSOCKET_PONG, m->payload); /* one that finds no room is not missed */
        }
        break;
    case WEBSOCKET_READER_CLOSE:
        on_close_frame(hc, m);
        break;
    case WEBSOCKET_READER_ERROR:
        on_protocol_error(hc, m->code);
        break;
    case WEBSOCKET_READER_PONG:
    case WEBSOCKET_READER_MORE:
        break;
    }
}

void http_websocket_feed(struct http_connection *hc, struct bytes in)
{
    struct http_websocket *w = hc->websocket;
    struct websocket_message m;
    enum websocket_reader_event event;
    w->n_unanswered = 0;
    websocket_reader_feed(&w->reader, in);
    while (!w->was_close_received && hc->phase != HTTP_PHASE_DEAD &&
           (event = websocket_reader_next(&w->reader, &m)) != WEBSOCKET_READER_MORE) {
        on_message(hc, event, &m);
    }
}

/* ---- pings: of a peer that is silent and to which nothing is sent ---- */

void http_websocket_check(struct http_connection *hc, int64_t now_ns)
{
    struct http_websocket *w = hc->websocket;
    if (now_ns < w->ping_due_ns) {
        return;
    }
    if (w->n_unanswered >= 2) {
        http_connection_lose(hc);
        return;
    }
    w->n_unanswered++;
    w->ping_due_ns = now_ns + hc->server->timeouts.ping_ns;
    if (connection_is_drained(&hc->connection)) {
        connection_send(&hc->connection, &hc->server->ping, 1);
    }
}
