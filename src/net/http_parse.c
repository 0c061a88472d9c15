#include "net/http_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "net/http_library.h"
#include "net/http_syntax.h"

enum {
    FIRST_CAPACITY = 1024,
    BODY_WIRE_FACTOR = 8, /* of a chunked body: one byte per chunk costs 6 */
};

static void fail(struct http_parse *p, int status, const char *reason)
{
    if (p->state != HTTP_PARSE_FAILED) {
        p->state = HTTP_PARSE_FAILED;
        p->status = status;
        p->reason = reason;
    }
}

static void refuse(struct http_parse *p, struct http_fault fault)
{
    if (fault.status != 0) {
        fail(p, fault.status, fault.reason);
    }
}

/* The block with room for at least needed bytes, grown by doubling up to max; NULL: it is as
 * before. */
static void *grow(void *block, size_t *capacity, size_t needed, size_t max)
{
    if (needed <= *capacity) {
        return block;
    }
    size_t wanted = *capacity > 0 ? *capacity : FIRST_CAPACITY;
    while (wanted < needed) {
        wanted *= 2;
    }
    wanted = wanted > max ? max : wanted;
    void *grown = realloc(block, wanted);
    if (grown) {
        *capacity = wanted;
    }
    return grown;
}

void http_parse_init(struct http_parse *p)
{
    *p = (struct http_parse){.state = HTTP_PARSE_HEAD};
}

void http_parse_finish(struct http_parse *p)
{
    http_library_destroy(p->library);
    free(p->head);
    free(p->body);
    *p = (struct http_parse){.state = HTTP_PARSE_FAILED};
}

/* ---- the head ---- */

static char *trimmed_end(char *start, size_t size)
{
    while (size > 0 && (start[size - 1] == ' ' || start[size - 1] == '\t')) {
        size--;
    }
    return start + size;
}

static int on_url(void *arg, char *at, size_t size)
{
    struct http_parse *p = arg;
    p->target = at;
    return 0;
}

static int on_name(void *arg, char *at, size_t size)
{
    struct http_parse *p = arg;
    if (p->state != HTTP_PARSE_HEAD) {
        return 0; /* a trailer field: allowed, of no use */
    }
    if (p->n_fields == HTTP_HEADERS_MAX) {
        fail(p, 431, "too many header lines");
        return -E2BIG;
    }
    const size_t offset = (size_t)(at - p->head);
    p->fields[p->n_fields++] = (struct http_parse_field){
        .name = (uint16_t)offset,
        .value = (uint16_t)(offset + size), /* an empty value, until one is given */
    };
    return 0;
}

static int on_value(void *arg, char *at, size_t size)
{
    struct http_parse *p = arg;
    if (p->state == HTTP_PARSE_HEAD && p->n_fields > 0 && size > 0) {
        p->fields[p->n_fields - 1].value = (uint16_t)(at - p->head);
    }
    return 0;
}

static int on_body(void *arg, char *at, size_t size)
{
    struct http_parse *p = arg;
    if (size > p->body_max_bytes - p->body_size) {
        fail(p, 413, "the request's body is larger than this path accepts");
        return -EFBIG;
    }
    uint8_t *grown = grow(p->body, &p->body_capacity, p->body_size + size, p->body_max_bytes);
    if (!grown) {
        fail(p, 503, "out of memory");
        return -ENOMEM;
    }
    p->body = grown;
    memcpy(p->body + p->body_size, at, size);
    p->body_size += size;
    return 0;
}

static const struct http_library_ops library_ops = {
    .on_url = on_url,
    .on_name = on_name,
    .on_value = on_value,
    .on_body = on_body,
};

/* Every name ends before its colon and every value before its CR; both were checked to be there. */
static void terminate_texts(struct http_parse *p)
{
    *strchr(p->target, ' ') = '\0';
    for (unsigned i = 0; i < p->n_fields; i++) {
        struct http_parse_field *f = &p->fields[i];
        char *name = p->head + f->name;
        char *colon = memchr(name, ':', p->head_size - f->name);
        char *value = p->head + f->value;
        const bool is_empty = value <= colon;
        *colon = '\0';
        if (is_empty) {
            f->value = (uint16_t)(colon - p->head);
            continue;
        }
        char *cr = memchr(value, '\r', p->head_size - f->value);
        *trimmed_end(value, (size_t)(cr - value)) = '\0';
    }
}

static unsigned count(const struct http_parse *p, const char *name)
{
    return http_parse_header_list(p, name, NULL, 0);
}

static bool parse_length(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    const size_t size = strlen(text);
    if (size == 0 || size > 18) {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *out = value;
    return true;
}

/* RFC 9112 §6.3; what is ambiguous is refused */
static void check_length(struct http_parse *p)
{
    const char *length = http_parse_header(p, "Content-Length");
    const char *coding = http_parse_header(p, "Transfer-Encoding");
    if (length && coding) {
        fail(p, 400, "a request cannot have both Content-Length and Transfer-Encoding");
    } else if (coding && (p->is_http_1_0 || count(p, "Transfer-Encoding") > 1 ||
                          strcasecmp(coding, "chunked") != 0)) {
        fail(p, 400, "the only Transfer-Encoding is chunked, and only in HTTP/1.1");
    } else if (length &&
               (count(p, "Content-Length") > 1 || !parse_length(length, &p->content_length))) {
        fail(p, 400, "Content-Length must be one number");
    }
    p->has_body = coding || p->content_length > 0;
}

static void check_fields(struct http_parse *p)
{
    const unsigned n_hosts = count(p, "Host");
    const char *expect = http_parse_header(p, "Expect");
    if (n_hosts > 1 || (n_hosts == 0 && !p->is_http_1_0)) {
        fail(p, 400, "a request needs exactly one Host header");
    } else if (count(p, "Origin") > 1) {
        fail(p, 400, "a request has at most one Origin header");
    } else if (expect && strcasecmp(expect, "100-continue") != 0) {
        fail(p, 417, "the only expectation that is met is 100-continue");
    }
    p->expects_continue = expect && !p->is_http_1_0;
    check_length(p);
}

static enum http_parse_method method_of(const char *head)
{
    static const struct {
        const char *name;
        enum http_parse_method method;
    } methods[] = {
        {"GET ", HTTP_PARSE_GET},       {"HEAD ", HTTP_PARSE_HEAD_METHOD},
        {"POST ", HTTP_PARSE_POST},     {"PATCH ", HTTP_PARSE_PATCH},
        {"DELETE ", HTTP_PARSE_DELETE}, {"OPTIONS ", HTTP_PARSE_OPTIONS},
    };
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strncmp(head, methods[i].name, strlen(methods[i].name)) == 0) {
            return methods[i].method;
        }
    }
    return HTTP_PARSE_OTHER;
}

static void finish_head(struct http_parse *p)
{
    const int rc = http_library_create(&p->library, &library_ops, p);
    if (rc < 0) {
        fail(p, 503, "out of memory");
        return;
    }
    p->method = method_of(p->head);
    const size_t used = http_library_feed(p->library, p->head, p->head_size);
    if (used != p->head_size || !p->target || http_library_is_failed(p->library)) {
        fail(p, 400, "the request cannot be parsed");
        return;
    }
    p->is_keep_alive = http_library_is_keep_alive(p->library);
    terminate_texts(p);
    check_fields(p);
    if (p->state == HTTP_PARSE_HEAD && p->has_body == http_library_is_done(p->library)) {
        fail(p, 400, "the request's length is ambiguous");
    }
    if (p->state == HTTP_PARSE_HEAD) {
        p->state = HTTP_PARSE_HEAD_DONE;
    }
}

/* A whole line is in the head, CRLF included. */
static void finish_line(struct http_parse *p)
{
    const size_t size = p->head_size - p->line_start;
    const struct bytes line = bytes_of(p->head + p->line_start, size >= 2 ? size - 2 : 0);
    if (size < 2 || p->head[p->head_size - 2] != '\r' || memchr(line.data, '\r', line.size)) {
        fail(p, 400, "lines must end with CR LF");
    } else if (p->line_start == 0 && line.size == 0) {
        p->head_size = 0; /* RFC 9112 §2.2: empty lines before a request are ignored */
    } else if (p->line_start == 0) {
        refuse(p, http_syntax_check_request_line(line, &p->is_http_1_0));
    } else if (line.size > 0) {
        refuse(p, http_syntax_check_field_line(line));
    } else {
        finish_head(p);
    }
    p->line_start = p->head_size;
}

static bool append_to_head(struct http_parse *p, const uint8_t *start, size_t size)
{
    if (p->head_size == 0 && *start != '\r' && *start != '\n' &&
        !http_syntax_is_token(bytes_of(start, 1))) {
        fail(p, 400, "this is not an HTTP request");
        return false;
    }
    if (p->head_size + size > HTTP_HEADER_BYTES_MAX) {
        fail(p, p->line_start == 0 ? 414 : 431, "the request's header is too large");
        return false;
    }
    char *grown = grow(p->head, &p->head_capacity, p->head_size + size, HTTP_HEADER_BYTES_MAX);
    if (!grown) {
        fail(p, 503, "out of memory");
        return false;
    }
    p->head = grown;
    memcpy(p->head + p->head_size, start, size);
    p->head_size += size;
    return true;
}

static size_t feed_head(struct http_parse *p, struct bytes in)
{
    size_t used = 0;
    while (used < in.size && p->state == HTTP_PARSE_HEAD) {
        const uint8_t *start = in.data + used;
        const uint8_t *newline = memchr(start, '\n', in.size - used);
        const size_t size = newline ? (size_t)(newline - start) + 1 : in.size - used;
        if (append_to_head(p, start, size)) {
            used += size;
            if (newline) {
                finish_line(p);
            }
        }
    }
    return used;
}

/* ---- the body ---- */

void http_parse_body(struct http_parse *p, size_t max_bytes)
{
    p->body_max_bytes = max_bytes;
    if (p->state != HTTP_PARSE_HEAD_DONE) {
        return;
    }
    p->state = p->has_body ? HTTP_PARSE_BODY : HTTP_PARSE_DONE;
    if (p->content_length > max_bytes || (p->has_body && max_bytes == 0)) {
        fail(p, 413, "the request's body is larger than this path accepts");
    }
}

static size_t feed_body(struct http_parse *p, struct bytes in)
{
    const size_t used = http_library_feed(p->library, (char *)(uintptr_t)in.data, in.size);
    p->body_wire_bytes += used;
    if (http_library_is_failed(p->library)) {
        fail(p, 400, "the request's body is not well chunked");
    } else if (p->body_wire_bytes >
               BODY_WIRE_FACTOR * (uint64_t)p->body_max_bytes + HTTP_HEADER_BYTES_MAX) {
        fail(p, 413, "the request's body has too many chunks");
    } else if (http_library_is_done(p->library)) {
        p->state = HTTP_PARSE_DONE;
    }
    return used;
}

size_t http_parse_feed(struct http_parse *p, struct bytes in)
{
    if (in.size == 0) {
        return 0;
    }
    switch (p->state) {
    case HTTP_PARSE_HEAD:
        return feed_head(p, in);
    case HTTP_PARSE_BODY:
        return feed_body(p, in);
    case HTTP_PARSE_HEAD_DONE:
    case HTTP_PARSE_DONE:
    case HTTP_PARSE_FAILED:
        break;
    }
    return 0;
}

/* ---- fields ---- */

const char *http_parse_header(const struct http_parse *p, const char *name)
{
    for (unsigned i = 0; i < p->n_fields; i++) {
        if (strcasecmp(p->head + p->fields[i].name, name) == 0) {
            return p->head + p->fields[i].value;
        }
    }
    return NULL;
}

unsigned http_parse_header_list(const struct http_parse *p, const char *name, char *out,
                                size_t size)
{
    unsigned n = 0;
    size_t used = 0;
    for (unsigned i = 0; i < p->n_fields; i++) {
        if (strcasecmp(p->head + p->fields[i].name, name) != 0) {
            continue;
        }
        const char *value = p->head + p->fields[i].value;
        const size_t needed = strlen(value) + (n > 0 ? 2 : 0);
        if (used + needed < size) {
            memcpy(out + used, ", ", n > 0 ? 2 : 0);
            memcpy(out + used + (n > 0 ? 2 : 0), value, strlen(value));
            used += needed;
        }
        n++;
    }
    if (size > 0) {
        out[used] = '\0';
    }
    return n;
}
