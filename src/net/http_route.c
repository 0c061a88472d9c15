#include "net/http_route.h"

#include <errno.h>

/* ---- targets ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static int escaped(const char *in, const char *end)
{
    if (end - in < 3 || hex_digit(in[1]) < 0 || hex_digit(in[2]) < 0) {
        return -EBADMSG;
    }
    const int c = hex_digit(in[1]) * 16 + hex_digit(in[2]);
    return c < 0x20 || c == 0x7f ? -EBADMSG : c;
}

/* Decode in .. end to out, which may be in; gives the size, -EBADMSG for a broken escape. */
static int decode(const char *in, const char *end, char *out, bool is_query)
{
    const char *start = out;
    for (; in < end; in++) {
        int c = (unsigned char)*in;
        if (c < '!' || c > '~') {
            return -EBADMSG;
        }
        if (c == '+' && is_query) {
            c = ' ';
        } else if (c == '%') {
            c = escaped(in, end);
            if (c < 0) {
                return c;
            }
            if (c == '/' && !is_query) { /* never separates: "%2F" is kept, in one form */
                memmove(out, "%2F", 3);
                out += 3;
                in += 2;
                continue;
            }
            in += 2;
        }
        *out++ = (char)c;
    }
    return (int)(out - start);
}

static int add_segment(struct http_target *t, const char *start, size_t size)
{
    if (t->n_segments == HTTP_SEGMENTS_MAX || (size == 1 && start[0] == '.') ||
        (size == 2 && start[0] == '.' && start[1] == '.')) {
        return -EBADMSG;
    }
    t->segments[t->n_segments++] = bytes_of(start, size);
    return 0;
}

int http_target_parse(struct http_target *t, char *text)
{
    *t = (struct http_target){.path = text};
    const size_t path_size = strcspn(text, "?");
    const char *end = text + path_size;
    if (path_size > HTTP_PATH_MAX) {
        return -ENAMETOOLONG;
    }
    if (*text != '/') {
        return -EBADMSG;
    }
    t->query_text = *end == '?' ? end + 1 : NULL;
    char *out = text + 1;
    for (const char *in = text + 1; in <= end;) {
        const char *slash = memchr(in, '/', (size_t)(end - in));
        const char *next = slash ? slash : end;
        const int size = decode(in, next, out, false);
        if (size < 0 || add_segment(t, out, (size_t)size) < 0) {
            return -EBADMSG;
        }
        out += size;
        *out = next < end ? '/' : '\0'; /* decoding never grows: this is at or before next */
        out++;
        in = next + 1;
    }
    return 0;
}

static int add_parameter(struct http_target *t, char *start, char *end)
{
    char *equals = memchr(start, '=', (size_t)(end - start));
    char *name_end = equals ? equals : end;
    const int name_size = decode(start, name_end, start, true);
    const int value_size = equals ? decode(equals + 1, end, equals + 1, true) : 0;
    if (name_size < 0 || value_size < 0 || t->n_parameters == HTTP_PARAMETERS_MAX) {
        return -EBADMSG;
    }
    start[name_size] = '\0';
    if (equals) {
        equals[1 + value_size] = '\0';
    }
    t->parameters[t->n_parameters++] = (struct http_parameter){
        .name = start,
        .value = equals ? equals + 1 : start + name_size,
    };
    return 0;
}

int http_target_parse_query(struct http_target *t, char *query)
{
    char *end = query + strlen(query);
    t->query_text = NULL;
    for (char *in = query; in < end;) {
        char *and = memchr(in, '&', (size_t)(end - in));
        char *next = and? and : end;
        if (next > in && add_parameter(t, in, next) < 0) {
            return -EBADMSG;
        }
        in = next + 1;
    }
    return 0;
}

const char *http_target_parameter(const struct http_target *t, const char *name)
{
    for (unsigned i = 0; i < t->n_parameters; i++) {
        if (strcmp(t->parameters[i].name, name) == 0) {
            return t->parameters[i].value;
        }
    }
    return NULL;
}

/* ---- patterns ---- */

static bool is_plain_name(const uint8_t *c, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const bool is_alnum = (c[i] >= 'a' && c[i] <= 'z') || (c[i] >= '0' && c[i] <= '9');
        if (!is_alnum && (i == 0 || (c[i] != '_' && c[i] != '-'))) {
            return false;
        }
    }
    return size >= 1 && size <= 64;
}

bool http_route_is_name(struct bytes text)
{
    const uint8_t *at = text.size > 0 ? memchr(text.data, '@', text.size) : NULL;
    if (!at) {
        return is_plain_name(text.data, text.size);
    }
    const size_t size = (size_t)(at - text.data);
    return is_plain_name(text.data, size) && is_plain_name(at + 1, text.size - size - 1);
}

bool http_route_is_id(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i], lower = c | 0x20;
        if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z') && c != '_' && c != '-') {
            return false;
        }
    }
    return text.size >= 1 && text.size < HTTP_ID_SIZE;
}

enum segment_kind { SEGMENT_END, SEGMENT_REST, SEGMENT_ID, SEGMENT_NAME, SEGMENT_LITERAL };

/* The segment that begins at *pattern, which moves to the next one, or to NULL after the last. */
static enum segment_kind next_segment(const char **pattern, struct bytes *out)
{
    if (!*pattern) {
        return SEGMENT_END;
    }
    const char *start = *pattern;
    const size_t size = strcspn(start, "/");
    *out = bytes_of(start, size);
    *pattern = start[size] == '/' ? start + size + 1 : NULL;
    if (bytes_equal(*out, bytes_of_text("*"))) {
        return SEGMENT_REST;
    }
    if (bytes_equal(*out, bytes_of_text("NAME"))) {
        return SEGMENT_NAME;
    }
    return bytes_equal(*out, bytes_of_text("ID")) ? SEGMENT_ID : SEGMENT_LITERAL;
}

static void keep(char *out, struct bytes segment)
{
    memcpy(out, segment.data, segment.size);
    out[segment.size] = '\0';
}

static bool segment_matches(enum segment_kind kind, struct bytes wanted, struct bytes segment,
                            struct http_route_match *match)
{
    switch (kind) {
    case SEGMENT_NAME:
        if (http_route_is_name(segment)) {
            keep(match->name, segment);
            return true;
        }
        return false;
    case SEGMENT_ID:
        if (http_route_is_id(segment)) {
            keep(match->id, segment);
            return true;
        }
        return false;
    case SEGMENT_LITERAL:
        return bytes_equal(wanted, segment);
    case SEGMENT_REST:
        return true;
    case SEGMENT_END:
        break;
    }
    return false;
}

bool http_route_matches(const char *pattern, const struct http_target *t,
                        struct http_route_match *match)
{
    struct http_route_match found = {0};
    const char *rest = pattern + 1;
    struct bytes wanted = {0};
    for (unsigned i = 0; i < t->n_segments; i++) {
        const enum segment_kind kind = next_segment(&rest, &wanted);
        if (!segment_matches(kind, wanted, t->segments[i], &found)) {
            return false;
        }
        if (kind == SEGMENT_REST) {
            rest = NULL;
            break;
        }
    }
    if (!rest && match) {
        *match = found;
    }
    return !rest;
}

int http_route_compare(const char *a, const char *b)
{
    const char *rest_a = a + 1, *rest_b = b + 1;
    for (;;) {
        struct bytes unused;
        const enum segment_kind kind_a = next_segment(&rest_a, &unused);
        const enum segment_kind kind_b = next_segment(&rest_b, &unused);
        if (kind_a != kind_b || kind_a == SEGMENT_END) {
            return (int)kind_a - (int)kind_b;
        }
    }
}
