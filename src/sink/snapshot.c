#include "sink/snapshot.h"

#include "sink/still.h"

struct snapshot_sink {
    struct sink sink;
    struct list stills; /* still::link */
};

static void get_snapshot(struct http_exchange *x, void *arg)
{
    struct snapshot_sink *h = arg;
    struct stream *s = sink_find_stream(&h->sink, x, http_name(x));
    if (s) {
        still_start(&h->sink, &h->stills, x, s);
    }
}

static int open_sink(void *state)
{
    struct snapshot_sink *h = state;
    list_init(&h->stills);
    return 0;
}

static void close_sink(void *state)
{
    struct snapshot_sink *h = state;
    stills_close(&h->stills);
}

static const struct http_route routes[] = {
    {HTTP_METHOD_GET, "/NAME/snapshot.jpg", get_snapshot, 0},
    {0},
};

const struct sink_type sink_snapshot = {
    .name = "snapshot",
    .summary = "newest picture: /NAME/snapshot.jpg",
    .state_size = sizeof(struct snapshot_sink),
    .routes = routes,
    .open = open_sink,
    .close = close_sink,
};
