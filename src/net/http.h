/*
 * HTTP/1.1 server: routes, exchanges, endless answers, WebSockets. net/connection.c owns the
 * descriptor from accept to close, with one deadline per phase and counted limits; libhttp-parser
 * reads the requests; wslay reads WebSocket frames.
 *
 * A handler gets an exchange and must answer it: at once, or later (it keeps the pointer and sets
 * on_close), with exactly one of http_respond*, http_start_stream, http_accept_websocket.
 *
 * Refused before any handler: 400 and close for anything but exactly one Host (none is fine in
 * HTTP/1.0), header names that are no tokens, versions other than 1.0 and 1.1, targets not matching
 * /[!-~]* or beginning with //, both Content-Length and Transfer-Encoding, a path with a segment .
 * or .. ; 421 for a Host that is not accepted; 403 for a wrong Origin on state-changing requests
 * and WebSockets; 404, 405 with Allow, 413, 431, 408. /NAME is redirected to a route /NAME/, where
 * there is such a name.
 * Origins of the configuration get CORS headers and answers to preflights; others get none.
 *
 * A client that ends its half of the connection is gone while a handler still thinks and on a
 * WebSocket; an answer that is being sent goes on, an endless one as long as the client takes it.
 *
 * Ownership: the server owns connections and exchanges; an exchange is gone when its on_close was
 *            called. Texts given to answers are copied; a struct buf is referenced.
 * Thread:    loop only.
 */
#ifndef AVOCET_NET_HTTP_H
#define AVOCET_NET_HTTP_H

#include <sys/socket.h>

#include "base/buf.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/outlet.h"

/* Limits, all per server unless said otherwise. */
enum {
    HTTP_CONNECTIONS_MAX = 4096,
    HTTP_CONNECTIONS_PER_ADDRESS_MAX = 2048,
    HTTP_HEADER_BYTES_MAX = 16 * 1024, /* per request, with the request line */
    HTTP_HEADERS_MAX = 100,
    HTTP_PATH_MAX = 1024,
    HTTP_BODY_BYTES_MAX = 64 * 1024, /* of routes that do not say otherwise */
};
#define HTTP_HEADER_TIMEOUT_NS (10 * NS_PER_S) /* first byte of a request to end of its header */
#define HTTP_BODY_TIMEOUT_NS   (10 * NS_PER_S)
#define HTTP_IDLE_TIMEOUT_NS   (30 * NS_PER_S) /* keep-alive */
#define HTTP_STALL_TIMEOUT_NS  (15 * NS_PER_S) /* an endless answer of which nothing can be sent */

struct http_server;
struct http_exchange;
struct http_stream;
struct websocket;

enum http_method {
    HTTP_METHOD_GET = 1 << 0, /* a GET route answers HEAD too */
    HTTP_METHOD_POST = 1 << 1,
    HTTP_METHOD_PATCH = 1 << 2,
    HTTP_METHOD_DELETE = 1 << 3,
    HTTP_METHOD_OPTIONS = 1 << 4,
};

/* Path pattern "/NAME/whep/ID": literal segments; NAME one segment that is a stream's name, ID one
 * segment; * the rest. More literal patterns win; paths are percent-decoded once, per segment. */
struct http_route {
    unsigned methods;
    const char *pattern;
    void (*handle)(struct http_exchange *x, void *arg);
    size_t body_max_bytes; /* 0: no body accepted */
};

struct http_config {
    /* "127.0.0.1:8080", "[::1]:8080"; NULL-terminated; port 0: any free, then that for all. */
    const char *const *listen;
    const char *const *hosts;   /* more accepted Host names; NULL-terminated or NULL */
    const char *const *origins; /* of pages elsewhere that may use the API; the same */
};

int http_server_create(struct http_server **out, struct loop *loop, const struct log *log);
/* Routes are borrowed and must outlive the server; pattern NULL ends the table. */
int http_server_add_routes(struct http_server *s, const struct http_route *routes, void *arg);
/* Asked before /NAME is redirected: does NAME exist? Without it, every name does. */
void http_server_set_names(struct http_server *s, bool (*has_name)(const char *name, void *arg),
                           void *arg);
/* -EADDRINUSE …; error is a sentence (which address, what to do). ::1 is best effort. */
int http_server_listen(struct http_server *s, const struct http_config *config, char *error,
                       size_t error_size);
/* First listening address as "127.0.0.1:8080", for the ready line; NULL: it listens nowhere. */
const char *http_server_address(const struct http_server *s);
void http_server_set_hosts(struct http_server *s, const struct http_config *config); /* reload */
/* Stop accepting, end idle connections and endless answers (their on_close is called), let other
 * answers in flight finish for at most grace_ns; over when stats say no connections. */
void http_server_stop(struct http_server *s, int64_t grace_ns);
/* Not from within a handler or callback of the server. NULL is fine. */
void http_server_destroy(struct http_server *s);

struct http_server_stats {
    unsigned n_connections;
    uint64_t n_accepted;
    uint64_t n_refused; /* over a limit */
    uint64_t n_requests;
    uint64_t n_bad_requests;
};
const struct http_server_stats *http_server_stats(const struct http_server *s);

/* ---- request ---- */

enum http_method http_method(const struct http_exchange *x); /* GET for HEAD */
const char *http_path(const struct http_exchange *x);        /* decoded */
const char *http_name(const struct http_exchange *x);        /* NAME of the pattern, or NULL */
const char *http_id(const struct http_exchange *x);          /* ID of the pattern, or NULL */
/* Decoded value of a query parameter: "" when present without value, NULL when absent. */
const char *http_query(const struct http_exchange *x, const char *name);
const char *http_header(const struct http_exchange *x, const char *name); /* NULL when absent */
struct bytes http_body(const struct http_exchange *x);
const struct sockaddr *http_peer(const struct http_exchange *x);
/* The local address that the client reached, for SDP candidates. */
const struct sockaddr *http_local(const struct http_exchange *x);

/* ---- answer ---- */

/* For answers that take making, such as endless ones: is it a HEAD, then it gets 200 without a
 * length, and x is over. */
bool http_answer_head(struct http_exchange *x, const char *content_type);

/* Adds a header to the answer to come. Value is checked for control characters. */
void http_add_header(struct http_exchange *x, const char *name, const char *value);
void http_respond(struct http_exchange *x, int status, const char *content_type, struct bytes body);
void http_respond_buf(struct http_exchange *x, int status, const char *content_type,
                      struct buf *body);
/* {"error":"sentence"}; 503 gets a Retry-After unless one was added. */
void http_respond_error(struct http_exchange *x, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* For handlers that answer later. on_close: the client is gone (or the server ends) before the
 * answer; after it the exchange must not be used. */
void http_set_close(struct http_exchange *x, void (*on_close)(struct http_exchange *x, void *arg),
                    void *arg);

/* ---- bytes without end, see net/outlet.h ---- */

/* 200 with Content-Type and no end (Connection: close; no chunked encoding for HTTP/1.0 and
 * players: plain bytes until close). Cache-Control: no-store. NULL: it is answered already (HEAD,
 * or no memory); x is over in any case. */
struct outlet *http_start_stream(struct http_exchange *x, const char *content_type,
                                 const struct outlet_ops *ops, void *arg);
/* 101, after checking the handshake; answers 400/426 itself and returns NULL otherwise. */
struct outlet *http_accept_websocket(struct http_exchange *x, const struct outlet_ops *ops,
                                     void *arg);
int outlet_send_text(struct outlet *o, struct bytes text); /* WebSocket text message */

#endif
