#include "sink/hls.h"

#include <stdlib.h>
#include <string.h>

#include "sink/hls_stream.h"

struct hls {
    struct sink sink;
    struct list streams; /* hls_stream::link */
};

static void ask(struct http_exchange *x, struct hls *h, const struct hls_query *query)
{
    struct stream *s = sink_find_stream(&h->sink, x, http_name(x));
    if (s) {
        hls_ask(&h->sink, &h->streams, x, s, query);
    }
}

static void get_multivariant(struct http_exchange *x, void *arg)
{
    ask(x, arg, &(struct hls_query){.kind = HLS_MULTIVARIANT});
}

static void get_manifest(struct http_exchange *x, void *arg)
{
    ask(x, arg, &(struct hls_query){.kind = HLS_MANIFEST});
}

/* A whole number without sign; false when there is none, or something else with it. */
static bool parse_number(const char *text, uint64_t *out)
{
    char *end = NULL;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *out < UINT32_MAX;
}

static void get_media_playlist(struct http_exchange *x, void *arg)
{
    struct hls_query query = {.kind = HLS_MEDIA};
    const char *msn = http_query(x, "_HLS_msn");
    const char *part = http_query(x, "_HLS_part");
    query.has_msn = msn != NULL;
    query.has_part = part != NULL;
    if ((msn && !parse_number(msn, &query.number)) || (part && !parse_number(part, &query.part)) ||
        (part && !msn)) {
        http_respond_error(x, 400,
                           "_HLS_msn and _HLS_part are numbers, the latter not without "
                           "the former");
        return;
    }
    ask(x, arg, &query);
}

/* "BOOT-12.m4s", "BOOT-p34.m4s", "BOOT-i1.mp4" */
static bool parse_media_name(const char *name, struct hls_query *out)
{
    const char *dash = strchr(name, '-');
    const char *dot = strrchr(name, '.');
    char number[24];
    if (!dash || dash - name != HLS_BOOT_SIZE - 1 || !dot || dot < dash) {
        return false;
    }
    const bool is_init = dash[1] == 'i';
    const bool is_part = dash[1] == 'p';
    const char *digits = dash + 1 + (is_init || is_part);
    const size_t n_digits = (size_t)(dot - digits);
    if (digits > dot || n_digits >= sizeof(number) || strcmp(dot, is_init ? ".mp4" : ".m4s") != 0) {
        return false;
    }
    memcpy(out->boot, name, HLS_BOOT_SIZE - 1);
    memcpy(number, digits, n_digits);
    number[n_digits] = '\0';
    out->kind = is_init ? HLS_INIT : is_part ? HLS_PART : HLS_SEGMENT;
    return parse_number(number, &out->number);
}

static void get_media(struct http_exchange *x, void *arg)
{
    struct hls_query query = {0};
    const char *slash = strrchr(http_path(x), '/');
    if (slash && parse_media_name(slash + 1, &query)) {
        ask(x, arg, &query);
    } else {
        http_respond_error(x, 404, "there is nothing of this name: load the playlist");
    }
}

static int open_sink(void *state)
{
    struct hls *h = state;
    list_init(&h->streams);
    return 0;
}

static void close_sink(void *state)
{
    struct hls *h = state;
    hls_streams_close(&h->streams);
}

static const struct http_route routes[] = {
    {HTTP_METHOD_GET, "/NAME/index.m3u8", get_multivariant, 0},
    {HTTP_METHOD_GET, "/NAME/manifest.mpd", get_manifest, 0},
    {HTTP_METHOD_GET, "/NAME/hls/video.m3u8", get_media_playlist, 0},
    {HTTP_METHOD_GET, "/NAME/hls/*", get_media, 0},
    {0},
};

const struct sink_type sink_hls = {
    .name = "hls",
    .summary = "LL-HLS and DASH: /NAME/index.m3u8, /NAME/manifest.mpd",
    .state_size = sizeof(struct hls),
    .routes = routes,
    .open = open_sink,
    .close = close_sink,
};
