/*
 * The HTTP/1 parser library, libhttp-parser 2.9, kept behind this header because its names (enum
 * http_method) are ours too.
 *
 * It stops by itself at the end of one request.
 *
 * Ownership: texts given to the functions point into what was fed.
 * Thread:    any; no shared state.
 */
#ifndef AVOCET_NET_HTTP_LIBRARY_H
#define AVOCET_NET_HTTP_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* Each gives 0, or stops the parser for good. */
struct http_library_ops {
    int (*on_url)(void *arg, char *at, size_t size);
    int (*on_name)(void *arg, char *at, size_t size);
    int (*on_value)(void *arg, char *at, size_t size);
    int (*on_body)(void *arg, char *at, size_t size);
};

int http_library_create(void **out, const struct http_library_ops *ops, void *arg);
void http_library_destroy(void *library);
/* How many bytes belong to this request. */
size_t http_library_feed(void *library, char *bytes, size_t size);
bool http_library_is_failed(const void *library);
bool http_library_is_done(const void *library);
bool http_library_is_keep_alive(const void *library); /* once the head is done */
const char *http_library_name(void);                  /* "http-parser 2.9.4" */

#endif
