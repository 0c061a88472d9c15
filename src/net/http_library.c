#include "net/http_library.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <http_parser.h>

struct library {
    struct http_parser parser;
    const struct http_library_ops *ops;
    void *arg;
    bool is_failed;
    bool is_done;
    bool is_keep_alive;
};

static int on_url(struct http_parser *parser, const char *at, size_t size)
{
    struct library *l = parser->data;
    return l->ops->on_url(l->arg, (char *)(uintptr_t)at, size);
}

static int on_name(struct http_parser *parser, const char *at, size_t size)
{
    struct library *l = parser->data;
    return l->ops->on_name(l->arg, (char *)(uintptr_t)at, size);
}

static int on_value(struct http_parser *parser, const char *at, size_t size)
{
    struct library *l = parser->data;
    return l->ops->on_value(l->arg, (char *)(uintptr_t)at, size);
}

static int on_body(struct http_parser *parser, const char *at, size_t size)
{
    struct library *l = parser->data;
    return l->ops->on_body(l->arg, (char *)(uintptr_t)at, size);
}

static int on_headers_complete(struct http_parser *parser)
{
    struct library *l = parser->data;
    l->is_keep_alive = http_should_keep_alive(parser);
    return 0;
}

static int on_message_complete(struct http_parser *parser)
{
    struct library *l = parser->data;
    l->is_done = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const struct http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static void init_parser(struct library *l)
{
    http_parser_init(&l->parser, HTTP_REQUEST);
}

static size_t execute(struct library *l, const char *bytes, size_t size)
{
    const size_t used = http_parser_execute(&l->parser, &settings, bytes, size);
    l->is_failed = HTTP_PARSER_ERRNO(&l->parser) != HPE_OK && !l->is_done;
    return used;
}

const char *http_library_name(void)
{
    static char name[32];
    const unsigned long v = http_parser_version();
    snprintf(name, sizeof(name), "http-parser %lu.%lu.%lu", v >> 16 & 255, v >> 8 & 255, v & 255);
    return name;
}

int http_library_create(void **out, const struct http_library_ops *ops, void *arg)
{
    struct library *l = calloc(1, sizeof(*l));
    if (!l) {
        return -ENOMEM;
    }
    init_parser(l);
    l->parser.data = l;
    l->ops = ops;
    l->arg = arg;
    *out = l;
    return 0;
}

void http_library_destroy(void *library)
{
    free(library);
}

size_t http_library_feed(void *library, char *bytes, size_t size)
{
    struct library *l = library;
    return l->is_failed || l->is_done ? 0 : execute(l, bytes, size);
}

bool http_library_is_failed(const void *library)
{
    return ((const struct library *)library)->is_failed;
}

bool http_library_is_done(const void *library)
{
    return ((const struct library *)library)->is_done;
}

bool http_library_is_keep_alive(const void *library)
{
    return ((const struct library *)library)->is_keep_alive;
}
