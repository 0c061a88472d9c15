/*
 * From a request's target to a route: percent-decoding, once, per segment; the query's parameters;
 * patterns.
 *
 * A %2F stays as it is written, so that it never separates; a segment . or .. (also written with
 * %2E), control characters and broken escapes are refused. In the query, + is a space.
 *
 * Ownership: http_target borrows the text it was made from and changes it in place.
 * Thread:    any; no shared state.
 * Errors:    -EBADMSG for what is answered 400, -ENAMETOOLONG for 414.
 */
#ifndef AVOCET_NET_HTTP_ROUTE_H
#define AVOCET_NET_HTTP_ROUTE_H

#include "net/http.h"

enum {
    HTTP_SEGMENTS_MAX = 16,
    HTTP_PARAMETERS_MAX = 32,
    HTTP_NAME_SIZE = 2 * 64 + 2, /* NAME@RENDITION and a NUL */
    HTTP_ID_SIZE = 128 + 1,
};

struct http_parameter {
    const char *name;
    const char *value;
};

struct http_target {
    const char *path; /* decoded: "/cam/whep" */
    const char
        *query_text; /* as it came, NULL when there is none; gone after http_target_parse_query() */
    struct bytes segments[HTTP_SEGMENTS_MAX]; /* "cam", "whep"; "/cam/" has "cam" and "" */
    unsigned n_segments;
    struct http_parameter parameters[HTTP_PARAMETERS_MAX];
    unsigned n_parameters;
};

struct http_route_match {
    char name[HTTP_NAME_SIZE]; /* "": the pattern has no NAME */
    char id[HTTP_ID_SIZE];
};

/* The path; text must stay and may be longer than what is used of it. */
int http_target_parse(struct http_target *t, char *text);
/* The parameters, in place. */
int http_target_parse_query(struct http_target *t, char *query);
const char *http_target_parameter(const struct http_target *t, const char *name);

/* [a-z0-9][a-z0-9_-]{0,63}, with @ and the same for a rendition. */
bool http_route_is_name(struct bytes text);
/* [A-Za-z0-9_-]{1,128} */
bool http_route_is_id(struct bytes text);

/* Whether it matches; match may be NULL. */
bool http_route_matches(const char *pattern, const struct http_target *t,
                        struct http_route_match *match);
/* > 0 when a is more literal than b: decided by the first segment that differs in kind. */
int http_route_compare(const char *a, const char *b);

#endif
