#include "net/http_server.h"

static void cut_request(struct http_connection *hc)
{
    const bool is_body = hc->phase == HTTP_PHASE_BODY;
    hc->server->stats.n_bad_requests++;
    http_connection_set_phase(hc, HTTP_PHASE_ANSWERING, INT64_MAX);
    http_respond_error(hc->exchange, 408, "the request's %s took too long",
                       is_body ? "body" : "header");
}

/* Half closed, a peer that takes no bytes any more cannot be told from one that is gone. */
static void check_half_closed(struct http_connection *hc, int64_t now_ns)
{
    if (hc->swept_bytes != hc->connection.bytes_sent) {
        hc->swept_bytes = hc->connection.bytes_sent;
        hc->deadline_ns = now_ns + hc->server->timeouts.stall_ns;
    } else if (now_ns >= hc->deadline_ns) {
        http_connection_lose(hc);
    }
}

static bool is_stalled(const struct http_connection *hc, int64_t now_ns)
{
    const struct connection *c = &hc->connection;
    return !connection_is_ready(c) && now_ns - c->progress_ns >= hc->server->timeouts.stall_ns;
}

void http_connection_check(struct http_connection *hc, int64_t now_ns)
{
    const bool is_endless = hc->phase == HTTP_PHASE_STREAM || hc->phase == HTTP_PHASE_WEBSOCKET;
    if (hc->connection.is_broken || (is_endless && is_stalled(hc, now_ns))) {
        http_connection_lose(hc);
    } else if (hc->phase == HTTP_PHASE_WEBSOCKET) {
        http_websocket_check(hc, now_ns);
    } else if (hc->phase == HTTP_PHASE_STREAM && hc->has_ended) {
        check_half_closed(hc, now_ns);
    } else if (now_ns < hc->deadline_ns) {
        return;
    } else if (hc->phase == HTTP_PHASE_HEAD || hc->phase == HTTP_PHASE_BODY) {
        cut_request(hc);
    } else {
        http_connection_lose(hc);
    }
}

void http_connection_stop(struct http_connection *hc)
{
    switch (hc->phase) {
    case HTTP_PHASE_IDLE:
    case HTTP_PHASE_HEAD:
    case HTTP_PHASE_STREAM:
        http_connection_lose(hc);
        break;
    case HTTP_PHASE_WEBSOCKET:
        http_websocket_end(hc, 1001, "the server stops");
        break;
    case HTTP_PHASE_BODY:
    case HTTP_PHASE_ANSWERING:
    case HTTP_PHASE_SENDING:
    case HTTP_PHASE_CLOSING:
    case HTTP_PHASE_LINGER:
    case HTTP_PHASE_DEAD:
        break;
    }
}
