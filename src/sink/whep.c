#include "sink/whep.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "mux/mux.h"
#include "net/webrtc.h"
#include "proto/sdp_offer.h"
#include "sink/whep_ended.h"

enum { WHEP_PATH_SIZE = 256 };

/* How often the track is looked for while an answer waits. */
#define TRACK_POLL_NS (20 * NS_PER_MS)

/* What a mode asks of the viewer's player and of the sender. */
static const struct {
    bool has_playout_delay;
    uint16_t playout_max_ms;
    int64_t delay_ns;
} modes[N_MODES] = {
    [MODE_DRIVE] = {true, 0, 150 * NS_PER_MS},
    [MODE_WATCH] = {true, 200, 250 * NS_PER_MS},
    [MODE_SMOOTH] = {false, 0, 1500 * NS_PER_MS},
};

struct whep {
    struct sink sink;
    struct list viewers; /* whep_viewer::link */
    struct whep_ended ended;
};

struct whep_viewer {
    struct list link; /* whep::viewers */
    struct whep *whep;
    char id[WHEP_ID_SIZE];
    enum stream_mode mode;
    struct reader reader;
    bool is_reading;
    struct webrtc_session *session; /* NULL before the answer */
    struct packet *in_flight;       /* handed to the session, not yet wholly sent */
    size_t in_flight_bytes;

    /* until the answer */
    struct http_exchange *exchange;
    struct sdp *offer; /* borrows the exchange's body */
    struct loop_timer poll;
    int64_t answer_by_ns;
};

static int64_t now(const struct whep_viewer *v)
{
    return loop_now_ns(v->whep->sink.env->loop);
}

static void destroy(struct whep_viewer *v)
{
    if (v->is_reading) {
        reader_close(&v->reader, now(v));
    }
    webrtc_session_close(v->session);
    packet_unref(&v->in_flight);
    loop_timer_finish(&v->poll);
    list_remove(&v->link);
    free(v->offer);
    free(v);
}

/* ---- media ---- */

static void note_sent(struct whep_viewer *v)
{
    if (v->in_flight) {
        reader_note_sent(&v->reader, v->in_flight, v->in_flight_bytes, time_monotonic_ns());
        packet_unref(&v->in_flight);
    }
}

static void send_chunk(struct whep_viewer *v, const struct chunk *chunk)
{
    const struct rtp_frame frame = {
        .buf = chunk->buf,
        .capture_ns = chunk->packet->capture_ns,
        .arrival_ns = chunk->packet->arrival_ns,
        .is_key = packet_is_key(chunk->packet),
        .is_ageless = v->reader.is_catching_up,
    };
    const enum webrtc_verdict verdict = webrtc_session_send(v->session, &frame);
    if (verdict == WEBRTC_REFUSED) {
        reader_skip_to_key(&v->reader, DROP_RATE, now(v));
        return;
    }
    v->in_flight = packet_ref(chunk->packet);
    v->in_flight_bytes = chunk->buf->size;
    if (verdict == WEBRTC_SENT) {
        note_sent(v);
    }
}

static bool is_reordered(const struct whep_viewer *v)
{
    return stream_track(v->reader.stream, ENCODING_H264)->is_reordered;
}

static void pump(struct whep_viewer *v)
{
    struct chunk chunk;
    if (is_reordered(v)) { /* seen only now: its next offer is refused with the reason */
        log_debug(&v->whep->sink.log, "'%s' has B-frames, closing viewer",
                  stream_name(v->reader.stream));
        destroy(v);
        return;
    }
    while (v->session && webrtc_session_is_ready(v->session) &&
           reader_next(&v->reader, now(v), &chunk)) {
        send_chunk(v, &chunk);
    }
    reader_count_late(&v->reader, now(v));
}

/* ---- the session ---- */

static void on_session_ready(struct webrtc_session *s, void *arg)
{
    pump(arg);
}

static void on_session_sent(struct webrtc_session *s, void *arg)
{
    note_sent(arg);
}

static void on_session_cut(struct webrtc_session *s, void *arg)
{
    struct whep_viewer *v = arg;
    packet_unref(&v->in_flight);
    reader_skip_to_key(&v->reader, DROP_RATE, now(v));
}

static void on_session_wish(struct webrtc_session *s, void *arg)
{
    struct whep_viewer *v = arg;
    reader_wish_keyframe(&v->reader, now(v));
}

static void on_session_closed(struct webrtc_session *s, const char *why, void *arg)
{
    struct whep_viewer *v = arg;
    v->session = NULL;
    whep_ended_note(&v->whep->ended, v->id, now(v));
    destroy(v);
}

static const struct webrtc_session_ops session_ops = {
    .on_connected = on_session_ready,
    .on_ready = on_session_ready,
    .on_sent = on_session_sent,
    .on_cut = on_session_cut,
    .on_wish = on_session_wish,
    .on_closed = on_session_closed,
};

/* ---- answering ---- */

/* The profile, constraints and level of "avc1.42c01f". */
static bool read_profile(const struct track *t, uint8_t out[3])
{
    unsigned profile, constraints, level;
    if (sscanf(t->codec_string, "avc1.%2x%2x%2x", &profile, &constraints, &level) != 3) {
        return false;
    }
    out[0] = (uint8_t)profile;
    out[1] = (uint8_t)constraints;
    out[2] = (uint8_t)level;
    return true;
}

static void refuse(struct whep_viewer *v, int status, const char *sentence)
{
    if (status == 503) {
        http_add_header(v->exchange, "Retry-After", "5");
    }
    http_set_close(v->exchange, NULL, NULL);
    http_respond_error(v->exchange, status, "%s", sentence);
    destroy(v);
}

/* Of msid: the stream's name in the characters that a token may have. */
static void make_stream_id(const struct stream *s, char *out, size_t size)
{
    text_copy(out, size, stream_name(s));
    for (; *out; out++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", *out)) {
            *out = '-';
        }
    }
}

static int create_session(struct whep_viewer *v, const struct sdp_video *video, struct text *answer)
{
    char stream_id[STREAM_NAME_SIZE];
    make_stream_id(v->reader.stream, stream_id, sizeof(stream_id));
    const struct webrtc_session_config config = {
        .offer = v->offer,
        .video = video,
        .reached = http_local(v->exchange),
        .stream_id = stream_id,
        .has_playout_delay = modes[v->mode].has_playout_delay,
        .playout_max_ms = modes[v->mode].playout_max_ms,
        .delay_ns = modes[v->mode].delay_ns,
        .ops = &session_ops,
        .arg = v,
    };
    return webrtc_session_create(&v->session, v->whep->sink.env->webrtc, &config, answer);
}

static void respond_created(struct whep_viewer *v, const struct text *answer)
{
    char location[WHEP_PATH_SIZE];
    struct http_exchange *x = v->exchange;
    snprintf(location, sizeof(location), "/%s/whep/%s", stream_name(v->reader.stream), v->id);
    http_add_header(x, "Location", location);
    v->exchange = NULL;
    http_set_close(x, NULL, NULL);
    http_respond(x, 201, "application/sdp", text_bytes(answer));
    free(v->offer);
    v->offer = NULL;
}

static void answer(struct whep_viewer *v)
{
    uint8_t profile[3];
    const bool has_profile = read_profile(stream_track(v->reader.stream, ENCODING_H264), profile);
    struct sdp_video video;
    struct text sdp = {0};
    const char *reason = "this offer cannot be answered";
    loop_timer_stop(&v->poll);
    if (is_reordered(v)) {
        refuse(v, 406,
               "the stream has B-frames, which browsers cannot play over WebRTC: take "
               "WebCodecs (/ws?format=h264) or MJPEG");
        return;
    }
    int status = sdp_offer_choose(v->offer, has_profile ? profile : NULL, &video, &reason);
    if (status < 0) {
        refuse(v, status == -ENOTSUP ? 406 : 400, reason);
        return;
    }
    status = create_session(v, &video, &sdp);
    if (status == 0) {
        respond_created(v, &sdp);
    } else {
        refuse(v, status == -EBADMSG ? 400 : 503,
               status == -EBUSY     ? "too many WebRTC viewers: try again later"
               : status == -EBADMSG ? "the offer lacks a usable fingerprint"
                                    : "out of memory");
    }
    text_finish(&sdp);
}

static bool is_track_known(const struct whep_viewer *v)
{
    uint8_t profile[3];
    return read_profile(stream_track(v->reader.stream, ENCODING_H264), profile);
}

static void on_poll(struct loop_timer *t)
{
    struct whep_viewer *v = list_entry(t, struct whep_viewer, poll);
    if (is_track_known(v) || now(v) >= v->answer_by_ns) {
        answer(v);
    } else {
        loop_timer_start(&v->poll, TRACK_POLL_NS);
    }
}

/* ---- the reader ---- */

static struct whep_viewer *viewer_of(struct reader *r)
{
    return list_entry(r, struct whep_viewer, reader);
}

static void on_ready(struct reader *r)
{
    struct whep_viewer *v = viewer_of(r);
    if (v->exchange) {
        on_poll(&v->poll); /* the track is known with the first packet */
    } else {
        pump(v);
    }
}

static void on_end(struct reader *r, const char *why)
{
    struct whep_viewer *v = viewer_of(r);
    v->is_reading = false;
    if (v->exchange) {
        refuse(v, 503, why);
    } else {
        destroy(v);
    }
}

static const struct reader_ops reader_ops = {.on_ready = on_ready, .on_end = on_end};

/* ---- requests ---- */

static void on_exchange_closed(struct http_exchange *x, void *arg)
{
    struct whep_viewer *v = arg;
    v->exchange = NULL;
    destroy(v);
}

static bool is_sdp(const char *content_type)
{
    static const char sdp[] = "application/sdp";
    const size_t n = sizeof(sdp) - 1;
    return content_type && strncasecmp(content_type, sdp, n) == 0 &&
           (content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' ');
}

static struct whep_viewer *create_viewer(struct whep *whep, struct http_exchange *x)
{
    uint8_t id[WHEP_ID_BYTES];
    struct whep_viewer *v = calloc(1, sizeof(*v));
    struct sdp *offer = malloc(sizeof(*offer));
    if (!v || !offer || RAND_bytes(id, sizeof(id)) != 1) {
        free(offer);
        free(v);
        return NULL;
    }
    for (unsigned i = 0; i < WHEP_ID_BYTES; i++) {
        snprintf(v->id + 2 * i, 3, "%02x", id[i]);
    }
    v->whep = whep;
    v->offer = offer;
    v->exchange = x;
    loop_timer_init(&v->poll, whep->sink.env->loop, on_poll);
    list_append(&whep->viewers, &v->link);
    return v;
}

static void start_viewer(struct whep_viewer *v, struct stream *s)
{
    const struct sink *sink = &v->whep->sink;
    if (sdp_parse(http_body(v->exchange), v->offer) < 0) {
        refuse(v, 400, "the body is no readable SDP offer");
        return;
    }
    v->mode = sink_mode(s, v->exchange);
    const int status = reader_open(&v->reader, s, ENCODING_H264, &mux_rtp_h264, v->mode,
                                   sink->type->name, &reader_ops, now(v));
    if (status < 0) {
        const char *error = stream_encoding_error(s, ENCODING_H264);
        refuse(v, status == -ENOTSUP ? 406 : 503, error ? error : "no H.264 to be had here");
        return;
    }
    v->is_reading = true;
    if (is_track_known(v)) {
        answer(v);
        return;
    }
    v->answer_by_ns = now(v) + WHEP_TRACK_WAIT_NS;
    http_set_close(v->exchange, on_exchange_closed, v);
    loop_timer_start(&v->poll, TRACK_POLL_NS);
}

static void post_whep(struct http_exchange *x, void *arg)
{
    struct whep *whep = arg;
    struct stream *s = sink_find_stream(&whep->sink, x, http_name(x));
    if (!s) {
        return;
    }
    if (!is_sdp(http_header(x, "Content-Type"))) {
        http_respond_error(x, 415, "WHEP takes an SDP offer, Content-Type: application/sdp");
        return;
    }
    if (!whep->sink.env->webrtc) {
        http_respond_error(x, 503, "WebRTC is switched off here (--webrtc)");
        return;
    }
    struct whep_viewer *v = create_viewer(whep, x);
    if (!v) {
        http_respond_error(x, 503, "out of memory");
        return;
    }
    start_viewer(v, s);
}

static struct whep_viewer *find_viewer(struct whep *whep, const struct stream *s, const char *id)
{
    struct whep_viewer *v;
    list_for_each(v, &whep->viewers, link)
    {
        if (strcmp(v->id, id) == 0 && v->is_reading && v->reader.stream == s && !v->exchange) {
            return v;
        }
    }
    return NULL;
}

static void delete_whep(struct http_exchange *x, void *arg)
{
    struct whep *whep = arg;
    struct stream *s = sink_find_stream(&whep->sink, x, http_name(x));
    struct whep_viewer *v = s ? find_viewer(whep, s, http_id(x)) : NULL;
    if (v) {
        destroy(v);
    }
    if (!s) {
        return;
    }
    if (v || whep_ended_take(&whep->ended, http_id(x), loop_now_ns(whep->sink.env->loop))) {
        http_respond(x, 200, NULL, (struct bytes){0});
    } else {
        http_respond_error(x, 404, "no such viewer: it may have left already");
    }
}

static void options_whep(struct http_exchange *x, void *arg)
{
    http_add_header(x, "Accept-Post", "application/sdp");
    http_respond(x, 204, NULL, (struct bytes){0});
}

/* ---- the sink ---- */

static int open_sink(void *state)
{
    struct whep *whep = state;
    list_init(&whep->viewers);
    return 0;
}

static void close_sink(void *state)
{
    struct whep *whep = state;
    struct whep_viewer *v, *next;
    list_for_each_safe(v, next, &whep->viewers, link)
    {
        if (v->exchange) {
            refuse(v, 503, "the server is ending");
        } else {
            destroy(v);
        }
    }
}

static const struct http_route routes[] = {
    {HTTP_METHOD_POST, "/NAME/whep", post_whep, SDP_SIZE_MAX},
    {HTTP_METHOD_OPTIONS, "/NAME/whep", options_whep, 0},
    {HTTP_METHOD_DELETE, "/NAME/whep/ID", delete_whep, 0},
    {HTTP_METHOD_OPTIONS, "/NAME/whep/ID", options_whep, 0},
    {0},
};

const struct sink_type sink_whep = {
    .name = "whep",
    .summary = "WebRTC, the fastest way into a browser: /NAME/whep",
    .state_size = sizeof(struct whep),
    .routes = routes,
    .open = open_sink,
    .close = close_sink,
};
