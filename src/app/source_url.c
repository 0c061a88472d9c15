#include "app/source_url.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"

enum { SHOWN_SIZE = 80 };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode percent escapes of text[0 .. size); false when it does not fit or an escape is broken. */
static bool decode(const char *text, size_t size, char *out, size_t out_size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < size ? hex_value(text[i + 1]) : -1;
            const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
            if (low < 0 || high * 16 + low == 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (n + 1 >= out_size) {
            return false;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static bool has_query_of_its_own(const char *scheme)
{
    static const char *const schemes[] = {"rtsp", "rtsps", "rtmp", "rtmps", "srt", "http", "https"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strcmp(scheme, schemes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int parse_parameters(const char *text, struct source_url *out, char *sentence, size_t size)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, "&");
        const char *equals = memchr(text, '=', length);
        if (!equals || out->n_parameters == SOURCE_PARAMETERS_MAX) {
            snprintf(sentence, size, "'%.*s' is no parameter: write name=value, at most %d of them",
                     (int)(length < 60 ? length : 60), text, SOURCE_PARAMETERS_MAX);
            return -EINVAL;
        }
        struct source_parameter *p = &out->parameters[out->n_parameters++];
        const size_t name_length = (size_t)(equals - text);
        if (!decode(text, name_length, p->name, sizeof(p->name)) ||
            !decode(equals + 1, length - name_length - 1, p->value, sizeof(p->value))) {
            snprintf(sentence, size, "parameter '%.*s' is too long or has a broken %% escape",
                     (int)(name_length < 60 ? name_length : 60), text);
            return -EINVAL;
        }
        text += length;
        text += *text == '&';
    }
    return 0;
}

int source_url_parse(const char *text, struct source_url *out, char *sentence, size_t size)
{
    const char *colon = strchr(text, ':');
    const size_t scheme_length = colon ? (size_t)(colon - text) : 0;
    if (scheme_length == 0 || scheme_length >= SOURCE_SCHEME_SIZE) {
        char shown[SHOWN_SIZE];
        secret_mask_url(shown, sizeof(shown), text);
        snprintf(sentence, size,
                 "'%s' is no source: write test:, v4l2:/dev/video0, pipe:-, file:PATH or "
                 "tcp://HOST:PORT",
                 shown);
        return -EINVAL;
    }
    memset(out, 0, sizeof(*out));
    memcpy(out->scheme, text, scheme_length);
    const char *location = colon + 1;
    const char *end = strchr(location, has_query_of_its_own(out->scheme) ? '#' : '?');
    const size_t location_length = end ? (size_t)(end - location) : strlen(location);
    const bool is_network = strncmp(location, "//", 2) == 0;
    if (end && *end == '#' && strchr(end, '@')) {
        snprintf(sentence, size,
                 "a '#' stands in the user name or password of the %s: address: write %%23 for it",
                 out->scheme);
        return -EINVAL;
    }
    if (location_length >= SOURCE_LOCATION_SIZE) {
        snprintf(sentence, size, "the source's address is longer than %d characters",
                 SOURCE_LOCATION_SIZE - 1);
        return -EINVAL;
    }
    const size_t skip = is_network ? 2 : 0;
    memcpy(out->location, location + skip, location_length - skip);
    return end ? parse_parameters(end + 1, out, sentence, size) : 0;
}
