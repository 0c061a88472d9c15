#include "sink/http_stream.h"

#include <string.h>

#include "sink/byte_viewer.h"

struct http_stream_sink {
    struct sink sink;
    struct list viewers; /* byte_viewer::link */
};

static void start(struct http_exchange *x, struct http_stream_sink *h, enum encoding_id encoding,
                  const struct mux_type *mux)
{
    const struct byte_format format = {.encoding = encoding, .mux = mux};
    struct stream *s = sink_find_stream(&h->sink, x, http_name(x));
    if (s) {
        byte_viewer_start(&h->sink, &h->viewers, x, s, &format);
    }
}

static void get_mp4(struct http_exchange *x, void *arg)
{
    start(x, arg, ENCODING_H264, &mux_mp4);
}

static void get_h264(struct http_exchange *x, void *arg)
{
    start(x, arg, ENCODING_H264, &mux_annexb);
}

static void get_ts(struct http_exchange *x, void *arg)
{
    start(x, arg, ENCODING_H264, &mux_ts);
}

/* ?advance=0: each part with its length and time, as mjpg-streamer's clients want them. */
static void get_mjpg(struct http_exchange *x, void *arg)
{
    const char *advance = http_query(x, "advance");
    const bool is_plain = advance && strcmp(advance, "0") == 0;
    start(x, arg, ENCODING_JPEG, is_plain ? &mux_multipart_plain : &mux_multipart);
}

static int open_sink(void *state)
{
    struct http_stream_sink *h = state;
    list_init(&h->viewers);
    return 0;
}

static void close_sink(void *state)
{
    struct http_stream_sink *h = state;
    byte_viewers_close(&h->viewers);
}

static const struct http_route routes[] = {
    {HTTP_METHOD_GET, "/NAME/stream.mp4", get_mp4, 0},
    {HTTP_METHOD_GET, "/NAME/stream.h264", get_h264, 0},
    {HTTP_METHOD_GET, "/NAME/stream.ts", get_ts, 0},
    {HTTP_METHOD_GET, "/NAME/stream.mjpg", get_mjpg, 0},
    {0},
};

const struct sink_type sink_http_stream = {
    .name = "http",
    .summary = "endless HTTP: /NAME/stream.mp4, stream.h264, stream.ts, stream.mjpg",
    .state_size = sizeof(struct http_stream_sink),
    .routes = routes,
    .open = open_sink,
    .close = close_sink,
};
