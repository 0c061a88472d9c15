#include "net/webrtc_session.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "proto/sdp_answer.h"
#include "proto/stun.h"

/* An address does not pass to another viewer's session within this time of its last check. */
#define TUPLE_KEPT_NS (6 * NS_PER_S)
/* Authenticated datagrams before a viewer's silences are judged by its own. */
enum { HEARD_MIN = 8 };

/* ---- creation ---- */

struct session_secrets {
    uint8_t ufrag[WEBRTC_UFRAG_SIZE];
    uint8_t password[WEBRTC_PASSWORD_SIZE];
    uint32_t ssrc;
    uint32_t rtx_ssrc;
    uint16_t first_sequence;
    uint16_t rtx_first_sequence;
    uint64_t session_id;
};

static int make_secrets(struct webrtc_session *s, struct session_secrets *out)
{
    if (RAND_bytes((unsigned char *)out, sizeof(*out)) != 1) {
        return -EIO;
    }
    stun_ice_text(out->ufrag, WEBRTC_UFRAG_SIZE, s->name.ufrag);
    stun_ice_text(out->password, WEBRTC_PASSWORD_SIZE, s->password);
    out->rtx_ssrc += out->rtx_ssrc == out->ssrc;
    out->session_id >>= 1;
    return 0;
}

static int copy_remote(struct webrtc_session *s, const struct sdp_media *media)
{
    if (media->n_fingerprints == 0) {
        return -EBADMSG;
    }
    s->n_fingerprints = media->n_fingerprints < DTLS_FINGERPRINTS_MAX ? media->n_fingerprints
                                                                      : DTLS_FINGERPRINTS_MAX;
    memcpy(s->fingerprints, media->fingerprints, s->n_fingerprints * sizeof(*s->fingerprints));
    if (media->ufrag.size < sizeof(s->remote_ufrag)) {
        memcpy(s->remote_ufrag, media->ufrag.data, media->ufrag.size);
    }
    return 0;
}

static void init_sender(struct webrtc_session *s, const struct webrtc_session_config *c,
                        const struct session_secrets *secrets, int64_t now_ns)
{
    const struct sdp_video *v = c->video;
    const struct bytes mid = c->offer->media[v->media_index].mid;
    const struct rtp_sender_config config = {
        .ssrc = secrets->ssrc,
        .rtx_ssrc = secrets->rtx_ssrc,
        .payload_type = v->payload_type,
        .rtx_payload_type = v->rtx_payload_type,
        .has_rtx = v->has_rtx,
        .first_sequence = secrets->first_sequence,
        .rtx_first_sequence = secrets->rtx_first_sequence,
        .extensions = v->extensions,
        .mid = mid.size <= RTP_MID_SIZE_MAX ? mid : (struct bytes){0},
        .cname = bytes_of_text(s->name.ufrag),
        .has_playout_delay = c->has_playout_delay,
        .playout_min_ms = c->playout_min_ms,
        .playout_max_ms = c->playout_max_ms,
        .delay_ns = c->delay_ns,
    };
    rtp_sender_init(&s->sender, &config, now_ns);
}

static const struct address *interfaces(struct webrtc *w, int64_t now_ns)
{
    if (w->interfaces_ns == TIME_NONE || now_ns - w->interfaces_ns > NS_PER_S) {
        const int n = address_interfaces(w->interfaces, WEBRTC_CANDIDATES_MAX);
        w->n_interfaces = n > 0 ? (unsigned)n : 0;
        w->interfaces_ns = now_ns;
    }
    return w->interfaces;
}

static unsigned choose_candidates(struct webrtc *w, const struct sockaddr *reached, int64_t now_ns,
                                  struct endpoint *out)
{
    struct endpoint sockets[WEBRTC_SOCKETS_MAX];
    struct endpoint inside[WEBRTC_SOCKETS_MAX];
    unsigned n_sockets = 0, n_inside = 0;
    struct endpoint here;
    for (unsigned i = 0; i < w->n_sockets; i++) {
        const struct udp_socket *s = &w->sockets[i].udp;
        if (s->is_inside) {
            inside[n_inside++] = s->address;
        } else {
            sockets[n_sockets++] = s->address;
        }
    }
    const struct webrtc_candidates_config config = {
        .advertised = w->advertised,
        .n_advertised = w->n_advertised,
        .sockets = sockets,
        .n_sockets = n_sockets,
        .inside = inside,
        .n_inside = n_inside,
        .interfaces = interfaces(w, now_ns),
        .n_interfaces = w->n_interfaces,
        .reached = reached && endpoint_from_sockaddr(reached, &here) == 0 ? &here : NULL,
    };
    return webrtc_candidates(&config, out, WEBRTC_CANDIDATES_MAX);
}

static void write_answer(struct webrtc_session *s, const struct webrtc_session_config *c,
                         const struct session_secrets *secrets, int64_t now_ns, struct text *out)
{
    struct endpoint candidates[WEBRTC_CANDIDATES_MAX];
    const struct sdp_answer answer = {
        .session_id = secrets->session_id,
        .ufrag = s->name.ufrag,
        .password = s->password,
        .fingerprint = dtls_identity_fingerprint(s->webrtc->identity),
        .candidates = candidates,
        .n_candidates = choose_candidates(s->webrtc, c->reached, now_ns, candidates),
        .stream_id = c->stream_id,
        .track_id = "video",
        .cname = s->name.ufrag,
        .ssrc = secrets->ssrc,
        .rtx_ssrc = secrets->rtx_ssrc,
    };
    sdp_answer_write(c->offer, c->video, &answer, out);
}

static void link_session(struct webrtc *w, struct webrtc_session *s)
{
    webrtc_table_add_name(&w->table, &s->name);
    list_append(&w->sessions, &s->link);
    webrtc_go_round(w);
    w->stats.n_sessions++;
    w->stats.n_created++;
}

int webrtc_session_create(struct webrtc_session **out, struct webrtc *w,
                          const struct webrtc_session_config *config, struct text *answer)
{
    const int64_t now_ns = loop_now_ns(w->loop);
    struct session_secrets secrets;
    if (w->stats.n_sessions >= w->n_sessions_max) {
        w->stats.n_refused++;
        return -EBUSY;
    }
    struct webrtc_session *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->webrtc = w;
    s->ops = config->ops;
    s->arg = config->arg;
    s->created_ns = now_ns;
    s->heard_ns = now_ns;
    s->leaving_ns = TIME_NONE;
    s->flight_ns = TIME_NONE;
    s->due_ns = INT64_MAX;
    s->name.session = s;
    list_init(&s->paced);
    int status = copy_remote(s, &config->offer->media[config->video->media_index]);
    status = status < 0 ? status : make_secrets(s, &secrets);
    if (status < 0) {
        free(s);
        return status;
    }
    log_init(&s->log, &w->log, "%s", s->name.ufrag);
    init_sender(s, config, &secrets, now_ns);
    write_answer(s, config, &secrets, now_ns, answer);
    if (answer->error) {
        webrtc_session_free(s);
        return -ENOMEM;
    }
    link_session(w, s);
    *out = s;
    return 0;
}

void webrtc_session_free(struct webrtc_session *s)
{
    rtp_sender_finish(&s->sender);
    srtp_sender_destroy(s->srtp_out);
    srtp_receiver_destroy(s->srtp_in);
    dtls_destroy(s->dtls);
    free(s);
}

/* ---- the end ---- */

static void count_state(struct webrtc_session *s, enum webrtc_state state)
{
    struct webrtc_stats *stats = &s->webrtc->stats;
    stats->n_handshakes += (state == WEBRTC_HANDSHAKING) - (s->state == WEBRTC_HANDSHAKING);
    stats->n_connected += (state == WEBRTC_CONNECTED) - (s->state == WEBRTC_CONNECTED);
    s->state = state;
}

void webrtc_session_end(struct webrtc_session *s, const char *why)
{
    struct webrtc *w = s->webrtc;
    if (s->state == WEBRTC_ENDED) {
        return;
    }
    count_state(s, WEBRTC_ENDED);
    w->stats.n_sessions--;
    webrtc_pace(w, s, INT64_MAX);
    webrtc_table_remove_name(&w->table, &s->name);
    for (unsigned i = 0; i < s->n_tuples; i++) {
        webrtc_table_remove_tuple(&w->table, &s->tuples[i]);
    }
    list_remove(&s->link);
    list_append(&w->ended, &s->link);
    if (why) {
        log_debug(&s->log, "%s, closing viewer", why);
        s->ops->on_closed(s, why, s->arg);
    }
}

static void send_rtcp(struct webrtc_session *s, struct bytes plain)
{
    uint8_t out[RTP_SENDER_REPORT_SIZE_MAX + SRTCP_OVERHEAD_MAX];
    const size_t size = srtp_protect_rtcp(s->srtp_out, plain, out, sizeof(out));
    if (size > 0) {
        udp_send(&s->selected->path, bytes_of(out, size));
    }
}

void webrtc_session_close(struct webrtc_session *s)
{
    if (!s || s->state == WEBRTC_ENDED) {
        return;
    }
    if (s->state == WEBRTC_CONNECTED) {
        uint8_t bye[RTP_SENDER_REPORT_SIZE_MAX];
        send_rtcp(s, bytes_of(bye, rtp_sender_bye(&s->sender, bye)));
        dtls_close(s->dtls);
    }
    webrtc_session_end(s, NULL);
}

/* ---- ICE ---- */

static struct webrtc_tuple *find_tuple(struct webrtc_session *s, const struct udp_path *path)
{
    for (unsigned i = 0; i < s->n_tuples; i++) {
        if (udp_path_equal(&s->tuples[i].path, path)) {
            return &s->tuples[i];
        }
    }
    return NULL;
}

/* A free place, or that of the tuple which was checked longest ago. */
static struct webrtc_tuple *place_for_tuple(struct webrtc_session *s)
{
    if (s->n_tuples < WEBRTC_TUPLES_MAX) {
        return &s->tuples[s->n_tuples++];
    }
    struct webrtc_tuple *oldest = NULL;
    for (unsigned i = 0; i < WEBRTC_TUPLES_MAX; i++) {
        struct webrtc_tuple *t = &s->tuples[i];
        if (t != s->selected && t != s->dtls_tuple &&
            (!oldest || t->checked_ns < oldest->checked_ns)) {
            oldest = t;
        }
    }
    webrtc_table_remove_tuple(&s->webrtc->table, oldest);
    return oldest;
}

/* NULL when the address is another viewer's, heard of a moment ago. */
static struct webrtc_tuple *learn_tuple(struct webrtc_session *s, const struct udp_path *path,
                                        int64_t now_ns)
{
    struct webrtc_table *table = &s->webrtc->table;
    struct webrtc_tuple *known = webrtc_table_find_tuple(table, path);
    if (known && known->session == s) {
        return known;
    }
    if (known && now_ns - known->checked_ns < TUPLE_KEPT_NS) {
        return NULL;
    }
    if (known) {
        webrtc_table_remove_tuple(table, known);
    }
    struct webrtc_tuple *tuple = find_tuple(s, path); /* ours, which another had taken */
    tuple = tuple ? tuple : place_for_tuple(s);
    *tuple = (struct webrtc_tuple){.session = s, .path = *path};
    webrtc_table_add_tuple(table, tuple);
    return tuple;
}

/* ---- silence ---- */

static int64_t patience_ns(const struct webrtc_session *s)
{
    if (s->n_heard < HEARD_MIN) {
        return WEBRTC_SILENCE_MAX_NS; /* not known well enough */
    }
    const int64_t ns = 3 * s->longest_silence_ns;
    return ns < WEBRTC_SILENCE_MIN_NS   ? WEBRTC_SILENCE_MIN_NS
           : ns > WEBRTC_SILENCE_MAX_NS ? WEBRTC_SILENCE_MAX_NS
                                        : ns;
}

static bool is_silent(const struct webrtc_session *s, int64_t now_ns)
{
    return now_ns - s->heard_ns > patience_ns(s);
}

static void hear(struct webrtc_session *s, int64_t now_ns)
{
    const int64_t silence_ns = now_ns - s->heard_ns;
    const bool was_silent = is_silent(s, now_ns);
    if (s->n_heard++ > 0 && silence_ns > s->longest_silence_ns) {
        s->longest_silence_ns = silence_ns;
    }
    s->heard_ns = now_ns;
    if (was_silent && s->state == WEBRTC_CONNECTED) {
        webrtc_pace(s->webrtc, s, now_ns); /* there it is again */
    }
}

/* ---- checks ---- */

static bool on_good_check(struct webrtc_session *s, const struct udp_path *path, bool is_nominated,
                          int64_t now_ns)
{
    struct webrtc_tuple *tuple = learn_tuple(s, path, now_ns);
    if (!tuple) {
        return false;
    }
    tuple->checked_ns = now_ns;
    hear(s, now_ns);
    if (!s->selected || is_nominated) {
        s->selected = tuple;
    }
    if (s->state == WEBRTC_NEW) {
        count_state(s, WEBRTC_CHECKED);
    }
    return true;
}

void webrtc_session_on_check(struct webrtc_session *s, const struct udp_datagram *d, int64_t now_ns)
{
    const struct bytes password = bytes_of(s->password, WEBRTC_PASSWORD_SIZE);
    struct stun_message m;
    uint8_t out[STUN_MESSAGE_SIZE_MAX];
    size_t size = 0;
    if (stun_parse(bytes_of(d->data, d->size), &m) < 0) {
        s->webrtc->stats.n_strays++;
        return;
    }
    const int code = stun_judge_request(&m, bytes_of_text(s->name.ufrag),
                                        bytes_of_text(s->remote_ufrag), password);
    if (code == 0 && on_good_check(s, &d->path, m.use_candidate, now_ns)) {
        size = stun_write_success(&m, &d->path.remote, password, out, sizeof(out));
    } else if (code > 0) {
        const bool is_signed = code != STUN_BAD_REQUEST && code != STUN_UNAUTHENTICATED;
        size = stun_write_error(&m, (enum stun_code)code, is_signed ? password : (struct bytes){0},
                                out, sizeof(out));
    }
    if (code != 0) {
        s->webrtc->stats.n_strays++;
    }
    if (size > 0 && size <= d->size) { /* never more than was asked with */
        udp_send(&d->path, bytes_of(out, size));
    }
}

/* ---- DTLS ---- */

static void send_dtls(void *user, struct bytes datagram)
{
    struct webrtc_session *s = user;
    const struct webrtc_tuple *tuple = s->dtls_tuple ? s->dtls_tuple : s->selected;
    if (tuple) {
        udp_send(&tuple->path, datagram);
        s->flight_ns = s->is_flight_known ? s->flight_ns : loop_now_ns(s->webrtc->loop);
        s->is_flight_known = true;
    }
}

static bool start_handshake(struct webrtc_session *s)
{
    struct webrtc *w = s->webrtc;
    struct dtls_options options = {
        .identity = w->identity,
        .fingerprints = s->fingerprints,
        .n_fingerprints = s->n_fingerprints,
        .send = send_dtls,
        .user = s,
    };
    memcpy(options.profiles, w->profiles, sizeof(options.profiles));
    if (w->stats.n_handshakes >= WEBRTC_HANDSHAKES_MAX) {
        return false; /* the viewer will try again */
    }
    s->dtls = dtls_create(&options);
    if (!s->dtls) {
        return false;
    }
    count_state(s, WEBRTC_HANDSHAKING);
    return true;
}

static void on_keys(struct webrtc_session *s)
{
    struct srtp_keys ours, theirs;
    if (dtls_srtp_keys(s->dtls, &ours, &theirs) == 0) {
        s->srtp_out = srtp_sender_create(s->webrtc->engine, &ours);
        s->srtp_in = srtp_receiver_create(s->webrtc->engine, &theirs);
    }
    explicit_bzero(&ours, sizeof(ours));
    explicit_bzero(&theirs, sizeof(theirs));
    if (!s->srtp_out || !s->srtp_in) {
        webrtc_session_end(s, "no keys");
        return;
    }
    count_state(s, WEBRTC_CONNECTED);
    s->ops->on_connected(s, s->arg);
}

static void judge_dtls(struct webrtc_session *s)
{
    switch (dtls_state(s->dtls)) {
    case DTLS_HANDSHAKING:
        break;
    case DTLS_CONNECTED:
        if (s->state == WEBRTC_HANDSHAKING) {
            on_keys(s);
        }
        break;
    case DTLS_CLOSED:
        webrtc_session_end(s, "the viewer left");
        break;
    case DTLS_FAILED:
        s->webrtc->stats.n_failed++;
        webrtc_session_end(s, "the DTLS handshake failed");
        break;
    }
}

/* Between our first flight and the answer to it lies a round trip, and the viewer's arithmetic. */
static void note_round_trip(struct webrtc_session *s, struct bytes datagram, int64_t now_ns)
{
    const bool is_answer = s->flight_ns != TIME_NONE && !dtls_is_client_hello(datagram);
    if (s->state == WEBRTC_HANDSHAKING && is_answer) {
        rtp_rate_note_round_trip(&s->sender.rate, now_ns - s->flight_ns, now_ns);
        s->flight_ns = TIME_NONE;
    }
}

void webrtc_session_on_dtls(struct webrtc_session *s, struct webrtc_tuple *tuple,
                            const struct udp_datagram *d, int64_t now_ns)
{
    if (!s->dtls && !start_handshake(s)) {
        return;
    }
    s->dtls_tuple = tuple;
    note_round_trip(s, bytes_of(d->data, d->size), now_ns);
    dtls_receive(s->dtls, bytes_of(d->data, d->size), now_ns);
    judge_dtls(s);
}

/* ---- media ---- */

bool webrtc_session_is_connected(const struct webrtc_session *s)
{
    return s->state == WEBRTC_CONNECTED;
}

const struct rtp_sender_stats *webrtc_session_stats(const struct webrtc_session *s)
{
    return &s->sender.stats;
}

const struct rtp_rate *webrtc_session_rate(const struct webrtc_session *s)
{
    return &s->sender.rate;
}

static void send_report(struct webrtc_session *s, int64_t now_ns)
{
    uint8_t report[RTP_SENDER_REPORT_SIZE_MAX];
    if (rtp_sender_is_report_due(&s->sender, now_ns)) {
        const size_t size = rtp_sender_report(&s->sender, now_ns, time_real_ns(), report);
        if (size > 0) {
            send_rtcp(s, bytes_of(report, size));
        }
    }
}

/* Whatever may leave, leaves. */
static void send_packets(struct webrtc_session *s, int64_t now_ns)
{
    struct webrtc *w = s->webrtc;
    if (webrtc_run_send(&s->sender, s->srtp_out, &s->selected->path, &w->scratch, now_ns) < 0) {
        log_error(&s->log, "libcrypto failed, frames are lost");
    }
    send_report(s, now_ns);
    webrtc_pace(w, s, rtp_sender_deadline_ns(&s->sender, now_ns));
}

bool webrtc_session_is_ready(struct webrtc_session *s)
{
    const int64_t now_ns = loop_now_ns(s->webrtc->loop);
    return s->state == WEBRTC_CONNECTED && !is_silent(s, now_ns) &&
           rtp_sender_is_ready(&s->sender, now_ns);
}

enum webrtc_verdict webrtc_session_send(struct webrtc_session *s, const struct rtp_frame *frame)
{
    const int64_t now_ns = loop_now_ns(s->webrtc->loop);
    if (!rtp_sender_offer(&s->sender, frame, now_ns)) {
        webrtc_pace(s->webrtc, s, rtp_sender_deadline_ns(&s->sender, now_ns));
        return WEBRTC_REFUSED;
    }
    send_packets(s, now_ns);
    s->is_sending = rtp_sender_is_sending(&s->sender);
    return s->is_sending ? WEBRTC_SENDING : WEBRTC_SENT;
}

/* Ask for what the sender wishes, and for the next frame. Each callback may close the session. */
static void call_owner(struct webrtc_session *s, int64_t now_ns)
{
    if (rtp_sender_take_wish(&s->sender, now_ns)) {
        s->ops->on_wish(s, s->arg);
    }
    if (s->state == WEBRTC_CONNECTED && rtp_sender_is_ready(&s->sender, now_ns)) {
        s->ops->on_ready(s, s->arg);
    }
    if (s->state == WEBRTC_CONNECTED) {
        webrtc_pace(s->webrtc, s, rtp_sender_deadline_ns(&s->sender, now_ns));
    }
}

void webrtc_session_on_step(struct webrtc_session *s, int64_t now_ns)
{
    if (is_silent(s, now_ns)) {
        webrtc_pace(s->webrtc, s, INT64_MAX);
        return;
    }
    const bool is_cut = rtp_sender_cut_late(&s->sender, now_ns);
    send_packets(s, now_ns);
    if (s->is_sending && !rtp_sender_is_sending(&s->sender)) {
        s->is_sending = false;
        (is_cut ? s->ops->on_cut : s->ops->on_sent)(s, s->arg);
    }
    if (s->state == WEBRTC_CONNECTED) {
        call_owner(s, now_ns);
    }
}

/* Once for each time that the link was seen congested. */
static void log_rate(struct webrtc_session *s, int64_t before_ns)
{
    static const char *const signs[] = {[RTP_SIGN_NONE] = "",
                                        [RTP_SIGN_REMB] = "its estimate",
                                        [RTP_SIGN_QUEUE] = "a long queue",
                                        [RTP_SIGN_LOSS] = "losses"};
    const struct rtp_rate *r = &s->sender.rate;
    if (r->lowered_ns != before_ns) {
        log_debug(&s->log,
                  "%s: the link carries %lld kbit/s (estimate %lld, round trip %lld ms, "
                  "queue %lld ms, lost %d/256), sending no faster",
                  signs[r->sign], (long long)(r->capacity_bps / 1000),
                  (long long)(r->remb_bps / 1000),
                  (long long)(rtp_rate_round_trip_ns(r) / NS_PER_MS),
                  (long long)(r->queue_ns / NS_PER_MS), r->fraction_lost);
    }
}

void webrtc_session_on_rtcp(struct webrtc_session *s, struct udp_datagram *d, int64_t now_ns)
{
    bool has_left = false;
    if (s->state != WEBRTC_CONNECTED || srtp_unprotect_rtcp(s->srtp_in, d->data, &d->size) < 0) {
        s->webrtc->stats.n_strays++;
        return;
    }
    hear(s, now_ns);
    const int64_t lowered_ns = s->sender.rate.lowered_ns;
    rtp_sender_receive(&s->sender, bytes_of(d->data, d->size), now_ns, &has_left);
    log_rate(s, lowered_ns);
    if (has_left && s->leaving_ns == TIME_NONE) {
        s->leaving_ns = now_ns;
    }
    webrtc_session_on_step(s, now_ns);
}

/* ---- time ---- */

static int64_t consented_ns(const struct webrtc_session *s)
{
    return s->selected ? s->selected->checked_ns : s->created_ns;
}

static const char *why_expired(const struct webrtc_session *s, int64_t now_ns)
{
    const int64_t silence_ns = now_ns - consented_ns(s);
    const int64_t patience_ns = s->state == WEBRTC_NEW ? WEBRTC_CHECK_NS : WEBRTC_CONNECT_NS;
    if (s->state != WEBRTC_CONNECTED && now_ns - s->created_ns > patience_ns) {
        return "the viewer did not connect";
    }
    if (s->leaving_ns != TIME_NONE && now_ns - s->leaving_ns > WEBRTC_LEAVING_NS &&
        silence_ns > WEBRTC_LEAVING_NS) {
        return "the viewer left";
    }
    return silence_ns > WEBRTC_CONSENT_NS ? "the viewer fell silent" : NULL;
}

static void check_handshake(struct webrtc_session *s, int64_t now_ns)
{
    const int64_t due_ns = dtls_timeout_ns(s->dtls, now_ns);
    if (due_ns != TIME_NONE && due_ns <= now_ns) {
        dtls_on_timeout(s->dtls, now_ns);
        s->flight_ns = TIME_NONE; /* repeated: the answer tells no round trip */
        judge_dtls(s);
    }
}

void webrtc_session_on_round(struct webrtc_session *s, int64_t now_ns)
{
    const char *why = why_expired(s, now_ns);
    if (why) {
        s->webrtc->stats.n_expired++;
        webrtc_session_end(s, why);
    } else if (s->state == WEBRTC_HANDSHAKING) {
        check_handshake(s, now_ns);
    } else if (s->state == WEBRTC_CONNECTED) {
        send_report(s, now_ns);
    }
}
