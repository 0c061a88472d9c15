/* DESCRIBE: wakes the stream and answers as soon as its source says what it is. */
#include <stdio.h>

#include "sink/rtsp_connection.h"

/* How often the track is looked for while an answer waits. */
#define TRACK_POLL_NS (20 * NS_PER_MS)

static const struct rtsp_track *const track = &rtsp_tracks[0]; /* what everything waits for */

void rtsp_describe_finish(struct rtsp_connection *c)
{
    if (c->is_waiter_open) {
        c->is_waiter_open = false;
        reader_close(&c->waiter, loop_now_ns(c->connection.watch.loop));
    }
}

/* The address family of the connection, any address: what is sent goes where SETUP says. */
static const char *any_address(const struct rtsp_connection *c)
{
    return c->connection.peer.sa.sa_family == AF_INET6 ? "::" : "0.0.0.0";
}

static void write_tracks(struct text *sdp, const struct stream *s, const struct rtsp_url *url)
{
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        char control[40];
        snprintf(control, sizeof(control), "trackID=%u%s%s", i, url->mode[0] ? "?mode=" : "",
                 url->mode);
        const struct sdp_player_track t = {
            .track = stream_track(s, rtsp_tracks[i].encoding),
            .payload_type = rtsp_tracks[i].payload_type,
            .control = control,
        };
        rtsp_tracks[i].describe(sdp, &t);
    }
}

static void answer(struct rtsp_connection *c, const struct stream *s)
{
    struct text sdp = {0};
    struct text more = {0};
    sdp_player_write_session(&sdp, stream_name(s), c->server->sdp_id, any_address(c));
    write_tracks(&sdp, s, &c->step.url);
    rtsp_response_end(&more, "application/sdp", text_bytes(&sdp));
    rtsp_connection_answer(c, sdp.error || more.error ? 503 : 200, &more);
    text_finish(&sdp);
    text_finish(&more);
}

static bool is_known(const struct stream *s)
{
    const struct track *t = stream_track(s, track->encoding);
    return t->codec == track->codec && t->parameter_sets;
}

void rtsp_describe_look(struct rtsp_connection *c)
{
    const struct stream *s = c->waiter.stream;
    const int64_t now_ns = loop_now_ns(c->connection.watch.loop);
    if (is_known(s)) {
        rtsp_describe_finish(c);
        answer(c, s);
    } else if (now_ns >= c->wait_until_ns) {
        const char *error = stream_error(s);
        rtsp_describe_finish(c);
        rtsp_connection_refuse(c, 503, error ? error : "the source says nothing yet: try again");
    } else {
        loop_timer_start(&c->wait, TRACK_POLL_NS);
    }
}

static void on_ready(struct reader *r)
{
}

static void on_end(struct reader *r, const char *why)
{
    struct rtsp_connection *c = list_entry(r, struct rtsp_connection, waiter);
    c->is_waiter_open = false;
    rtsp_connection_refuse(c, 503, why);
}

static const struct reader_ops reader_ops = {.on_ready = on_ready, .on_end = on_end};

void rtsp_describe_start(struct rtsp_connection *c)
{
    struct sink *sink = rtsp_connection_sink(c);
    struct stream *s = directory_find(sink->env->streams, c->step.url.name);
    const int64_t now_ns = loop_now_ns(sink->env->loop);
    enum stream_mode mode = MODE_WATCH;
    if (c->step.url.mode[0] != '\0' && stream_mode_parse(c->step.url.mode, &mode) < 0) {
        rtsp_connection_refuse(c, 400, "mode takes drive, watch or smooth");
        return;
    }
    const int result = reader_open(&c->waiter, s, track->encoding, NULL, mode, sink->type->name,
                                   &reader_ops, now_ns);
    if (result < 0) {
        const char *error = stream_encoding_error(s, track->encoding);
        rtsp_connection_refuse(c, 503, error ? error : "there is no H.264 to be had here");
        return;
    }
    c->is_waiter_open = true;
    c->wait_until_ns = now_ns + c->server->limits.track_wait_ns;
    rtsp_describe_look(c);
}
