/*
 * One HTTP/1 request: strict checks of its head, then libhttp-parser, then its body.
 *
 * Feed bytes until the state is HTTP_PARSE_HEAD_DONE; decide about the body (http_parse_body());
 * feed on until HTTP_PARSE_DONE. What was not consumed belongs to the next request.
 *
 * Stricter than the parser, because every leniency is a way to smuggle a request past somebody:
 * lines end with CRLF and are never folded, names are tokens, values have no control characters,
 * the target is /[!-~]* but not //, one Host (none is fine in 1.0), one length: Content-Length once
 * and in digits, or Transfer-Encoding: chunked, never both.
 *
 * Ownership: owns copies of all it gives; texts are valid until http_parse_finish().
 * Thread:    any; no shared state, no I/O.
 * Errors:    state HTTP_PARSE_FAILED with the status and sentence to answer; the connection must
 *            be closed after it.
 * Spec:      RFC 9112 §2.2, §3, §5, §6.
 */
#ifndef AVOCET_NET_HTTP_PARSE_H
#define AVOCET_NET_HTTP_PARSE_H

#include "net/http.h"

enum http_parse_state {
    HTTP_PARSE_HEAD,      /* nothing or part of the head was seen */
    HTTP_PARSE_HEAD_DONE, /* http_parse_body() comes next */
    HTTP_PARSE_BODY,
    HTTP_PARSE_DONE,
    HTTP_PARSE_FAILED,
};

enum http_parse_method {
    HTTP_PARSE_OTHER, /* known to HTTP, not to us */
    HTTP_PARSE_GET,
    HTTP_PARSE_HEAD_METHOD,
    HTTP_PARSE_POST,
    HTTP_PARSE_PATCH,
    HTTP_PARSE_DELETE,
    HTTP_PARSE_OPTIONS,
};

/* Offsets into the head. */
struct http_parse_field {
    uint16_t name;
    uint16_t value;
};

struct http_parse {
    enum http_parse_state state;
    int status;         /* of HTTP_PARSE_FAILED: 400, 413, 414, 417, 431, 505 */
    const char *reason; /* a sentence, static */

    enum http_parse_method method;
    bool is_http_1_0;
    bool is_keep_alive;
    bool has_body;
    bool expects_continue;
    uint64_t content_length; /* 0 when chunked */
    char *target;            /* in the head; NUL-terminated, may be changed in place */

    char *head; /* the lines as they came; NULs replace what ends names and values */
    size_t head_size;
    size_t head_capacity;
    size_t line_start; /* of the line that is being received */
    struct http_parse_field fields[HTTP_HEADERS_MAX];
    unsigned n_fields;

    uint8_t *body;
    size_t body_size;
    size_t body_capacity;
    size_t body_max_bytes;
    uint64_t body_wire_bytes; /* with chunk headers */

    void *library;
};

void http_parse_init(struct http_parse *p);
void http_parse_finish(struct http_parse *p);
/* How many bytes of in were used; 0 and no change of state when the state needs none. */
size_t http_parse_feed(struct http_parse *p, struct bytes in);
/* After HTTP_PARSE_HEAD_DONE: go on with a body of at most max_bytes (0: none is accepted). */
void http_parse_body(struct http_parse *p, size_t max_bytes);

/* Value of the first field of that name, compared without case; NULL when absent. */
const char *http_parse_header(const struct http_parse *p, const char *name);
/* All fields of that name as one list: "a, b"; cut to size. Gives how many there are. */
unsigned http_parse_header_list(const struct http_parse *p, const char *name, char *out,
                                size_t size);

#endif
