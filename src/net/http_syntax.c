#include "net/http_syntax.h"

bool http_syntax_is_token(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        const bool is_alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!is_alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return text.size > 0;
}

bool http_syntax_is_value(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((text.data[i] < 0x20 && text.data[i] != '\t') || text.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_target(struct bytes text)
{
    if (text.size == 0 || text.data[0] != '/' || (text.size > 1 && text.data[1] == '/')) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '!' || text.data[i] > '~' || text.data[i] == '#') {
            return false;
        }
    }
    return true;
}

static struct http_fault check_version(struct bytes text, bool *is_http_1_0)
{
    if (bytes_equal(text, bytes_of_text("HTTP/1.1")) ||
        bytes_equal(text, bytes_of_text("HTTP/1.0"))) {
        *is_http_1_0 = text.data[7] == '0';
        return (struct http_fault){0};
    }
    if (text.size == 8 && memcmp(text.data, "HTTP/", 5) == 0) {
        return (struct http_fault){505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
    }
    return (struct http_fault){400, "the request line must end with HTTP/1.1"};
}

struct http_fault http_syntax_check_request_line(struct bytes line, bool *is_http_1_0)
{
    const uint8_t *end = line.data + line.size;
    const uint8_t *target = memchr(line.data, ' ', line.size);
    const uint8_t *version = target ? memchr(target + 1, ' ', (size_t)(end - target - 1)) : NULL;
    if (!version || !http_syntax_is_token(bytes_of(line.data, (size_t)(target - line.data)))) {
        return (struct http_fault){400, "the request line is not METHOD /path HTTP/1.1"};
    }
    if (!is_target(bytes_of(target + 1, (size_t)(version - target - 1)))) {
        return (struct http_fault){
            400, "the request's target must be a path that begins with one slash"};
    }
    return check_version(bytes_of(version + 1, (size_t)(end - version - 1)), is_http_1_0);
}

struct http_fault http_syntax_check_field_line(struct bytes line)
{
    const uint8_t *colon = memchr(line.data, ':', line.size);
    if (!colon || !http_syntax_is_token(bytes_of(line.data, (size_t)(colon - line.data)))) {
        return (struct http_fault){400, "a header line is not NAME: value"};
    }
    if (!http_syntax_is_value(bytes_of(colon + 1, (size_t)(line.data + line.size - colon - 1)))) {
        return (struct http_fault){400, "a header's value has a control character"};
    }
    return (struct http_fault){0};
}
