#include "proto/fingerprint.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

static const struct {
    const char *name;
    uint8_t size;
} HASHES[] = {{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* size pairs of digits with colons between them. */
static bool parse_digest(struct bytes text, uint8_t size, uint8_t *out)
{
    if (text.size != 3u * size - 1) {
        return false;
    }
    for (uint8_t i = 0; i < size; i++) {
        const uint8_t *at = text.data + 3u * i;
        const int high = hex_digit(at[0]), low = hex_digit(at[1]);
        if (high < 0 || low < 0 || (i > 0 && at[-1] != ':')) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int fingerprint_parse(struct bytes text, struct fingerprint *out)
{
    const uint8_t *space = text.size > 0 ? memchr(text.data, ' ', text.size) : NULL;
    if (!space) {
        return -EBADMSG;
    }
    const size_t name_size = (size_t)(space - text.data);
    for (size_t i = 0; i < sizeof(HASHES) / sizeof(HASHES[0]); i++) {
        if (name_size != strlen(HASHES[i].name) ||
            strncasecmp((const char *)text.data, HASHES[i].name, name_size) != 0) {
            continue;
        }
        struct fingerprint f = {.size = HASHES[i].size};
        if (!parse_digest(bytes_of(space + 1, text.size - name_size - 1), f.size, f.digest)) {
            return -EBADMSG;
        }
        *out = f;
        return 0;
    }
    return -ENOTSUP;
}

const char *fingerprint_format(const struct fingerprint *f, char out[FINGERPRINT_TEXT_SIZE])
{
    int n = 0;
    for (size_t i = 0; i < sizeof(HASHES) / sizeof(HASHES[0]); i++) {
        if (HASHES[i].size == f->size) {
            n = snprintf(out, FINGERPRINT_TEXT_SIZE, "%s ", HASHES[i].name);
        }
    }
    for (uint8_t i = 0; i < f->size; i++) {
        n += snprintf(out + n, FINGERPRINT_TEXT_SIZE - (size_t)n, "%s%02X", i ? ":" : "",
                      f->digest[i]);
    }
    return out;
}
