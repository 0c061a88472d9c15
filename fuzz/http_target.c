/* Percent-decoding and routes: a target as it comes. */
#include <stdlib.h>

#include "net/http_route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const struct http_target *t)
{
    for (const char *c = t->path; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            abort();
        }
    }
    if (strstr(t->path, "/../") || strcmp(t->path, "/..") == 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct http_target t;
    struct http_route_match match;
    memcpy(text, data, size);
    text[size] = '\0';
    if (http_target_parse(&t, text) == 0) {
        check_path(&t);
        http_route_matches("/NAME/whep/ID", &t, &match);
        http_route_matches("/*", &t, &match);
        if (t.query_text && http_target_parse_query(&t, (char *)(uintptr_t)t.query_text) == 0) {
            http_target_parameter(&t, "");
        }
    }
    free(text);
    return 0;
}
