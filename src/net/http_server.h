/*
 * Inside of the HTTP server: what its files share. Others include net/http.h.
 *
 * http_server.c     listening, limits, the sweep of deadlines, stop
 * http_accept.c     limits of connections
 * http_connection.c phases of one connection, from accept to close
 * http_deadline.c   what happens when a phase takes too long, or the server stops
 * http_dispatch.c   what is refused, redirected, or handed to a route
 * http_exchange.c   request read, answer written
 * http_stream.c     endless answers, outlets
 * http_websocket.c  the same over WebSocket
 *
 * Thread: loop only.
 */
#ifndef AVOCET_NET_HTTP_SERVER_H
#define AVOCET_NET_HTTP_SERVER_H

#include "net/connection.h"
#include "net/http.h"
#include "net/http_guard.h"
#include "net/http_parse.h"
#include "net/http_route.h"
#include "net/listener_group.h"
#include "net/websocket_reader.h"

enum {
    HTTP_ROUTE_TABLES_MAX = 16,
    HTTP_INPUT_SIZE = 16 * 1024, /* read at once, and kept of pipelined requests */
    /* Connections over the limits that hear so and are waited for, at a time; each for linger_ns at
     * most. Further ones hear it too, as far as one write goes. */
    HTTP_REFUSALS_MAX = 1024,
    HTTP_DISCARD_BYTES_MAX = 256 * 1024, /* of what a peer sends and nobody reads */
    HTTP_RETRY_AFTER_S = 2,
    HTTP_ANSWER_RATE_MIN = 4096, /* bytes per second that a finite answer must make */
};
#define HTTP_SWEEP_INTERVAL_NS (250 * NS_PER_MS)

/* The limits of http.h, and those that nobody outside needs; a test may shorten them. */
struct http_timeouts {
    int64_t header_ns;
    int64_t body_ns;
    int64_t idle_ns;
    int64_t stall_ns;
    int64_t linger_ns; /* after our end, until the peer's */
    int64_t ping_ns;   /* between WebSocket pings; silent for two of them is gone */
};

struct http_route_table {
    const struct http_route *routes;
    void *arg;
};

struct http_server {
    struct loop *loop;
    struct log log;
    const char *scheme; /* "http" */
    struct http_timeouts timeouts;
    unsigned connections_max;
    unsigned connections_per_address_max;

    struct listener_group listeners;

    struct http_route_table tables[HTTP_ROUTE_TABLES_MAX];
    unsigned n_tables;
    struct http_guard guard;
    bool (*has_name)(const char *name, void *arg);
    void *has_name_arg;

    struct list connections; /* http_connection::link */
    struct list dead;        /* the same, closed: freed from the loop */
    struct loop_message reap;
    struct loop_timer sweep;
    struct loop_timer grace;
    bool is_sweeping;
    bool is_stopping;
    bool was_limit_said;
    unsigned n_refusals;
    struct http_server_stats stats;

    struct buf *ping;    /* one frame for all */
    struct buf *refusal; /* the 503 of all connections over the limits */
    uint8_t input[HTTP_INPUT_SIZE];
};

/* ---- one connection ---- */

enum http_phase {
    HTTP_PHASE_IDLE, /* between requests */
    HTTP_PHASE_HEAD,
    HTTP_PHASE_BODY,
    HTTP_PHASE_ANSWERING, /* a handler has the exchange */
    HTTP_PHASE_SENDING,   /* the answer waits for the socket */
    HTTP_PHASE_STREAM,
    HTTP_PHASE_WEBSOCKET,
    HTTP_PHASE_CLOSING, /* WebSocket: our close frame is sent or queued */
    HTTP_PHASE_LINGER,  /* all is sent, the peer has to end: closing now could cost it the answer */
    HTTP_PHASE_DEAD,
};

struct http_websocket {
    struct websocket_reader reader;
    int64_t ping_due_ns;
    unsigned n_unanswered; /* pings since anything came */
    bool was_close_sent;
    bool was_close_received;
};

struct http_connection {
    struct connection connection;
    struct list link;
    struct http_server *server;
    enum http_phase phase;
    int64_t deadline_ns; /* of the phase; INT64_MAX: none */
    bool is_counted;     /* in n_connections; else in n_refusals */
    bool is_feeding;     /* requests are being read, further down the stack */
    bool closes;         /* after this answer */
    bool has_ended;      /* the peer's half */
    struct http_exchange *exchange;
    uint8_t *pending; /* what came after the request that is being answered */
    size_t pending_size;
    size_t discarded_bytes;
    uint64_t swept_bytes; /* bytes_sent at the last sweep, of a half-closed stream */
    struct outlet outlet;
    struct http_websocket *websocket;
};

/* Take over fd; a connection over the limits gets its 503. */
void http_accept(struct http_server *s, int fd, const struct address *peer);
/* NULL without memory. */
struct buf *http_refusal_create(void);
void http_connection_begin(struct http_connection *hc, int fd, const struct address *peer);
void http_connection_set_phase(struct http_connection *hc, enum http_phase phase,
                               int64_t timeout_ns);
void http_connection_begin_endless(struct http_connection *hc, enum http_phase phase,
                                   const struct outlet_ops *ops, void *arg);
/* The answer was given to the socket: what comes next. size in bytes. */
void http_connection_answered(struct http_connection *hc, size_t size);
/* Everything was sent: end our half, and wait for the peer's. */
void http_connection_linger(struct http_connection *hc);
/* Whoever waits for this connection is told, and it is closed. */
void http_connection_lose(struct http_connection *hc);
/* Closes it, telling nobody; freed from the loop. */
void http_connection_close(struct http_connection *hc);
void http_connection_free(struct http_connection *hc);
void http_connection_check(struct http_connection *hc, int64_t now_ns);
void http_connection_stop(struct http_connection *hc);

/* Of endless answers and WebSockets. */
extern const struct outlet_type http_outlet;

static inline struct http_connection *http_connection_of(struct outlet *o)
{
    return list_entry(o, struct http_connection, outlet);
}

/* ---- one exchange ---- */

struct http_exchange {
    struct http_connection *connection;
    struct http_parse parse;
    struct http_target target;
    struct http_route_match match;
    const struct http_route *route;
    void *route_arg;
    bool is_head;
    bool is_endless;            /* HEAD of an endless answer: no length to tell */
    const char *allowed_origin; /* for Access-Control-Allow-Origin */
    struct text headers;        /* added to the answer */
    bool has_retry_after;
    struct address local;
    bool in_handler;
    bool is_over; /* answered or closed; freed when the handler returns */
    void (*on_close)(struct http_exchange *x, void *arg);
    void *close_arg;
};

struct http_exchange *http_exchange_create(struct http_connection *hc);
void http_exchange_destroy(struct http_exchange *x);
/* No more part of its connection; freed, unless its handler is running. */
void http_exchange_release(struct http_exchange *x);
/* The head of the answer to come: status line and headers, without the empty line. */
void http_exchange_write_head(const struct http_exchange *x, struct text *out, int status,
                              const char *content_type);

/* The head is read: true when it was refused, and answered. */
bool http_dispatch_head(struct http_exchange *x);
/* The whole request is read. */
void http_dispatch(struct http_exchange *x);

/* ---- WebSocket ---- */

void http_websocket_feed(struct http_connection *hc, struct bytes in);
void http_websocket_on_drained(struct http_connection *hc);
void http_websocket_check(struct http_connection *hc, int64_t now_ns);
/* Close frame, and on_close for whoever is there. */
void http_websocket_end(struct http_connection *hc, uint16_t code, const char *reason);
void http_websocket_destroy(struct http_websocket *w);

#endif
