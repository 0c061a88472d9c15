#include "sink/rtsp_session.h"

#include <errno.h>

#include "sink/rtsp_connection.h"

/* ---- what the flows say ---- */

/* RFC 2326 §12.33: where what comes begins. */
static void on_first(struct rtsp_flow *f, const struct rtsp_frames *frames)
{
    struct rtsp_media *m = rtsp_media_of(f);
    struct rtsp_connection *c = m->connection;
    struct text more = {0};
    if (!c->is_answering || c->step.action != RTSP_DO_PLAY) {
        return;
    }
    text_append(&more, "RTP-Info: url=");
    text_append_bytes(&more, c->step.url.base);
    text_printf(&more, "/trackID=%d;seq=%u;rtptime=%u\r\n\r\n", (int)(m - c->session.media),
                frames->sequence, frames->timestamp);
    rtsp_connection_answer(c, 200, &more);
    text_finish(&more);
}

static void on_end(struct rtsp_flow *f, const char *why)
{
    struct rtsp_connection *c = rtsp_media_of(f)->connection;
    if (c->is_answering) {
        rtsp_connection_refuse(c, 503, why);
    }
    log_debug(&rtsp_connection_sink(c)->log, "%s, closing viewer", why);
    rtsp_flow_send_bye(f);
    rtsp_connection_destroy(c);
}

static const struct rtsp_flow_ops flow_ops = {.on_first = on_first, .on_end = on_end};

/* ---- setting up ---- */

static bool is_channel_taken(const struct rtsp_session *s, const struct rtsp_step *step)
{
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        const struct rtsp_transport *t = &s->media[i].transport;
        for (unsigned n = 0; s->media[i].is_set_up && i != step->track && n < 4; n++) {
            if (t->channels[n & 1] == step->transport.channels[n >> 1]) {
                return true;
            }
        }
    }
    return false;
}

static void unset(struct rtsp_media *m)
{
    rtsp_flow_stop(&m->flow);
    m->is_set_up = false;
}

unsigned rtsp_session_setup(struct rtsp_connection *c, const struct rtsp_step *step,
                            struct text *transport_line)
{
    struct rtsp_session *s = &c->session;
    struct rtsp_media *m = &s->media[step->track];
    struct stream *stream = directory_find(rtsp_connection_sink(c)->env->streams, step->url.name);
    enum stream_mode mode = stream_default_mode(stream);
    if (step->url.mode[0] != '\0' && stream_mode_parse(step->url.mode, &mode) < 0) {
        return 400;
    }
    if (is_channel_taken(s, step)) {
        return 461;
    }
    unset(m);
    *m = (struct rtsp_media){.connection = c, .transport = step->transport, .is_set_up = true};
    rtsp_flow_init(&m->flow, &rtsp_flow_tcp, &rtsp_tracks[step->track], &flow_ops);
    rtsp_transport_write_tcp(transport_line, m->transport.channels);
    s->mode = mode;
    return 200;
}

/* ---- playing ---- */

static unsigned start_media(struct rtsp_connection *c, struct rtsp_media *m, struct stream *stream,
                            const char **why)
{
    if (!m->is_set_up || m->flow.is_started) {
        return 200;
    }
    const int result = rtsp_flow_start(&m->flow, rtsp_connection_sink(c), stream, c->session.mode);
    if (result < 0) {
        const char *error = stream_encoding_error(stream, m->flow.track->encoding);
        *why = error ? error : "the stream cannot be had in this format";
    }
    return result < 0 ? 503 : 200;
}

unsigned rtsp_session_play(struct rtsp_connection *c, const char **why)
{
    struct rtsp_session *s = &c->session;
    struct stream *stream =
        directory_find(rtsp_connection_sink(c)->env->streams, c->dialogue.stream);
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        const unsigned status = start_media(c, &s->media[i], stream, why);
        if (status != 200) {
            rtsp_session_pause(s);
            return status;
        }
    }
    s->is_playing = true;
    return 200;
}

void rtsp_session_pause(struct rtsp_session *s)
{
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        rtsp_flow_stop(&s->media[i].flow);
    }
    s->is_playing = false;
}

void rtsp_session_finish(struct rtsp_session *s)
{
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        unset(&s->media[i]);
    }
    s->is_playing = false;
}

void rtsp_session_run(struct rtsp_session *s)
{
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        rtsp_flow_run(&s->media[i].flow);
    }
}

bool rtsp_session_is_over_tcp(const struct rtsp_session *s)
{
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        if (s->media[i].is_set_up && s->media[i].transport.carrier != RTSP_OVER_TCP) {
            return false;
        }
    }
    return true;
}
