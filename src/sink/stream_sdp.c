#include "sink/stream_sdp.h"

#include <errno.h>
#include <stdlib.h>

#include "sink/announcement.h"

/* The first RTP output of the stream, or the one of that number; NULL: there is none. */
static const struct announcement *find(const struct sink_env *env, const struct stream *s,
                                       long number)
{
    const struct announcement *a;
    list_for_each(a, env->announcements, link)
    {
        if (a->output->stream == s && a->media != SDP_ANNOUNCE_UDP_TS && --number == 0) {
            return a;
        }
    }
    return NULL;
}

static void answer(struct http_exchange *x, const struct announcement *a)
{
    struct text sdp = {0};
    if (announcement_write(a, &sdp) < 0) {
        http_add_header(x, "Retry-After", "1");
        http_respond_error(x, 503,
                           "the receiver's address or the picture's format is not known "
                           "yet: try again");
    } else {
        http_respond(x, 200, "application/sdp", text_bytes(&sdp));
    }
    text_finish(&sdp);
}

/* ?output=2: of its second RTP output. */
static void get_sdp(struct http_exchange *x, void *arg)
{
    struct sink *sink = arg;
    const char *number = http_query(x, "output");
    const struct stream *s = sink_find_stream(sink, x, http_name(x));
    if (!s) {
        return;
    }
    const struct announcement *a = find(sink->env, s, number ? strtol(number, NULL, 10) : 1);
    if (!a) {
        http_respond_error(x, 404,
                           "no such RTP output of '%s': configure one, such as "
                           "outputs: [\"rtp://HOST:PORT\"]",
                           stream_name(s));
        return;
    }
    answer(x, a);
}

static const struct http_route routes[] = {
    {HTTP_METHOD_GET, "/NAME/stream.sdp", get_sdp, 0},
    {0},
};

const struct sink_type sink_stream_sdp = {
    .name = "sdp",
    .summary = "how RTP outputs are received: /NAME/stream.sdp",
    .state_size = sizeof(struct sink),
    .routes = routes,
};
