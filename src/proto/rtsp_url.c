#include "proto/rtsp_url.h"

#include <errno.h>
#include <strings.h>

#include "proto/rtsp.h"

enum { TRACK_MAX = 99 };

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Percent-decoded once; a decoded '/' separates nothing, and no name has one. */
static int decode(struct bytes in, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < in.size; i++) {
        int c = in.data[i];
        if (c == '%') {
            const int high = i + 2 < in.size ? hex_digit(in.data[i + 1]) : -1;
            const int low = i + 2 < in.size ? hex_digit(in.data[i + 2]) : -1;
            c = high < 0 || low < 0 ? 0 : high << 4 | low;
            i += 2;
        }
        if (c <= ' ' || c >= 0x7f || n + 1 >= size || (in.data[i] != '/' && c == '/')) {
            return -EBADMSG;
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return 0;
}

static const uint8_t *find(struct bytes in, const char *word)
{
    return in.size > 0 ? memmem(in.data, in.size, word, strlen(word)) : NULL;
}

/* The value behind the last "word": up to what may follow it. */
static struct bytes value_of(struct bytes in, const char *word)
{
    struct bytes value = {0};
    for (const uint8_t *at; (at = find(in, word));) {
        at += strlen(word);
        in = bytes_of(at, in.size - (size_t)(at - in.data));
        size_t n = 0;
        while (n < in.size && !strchr("/?&", in.data[n])) {
            n++;
        }
        value = bytes_of(in.data, n);
    }
    return value;
}

static int read_track(struct bytes rest, struct rtsp_url *out)
{
    uint32_t track;
    out->track = RTSP_URL_NO_TRACK;
    if (!find(rest, "trackID=")) {
        return 0;
    }
    if (rtsp_number(value_of(rest, "trackID="), TRACK_MAX, &track) < 0) {
        return -EBADMSG;
    }
    out->track = (int)track;
    return 0;
}

static void read_mode(struct bytes rest, struct rtsp_url *out)
{
    const struct bytes mode = value_of(rest, "mode=");
    if (find(rest, "mode=")) {
        strcpy(out->mode, "?"); /* no mode has this name */
        if (mode.size > 0 && mode.size < RTSP_MODE_SIZE) {
            memcpy(out->mode, mode.data, mode.size);
            out->mode[mode.size] = '\0';
        }
    }
}

/* Behind scheme and host: begins with '/', or is empty. A path alone will do, too. */
static int find_path(struct bytes text, struct bytes *path)
{
    if (text.size > 0 && text.data[0] == '/') {
        *path = text;
        return 0;
    }
    static const char *const schemes[] = {"rtsp://", "rtspt://", "rtspu://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        const size_t n = strlen(schemes[i]);
        if (text.size > n && strncasecmp((const char *)text.data, schemes[i], n) == 0) {
            size_t host = n;
            while (host < text.size && text.data[host] != '/' && text.data[host] != '?') {
                host++;
            }
            *path = bytes_of(text.data + host, text.size - host);
            return host > n ? 0 : -EBADMSG;
        }
    }
    return -EBADMSG;
}

/* Up to the query or the track, without slashes at its end. */
static size_t measure_name(struct bytes path)
{
    const uint8_t *query = memchr(path.data, '?', path.size);
    size_t n = query ? (size_t)(query - path.data) : path.size;
    const uint8_t *track = find(bytes_of(path.data, n), "/trackID=");
    n = track ? (size_t)(track - path.data) : n;
    while (n > 0 && path.data[n - 1] == '/') {
        n--;
    }
    return n;
}

int rtsp_url_parse(struct bytes text, struct rtsp_url *out)
{
    struct bytes path;
    *out = (struct rtsp_url){.track = RTSP_URL_NO_TRACK, .base = text};
    if (text.size == 1 && text.data[0] == '*') {
        return 0;
    }
    if (find_path(text, &path) < 0) {
        return -EBADMSG;
    }
    if (path.size == 0) {
        return 0;
    }
    const size_t n = measure_name(path);
    const struct bytes rest = bytes_of(path.data + n, path.size - n);
    out->base = bytes_of(text.data, (size_t)(rest.data - text.data));
    read_mode(rest, out);
    if (read_track(rest, out) < 0) {
        return -EBADMSG;
    }
    return n > 1 ? decode(bytes_of(path.data + 1, n - 1), out->name, sizeof(out->name)) : 0;
}
