/* Requests in cuts that the first byte chooses, one after the other as on a connection, each with
 * its target decoded and matched. */
#include <stdlib.h>

#include "net/http_guard.h"
#include "net/http_parse.h"
#include "net/http_route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct http_parse *p)
{
    static const char *const patterns[] = {"/", "/NAME/", "/NAME/whep/ID", "/assets/*"};
    static const struct http_guard guard;
    const char *host = http_parse_header(p, "Host");
    char list[64];
    struct http_target t;
    if (host) {
        http_guard_check_host(&guard, host);
        http_guard_check_origin(&guard, "http", host, http_parse_header(p, "Origin"));
    }
    http_parse_header_list(p, "Connection", list, sizeof(list));
    if (http_target_parse(&t, p->target) < 0) {
        return;
    }
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct http_route_match match;
        http_route_matches(patterns[i], &t, &match);
    }
    if (t.query_text && http_target_parse_query(&t, (char *)(uintptr_t)t.query_text) == 0) {
        http_target_parameter(&t, "mode");
    }
}

/* As long as the parser takes something and neither ends nor fails. */
static size_t read_request(struct http_parse *p, struct bytes in, size_t cut)
{
    size_t used = 0;
    while (used < in.size && p->state != HTTP_PARSE_DONE && p->state != HTTP_PARSE_FAILED) {
        const size_t left = in.size - used, part = left < cut ? left : cut;
        uint8_t *copy = malloc(part);
        memcpy(copy, in.data + used, part);
        const size_t n = http_parse_feed(p, bytes_of(copy, part));
        if (n > part || (n == 0 && p->state != HTTP_PARSE_FAILED)) {
            abort();
        }
        free(copy);
        used += n;
        if (p->state == HTTP_PARSE_HEAD_DONE) {
            use(p);
            http_parse_body(p, 256);
        }
    }
    if (p->body_size > 256 || p->head_size > HTTP_HEADER_BYTES_MAX) {
        abort();
    }
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct bytes in = bytes_of(data + 1, size - 1);
    const size_t cut = data[0] > 0 ? data[0] : in.size;
    for (bool goes_on = true; goes_on && in.size > 0;) {
        struct http_parse p;
        http_parse_init(&p);
        const size_t used = read_request(&p, in, cut);
        goes_on = p.state == HTTP_PARSE_DONE;
        in = bytes_of(in.data + used, in.size - used);
        http_parse_finish(&p);
    }
    return 0;
}
