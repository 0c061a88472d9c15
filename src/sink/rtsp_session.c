#include "sink/rtsp_session.h"

#include <errno.h>
#include <string.h>

#include "sink/rtsp_connection.h"
#include "sink/rtsp_ports.h"

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

static void stop_media(struct rtsp_media *m)
{
    rtsp_flow_stop(&m->flow);
    if (m->is_playing_group) {
        m->is_playing_group = false;
        rtsp_group_pause(m->group);
    }
}

static void unset(struct rtsp_media *m)
{
    if (m->is_set_up) {
        stop_media(m);
        if (m->transport.carrier == RTSP_OVER_UDP) {
            rtsp_udp_finish(&m->udp);
        } else if (m->group) {
            rtsp_group_leave(m->group);
        }
        m->is_set_up = false;
    }
}

static unsigned setup_tcp(struct rtsp_media *m, const struct rtsp_track *track,
                          struct text *transport_line)
{
    rtsp_flow_init(&m->flow, &rtsp_flow_tcp, m, track, &flow_ops);
    rtsp_transport_write_tcp(transport_line, m->transport.channels);
    return 200;
}

/* From the address that the player reached to the one that it came from. */
static struct udp_path path_to(const struct rtsp_connection *c, struct udp_socket *socket,
                               uint16_t port)
{
    const struct address *peer = &c->connection.peer;
    struct udp_path path = {.socket = socket};
    (void)endpoint_from_sockaddr(&peer->sa, &path.remote);
    path.remote.port = port;
    path.scope_id = peer->sa.sa_family == AF_INET6 ? peer->in6.sin6_scope_id : 0;
    return path;
}

static int find_local(const struct rtsp_connection *c, struct endpoint *out)
{
    struct address local;
    const int result = connection_local(&c->connection, &local);
    return result < 0 ? result : endpoint_from_sockaddr(&local.sa, out);
}

static unsigned refuse_transport(const struct rtsp_connection *c, int error)
{
    log_debug(&c->server->sink.log, "no way to send over UDP (%s), refusing it to a player",
              strerror(-error));
    return 461;
}

static unsigned setup_udp(struct rtsp_media *m, const struct rtsp_track *track,
                          struct text *transport_line)
{
    struct rtsp_connection *c = m->connection;
    const uint16_t *client = m->transport.ports;
    struct rtsp_ports *ports;
    struct endpoint local;
    int result = find_local(c, &local);
    result = result < 0 ? result : rtsp_ports_get(c->server, &local, &ports);
    if (result == 0) {
        const struct udp_path rtp = path_to(c, &ports->rtp, client[0]);
        const struct udp_path rtcp = path_to(c, &ports->rtcp, client[1]);
        rtsp_flow_init(&m->flow, &rtsp_flow_udp, &m->udp, track, &flow_ops);
        result = rtsp_udp_init(&m->udp, &m->flow, rtsp_connection_sink(c)->env->loop, &rtp, &rtcp);
    }
    if (result < 0) {
        return refuse_transport(c, result);
    }
    const uint16_t server[] = {ports->rtp.address.port, ports->rtcp.address.port};
    rtsp_transport_write_udp(transport_line, client, server, m->udp.ssrc);
    return 200;
}

static unsigned setup_group(struct rtsp_media *m, const struct rtsp_track *track,
                            const char *stream, struct text *transport_line)
{
    struct rtsp_connection *c = m->connection;
    struct endpoint local;
    int result = find_local(c, &local);
    if (result == 0) {
        result = rtsp_group_join(c->server, stream, track, &local, m->transport.ttl, &m->group);
    }
    if (result < 0) {
        return refuse_transport(c, result);
    }
    rtsp_group_write_transport(m->group, transport_line);
    return 200;
}

static unsigned setup_media(struct rtsp_media *m, const struct rtsp_track *track,
                            const char *stream, struct text *transport_line)
{
    switch (m->transport.carrier) {
    case RTSP_OVER_TCP:
        return setup_tcp(m, track, transport_line);
    case RTSP_OVER_UDP:
        return setup_udp(m, track, transport_line);
    default:
        return setup_group(m, track, stream, transport_line);
    }
}

unsigned rtsp_session_setup(struct rtsp_connection *c, const struct rtsp_step *step,
                            struct text *transport_line)
{
    struct rtsp_session *s = &c->session;
    struct rtsp_media *m = &s->media[step->track];
    const struct rtsp_track *track = &rtsp_tracks[step->track];
    struct stream *stream = directory_find(rtsp_connection_sink(c)->env->streams, step->url.name);
    enum stream_mode mode = stream_default_mode(stream);
    if (step->url.mode[0] != '\0' && stream_mode_parse(step->url.mode, &mode) < 0) {
        return 400;
    }
    if (step->transport.carrier == RTSP_OVER_TCP && is_channel_taken(s, step)) {
        return 461;
    }
    unset(m);
    *m = (struct rtsp_media){.connection = c, .transport = step->transport};
    const unsigned status = setup_media(m, track, step->url.name, transport_line);
    m->is_set_up = status == 200;
    s->mode = mode;
    return status;
}

/* ---- playing ---- */

static int start(struct rtsp_connection *c, struct rtsp_media *m, struct stream *stream)
{
    if (!m->group) {
        return rtsp_flow_start(&m->flow, rtsp_connection_sink(c), stream, c->session.mode);
    }
    const int result = rtsp_group_play(m->group, stream, c->session.mode);
    m->is_playing_group = result == 0;
    return result;
}

static unsigned start_media(struct rtsp_connection *c, unsigned i, struct stream *stream,
                            const char **why)
{
    struct rtsp_media *m = &c->session.media[i];
    if (!m->is_set_up || m->flow.is_started || m->is_playing_group) {
        return 200;
    }
    const int result = start(c, m, stream);
    if (result < 0) {
        const char *error = stream_encoding_error(stream, rtsp_tracks[i].encoding);
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
        const unsigned status = start_media(c, i, stream, why);
        if (status != 200) {
            rtsp_session_pause(s);
            return status;
        }
        s->is_playing = s->is_playing || s->media[i].is_set_up;
    }
    *why = "no track is set up";
    return s->is_playing ? 200 : 455;
}

bool rtsp_session_awaits_frame(const struct rtsp_session *s)
{
    bool awaits = false;
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        const struct rtsp_flow *f = &s->media[i].flow;
        awaits = awaits || (f->is_started && !f->is_announced);
    }
    return awaits;
}

void rtsp_session_pause(struct rtsp_session *s)
{
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        stop_media(&s->media[i]);
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

bool rtsp_session_receive(struct rtsp_session *s, const struct udp_path *from, struct bytes rtcp)
{
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        struct rtsp_media *m = &s->media[i];
        if (m->is_set_up && m->transport.carrier == RTSP_OVER_UDP &&
            endpoint_equal(&m->udp.rtcp.remote, &from->remote)) {
            rtsp_udp_receive(&m->udp, rtcp);
            return true;
        }
    }
    return false;
}

bool rtsp_session_is_member(const struct rtsp_session *s, const struct rtsp_group *g)
{
    for (unsigned i = 0; i < RTSP_N_TRACKS; i++) {
        if (s->media[i].is_set_up && s->media[i].group == g) {
            return true;
        }
    }
    return false;
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
