#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/utf8.h"
#include "net/http_server.h"
#include "net/http_syntax.h"

/* ---- life ---- */

struct http_exchange *http_exchange_create(struct http_connection *hc)
{
    struct http_exchange *x = calloc(1, sizeof(*x));
    if (x) {
        x->connection = hc;
        http_parse_init(&x->parse);
    }
    return x;
}

void http_exchange_destroy(struct http_exchange *x)
{
    http_parse_finish(&x->parse);
    text_finish(&x->headers);
    free(x);
}

void http_exchange_release(struct http_exchange *x)
{
    x->is_over = true;
    if (!x->in_handler) {
        http_exchange_destroy(x);
    }
}

void http_set_close(struct http_exchange *x, void (*on_close)(struct http_exchange *x, void *arg),
                    void *arg)
{
    x->on_close = on_close;
    x->close_arg = arg;
}

/* ---- request ---- */

enum http_method http_method(const struct http_exchange *x)
{
    switch (x->parse.method) {
    case HTTP_PARSE_POST:
        return HTTP_METHOD_POST;
    case HTTP_PARSE_PATCH:
        return HTTP_METHOD_PATCH;
    case HTTP_PARSE_DELETE:
        return HTTP_METHOD_DELETE;
    case HTTP_PARSE_OPTIONS:
        return HTTP_METHOD_OPTIONS;
    case HTTP_PARSE_GET:
    case HTTP_PARSE_HEAD_METHOD:
    case HTTP_PARSE_OTHER:
        break;
    }
    return HTTP_METHOD_GET;
}

const char *http_path(const struct http_exchange *x)
{
    return x->target.path;
}

const char *http_name(const struct http_exchange *x)
{
    return x->match.name[0] != '\0' ? x->match.name : NULL;
}

const char *http_id(const struct http_exchange *x)
{
    return x->match.id[0] != '\0' ? x->match.id : NULL;
}

const char *http_query(const struct http_exchange *x, const char *name)
{
    return http_target_parameter(&x->target, name);
}

const char *http_header(const struct http_exchange *x, const char *name)
{
    return http_parse_header(&x->parse, name);
}

struct bytes http_body(const struct http_exchange *x)
{
    return bytes_of(x->parse.body, x->parse.body_size);
}

const struct sockaddr *http_peer(const struct http_exchange *x)
{
    return &x->connection->connection.peer.sa;
}

const struct sockaddr *http_local(const struct http_exchange *x)
{
    struct http_exchange *cache = (struct http_exchange *)(uintptr_t)x;
    if (x->local.sa.sa_family == AF_UNSPEC) {
        connection_local(&x->connection->connection, &cache->local);
    }
    return &x->local.sa;
}

/* ---- answer ---- */

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {302, "Found"},
        {304, "Not Modified"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].status == status) {
            return rows[i].text;
        }
    }
    return "Status";
}

void http_add_header(struct http_exchange *x, const char *name, const char *value)
{
    if (!http_syntax_is_token(bytes_of_text(name)) || !http_syntax_is_value(bytes_of_text(value))) {
        log_warn(&x->connection->server->log, "a header %s with control characters, leaving it out",
                 name);
        return;
    }
    x->has_retry_after |= strcasecmp(name, "Retry-After") == 0;
    text_printf(&x->headers, "%s: %s\r\n", name, value);
}

void http_exchange_write_head(const struct http_exchange *x, struct text *out, int status,
                              const char *content_type)
{
    text_printf(out, "HTTP/1.1 %d %s\r\nX-Content-Type-Options: nosniff\r\n", status,
                status_text(status));
    if (content_type) {
        text_printf(out, "Content-Type: %s\r\n", content_type);
    }
    if (x->connection->server->guard.origins.size > 0) {
        text_append(out, "Vary: Origin\r\n");
    }
    if (x->allowed_origin) {
        text_printf(
            out, "Access-Control-Allow-Origin: %s\r\nAccess-Control-Expose-Headers: Location\r\n",
            x->allowed_origin);
    }
    if (status == 503 && !x->has_retry_after) {
        text_printf(out, "Retry-After: %d\r\n", HTTP_RETRY_AFTER_S);
    }
    text_append_bytes(out, text_bytes(&x->headers));
    out->error |= x->headers.error;
}

static bool will_close(const struct http_exchange *x)
{
    return x->parse.state != HTTP_PARSE_DONE || !x->parse.is_keep_alive ||
           x->connection->server->is_stopping;
}

/* A request whose body was not read ends its connection, unless it has none. */
static bool decide_closing(struct http_exchange *x)
{
    if (x->parse.state == HTTP_PARSE_HEAD_DONE && !x->parse.has_body) {
        http_parse_body(&x->parse, 0);
    }
    return x->connection->closes = will_close(x);
}

static void write_ends(struct http_exchange *x, struct text *head, int status, size_t body_size)
{
    if (status != 204 && status != 304 && !x->is_endless) {
        text_printf(head, "Content-Length: %zu\r\n", body_size);
    }
    if (decide_closing(x)) {
        text_append(head, "Connection: close\r\n");
    } else if (x->parse.is_http_1_0) {
        text_append(head, "Connection: keep-alive\r\n");
    }
    text_append(head, "\r\n");
}

/* One buffer with the head and the copied body; NULL without memory. */
static struct buf *join(struct text *head, struct bytes body)
{
    struct buf *b = head->error ? NULL : buf_create(head->size + body.size);
    if (b) {
        memcpy(b->data, head->data, head->size);
        if (body.size > 0) {
            memcpy(b->data + head->size, body.data, body.size);
        }
        b->size = head->size + body.size;
    }
    text_finish(head);
    return b;
}

static void send_answer(struct http_exchange *x, struct buf *first, struct buf *second)
{
    struct http_connection *hc = x->connection;
    struct buf *const bufs[] = {first, second};
    const size_t size = (first ? first->size : 0) + (second ? second->size : 0);
    const int rc = first ? connection_send(&hc->connection, bufs, 2) : -ENOMEM;
    hc->exchange = NULL;
    http_exchange_release(x);
    if (rc == 0) {
        http_connection_answered(hc, size);
    } else {
        connection_break(&hc->connection); /* its end comes from the loop */
    }
}

static bool has_no_body(const struct http_exchange *x, int status)
{
    return x->is_head || status == 204 || status == 304;
}

void http_respond(struct http_exchange *x, int status, const char *content_type, struct bytes body)
{
    struct text head = {0};
    if (x->is_over) {
        return;
    }
    http_exchange_write_head(x, &head, status, content_type);
    write_ends(x, &head, status, body.size);
    struct buf *b = join(&head, has_no_body(x, status) ? (struct bytes){0} : body);
    send_answer(x, b, NULL);
    buf_unref(&b);
}

void http_respond_buf(struct http_exchange *x, int status, const char *content_type,
                      struct buf *body)
{
    struct text head = {0};
    if (x->is_over) {
        return;
    }
    http_exchange_write_head(x, &head, status, content_type);
    write_ends(x, &head, status, buf_bytes(body).size);
    struct buf *b = join(&head, (struct bytes){0});
    send_answer(x, b, has_no_body(x, status) ? NULL : body);
    buf_unref(&b);
}

/* RFC 8259 §7 */
static void append_json_text(struct text *out, const char *text)
{
    struct bytes in = bytes_of_text(text);
    while (in.size > 0) {
        const size_t size = utf8_character_size(in);
        if (size == 0) {
            text_append(out, "?");
        } else if (in.data[0] < 0x20) {
            text_printf(out, "\\u%04x", in.data[0]);
        } else {
            text_append(out, in.data[0] == '"' || in.data[0] == '\\' ? "\\" : "");
            text_append_bytes(out, bytes_of(in.data, size));
        }
        in = bytes_of(in.data + (size ? size : 1), in.size - (size ? size : 1));
    }
}

void http_respond_error(struct http_exchange *x, int status, const char *format, ...)
{
    char sentence[512];
    struct text body = {0};
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    text_append(&body, "{\"error\":\"");
    append_json_text(&body, sentence);
    text_append(&body, "\"}\n");
    http_respond(x, status, "application/json", text_bytes(&body));
    text_finish(&body);
}
