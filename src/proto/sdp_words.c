#include "proto/sdp_words.h"

#include <strings.h>

bool sdp_is_text(struct bytes b, const char *text)
{
    return b.size == strlen(text) && strncasecmp((const char *)b.data, text, b.size) == 0;
}

struct bytes sdp_cut(struct bytes *rest, char separator)
{
    if (rest->size == 0) {
        return (struct bytes){0};
    }
    const uint8_t *at = memchr(rest->data, separator, rest->size);
    const struct bytes word = bytes_of(rest->data, at ? (size_t)(at - rest->data) : rest->size);
    *rest =
        at ? bytes_of(at + 1, rest->size - word.size - 1) : bytes_of(rest->data + rest->size, 0);
    return word;
}

struct bytes sdp_cut_word(struct bytes *rest)
{
    struct bytes word;
    do {
        word = sdp_cut(rest, ' ');
    } while (word.size == 0 && rest->size > 0);
    return word;
}

bool sdp_parse_number(struct bytes text, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || value > UINT32_MAX) {
            return false;
        }
        value = 10 * value + (text.data[i] - '0');
    }
    if (text.size == 0 || value > max) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

struct bytes sdp_trim(struct bytes b)
{
    while (b.size > 0 && (b.data[0] == ' ' || b.data[0] == '\t')) {
        b = bytes_of(b.data + 1, b.size - 1);
    }
    while (b.size > 0 && (b.data[b.size - 1] == ' ' || b.data[b.size - 1] == '\t')) {
        b.size--;
    }
    return b;
}
