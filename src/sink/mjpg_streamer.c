#include "sink/mjpg_streamer.h"

#include <string.h>

#include "sink/byte_viewer.h"
#include "sink/still.h"

struct mjpg_streamer_sink {
    struct sink sink;
    struct list viewers; /* byte_viewer::link */
    struct list stills;  /* still::link */
};

void mjpg_streamer_handle(struct http_exchange *x, void *state)
{
    struct mjpg_streamer_sink *m = state;
    const struct byte_format format = {.encoding = ENCODING_JPEG, .mux = &mux_multipart_plain};
    const char *action = http_query(x, "action");
    struct stream *s = sink_find_stream(&m->sink, x, http_query(x, "stream"));
    if (!s) {
        return;
    }
    if (strcmp(action, "stream") == 0) {
        byte_viewer_start(&m->sink, &m->viewers, x, s, &format);
    } else if (strcmp(action, "snapshot") == 0) {
        still_start(&m->sink, &m->stills, x, s);
    } else {
        http_respond_error(x, 400, "action takes stream or snapshot");
    }
}

static int open_sink(void *state)
{
    struct mjpg_streamer_sink *m = state;
    list_init(&m->viewers);
    list_init(&m->stills);
    return 0;
}

static void close_sink(void *state)
{
    struct mjpg_streamer_sink *m = state;
    byte_viewers_close(&m->viewers);
    stills_close(&m->stills);
}

const struct sink_type sink_mjpg_streamer = {
    .name = "mjpg-streamer",
    .summary = "mjpg-streamer's addresses: /?action=stream, /?action=snapshot",
    .state_size = sizeof(struct mjpg_streamer_sink),
    .open = open_sink,
    .close = close_sink,
};
