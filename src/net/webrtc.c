#include "net/webrtc.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/webrtc_session.h"
#include "proto/demux.h"
#include "proto/stun.h"

/* Batches taken from a socket before others have their turn. */
enum { BATCHES_MAX = 4 };

/* ---- what arrives ---- */

static void on_datagram(struct webrtc *w, struct udp_datagram *d, int64_t now_ns)
{
    const struct bytes bytes = bytes_of(d->data, d->size);
    const enum demux kind = demux_datagram(bytes);
    if (kind == DEMUX_STUN) {
        struct webrtc_session *s = webrtc_table_find_name(&w->table, stun_local_ufrag(bytes));
        if (s) {
            webrtc_session_on_check(s, d, now_ns);
            return;
        }
    } else if (kind == DEMUX_DTLS || kind == DEMUX_RTCP) {
        struct webrtc_tuple *tuple = webrtc_table_find_tuple(&w->table, &d->path);
        if (tuple && kind == DEMUX_DTLS) {
            webrtc_session_on_dtls(tuple->session, tuple, d, now_ns);
            return;
        }
        if (tuple) {
            webrtc_session_on_rtcp(tuple->session, d, now_ns);
            return;
        }
    }
    w->stats.n_strays++;
}

static void on_readable(struct loop_watch *watch, unsigned events)
{
    struct webrtc_socket *socket = list_entry(watch, struct webrtc_socket, watch);
    struct webrtc *w = socket->webrtc;
    bool has_more = true;
    for (unsigned i = 0; has_more && i < BATCHES_MAX; i++) {
        const int64_t now_ns = loop_now_ns(w->loop);
        has_more = udp_receive(&socket->udp, &w->batch);
        for (unsigned k = 0; k < w->batch.n_datagrams; k++) {
            on_datagram(w, &w->batch.datagrams[k], now_ns);
        }
    }
}

/* ---- time ---- */

static void free_ended(struct webrtc *w)
{
    struct webrtc_session *s, *next;
    list_for_each_safe(s, next, &w->ended, link)
    {
        list_remove(&s->link);
        webrtc_session_free(s);
    }
}

static void on_round(struct loop_timer *t)
{
    struct webrtc *w = list_entry(t, struct webrtc, round);
    const int64_t now_ns = loop_now_ns(w->loop);
    struct webrtc_session *s, *next;
    list_for_each_safe(s, next, &w->sessions, link)
    {
        webrtc_session_on_round(s, now_ns);
    }
    free_ended(w);
    w->is_going_round = !list_is_empty(&w->sessions);
    if (w->is_going_round) {
        loop_timer_start(&w->round, WEBRTC_ROUND_NS);
    }
}

void webrtc_go_round(struct webrtc *w)
{
    if (!w->is_going_round) {
        w->is_going_round = true;
        loop_timer_start(&w->round, WEBRTC_ROUND_NS);
    }
}

/* Have on_step() called at that time, but a step from now at the earliest. */
static void step_at(struct webrtc *w, int64_t due_ns)
{
    const int64_t soonest_ns = loop_now_ns(w->loop) + RTP_PACER_STEP_NS;
    const int64_t at_ns = due_ns > soonest_ns ? due_ns : soonest_ns;
    if (at_ns < w->step_ns) {
        w->step_ns = at_ns;
        loop_timer_start(&w->step, at_ns - loop_now_ns(w->loop));
    }
}

static void on_step(struct loop_timer *t)
{
    struct webrtc *w = list_entry(t, struct webrtc, step);
    const int64_t now_ns = loop_now_ns(w->loop);
    struct webrtc_session *s, *next;
    w->step_ns = INT64_MAX;
    list_for_each_safe(s, next, &w->paced, paced)
    {
        if (s->due_ns <= now_ns) {
            webrtc_session_on_step(s, now_ns);
        }
    }
    list_for_each(s, &w->paced, paced)
    {
        step_at(w, s->due_ns);
    }
}

void webrtc_pace(struct webrtc *w, struct webrtc_session *s, int64_t due_ns)
{
    s->due_ns = due_ns;
    if (due_ns == INT64_MAX) {
        list_remove(&s->paced);
        return;
    }
    if (list_is_empty(&s->paced)) {
        list_append(&w->paced, &s->paced);
    }
    step_at(w, due_ns);
}

/* ---- sockets ---- */

static int watch_socket(struct webrtc *w)
{
    struct webrtc_socket *socket = &w->sockets[w->n_sockets++];
    socket->webrtc = w;
    loop_watch_init(&socket->watch, w->loop, socket->udp.fd, on_readable);
    return loop_watch_set(&socket->watch, LOOP_READ);
}

static int open_socket(struct webrtc *w, const char *text, uint16_t port)
{
    struct address address;
    struct endpoint e;
    int status = address_parse(&address, text);
    status = status < 0 ? status : endpoint_from_sockaddr(&address.sa, &e);
    if (status < 0) {
        return status;
    }
    e.port = e.port == 0 ? port : e.port;
    status = udp_open(&w->sockets[w->n_sockets].udp, &e);
    return status < 0 ? status : watch_socket(w);
}

static bool are_all_loopback(const struct webrtc *w)
{
    struct sockaddr_storage storage;
    struct address address;
    for (unsigned i = 0; i < w->n_sockets; i++) {
        endpoint_to_sockaddr(&w->sockets[i].udp.address, &storage);
        if (address_set(&address, (const struct sockaddr *)&storage) < 0 ||
            !address_is_loopback(&address)) {
            return false;
        }
    }
    return true;
}

/*
 * Firefox pairs no loopback candidate with the addresses it uses, which are those of the default
 * route. So that it plays on this machine although we listen on loopback only, these addresses get
 * sockets too, which nobody outside can reach.
 */
static void open_inside(struct webrtc *w)
{
    struct address interfaces[WEBRTC_CANDIDATES_MAX];
    const int n = address_interfaces(interfaces, WEBRTC_CANDIDATES_MAX);
    for (int i = 0; i < n && w->n_sockets < WEBRTC_SOCKETS_MAX; i++) {
        struct endpoint e;
        if (address_is_loopback(&interfaces[i]) ||
            endpoint_from_sockaddr(&interfaces[i].sa, &e) < 0) {
            continue;
        }
        e.port = w->sockets[0].udp.address.port;
        const int status = udp_open_inside(&w->sockets[w->n_sockets].udp, &e);
        if (status < 0 || watch_socket(w) < 0) {
            log_debug(&w->log, "no socket for viewers on this machine (%s), doing without",
                      strerror(-status));
        }
    }
}

static void explain(const char *text, int status, char *error, size_t error_size)
{
    if (status == -EADDRINUSE) {
        snprintf(error, error_size,
                 "WebRTC: %s (UDP) is taken by another program: choose another "
                 "port with --webrtc, or off",
                 text);
    } else if (status == -EINVAL) {
        snprintf(error, error_size, "WebRTC: '%s' is no address: give IP:PORT", text);
    } else {
        snprintf(error, error_size, "WebRTC: cannot listen on %s (UDP): %s", text,
                 strerror(-status));
    }
}

static bool is_best_effort(const struct webrtc *w, const char *text)
{
    struct address address;
    return w->n_sockets > 0 && address_parse(&address, text) == 0 && address_is_loopback(&address);
}

static int open_sockets(struct webrtc *w, const struct webrtc_config *config, char *error,
                        size_t error_size)
{
    for (const char *const *text = config->listen; *text; text++) {
        const uint16_t port = w->n_sockets > 0 ? w->sockets[0].udp.address.port : 0;
        const int status =
            w->n_sockets < WEBRTC_SOCKETS_MAX ? open_socket(w, *text, port) : -ENOSPC;
        if (status < 0 && is_best_effort(w, *text)) {
            log_debug(&w->log, "cannot listen on %s (%s), doing without", *text, strerror(-status));
        } else if (status < 0) {
            explain(*text, status, error, error_size);
            return status;
        }
    }
    if (w->n_advertised == 0 && are_all_loopback(w)) {
        open_inside(w);
    }
    for (unsigned i = 0; i < w->n_sockets; i++) {
        w->sockets[i].udp.has_gso = w->sockets[i].udp.has_gso && !config->no_gso;
    }
    return w->n_sockets > 0 ? 0 : -EINVAL;
}

static int read_advertised(struct webrtc *w, const struct webrtc_config *config, char *error,
                           size_t error_size)
{
    for (const char *const *text = config->advertise; text && *text; text++) {
        struct address address;
        if (w->n_advertised == WEBRTC_CANDIDATES_MAX ||
            (address_parse_ip(&address, *text, 0) < 0 && address_parse(&address, *text) < 0)) {
            snprintf(error, error_size,
                     "--webrtc-address '%s': give an IP address, or IP:PORT, at "
                     "most %d times",
                     *text, WEBRTC_CANDIDATES_MAX);
            return -EINVAL;
        }
        endpoint_from_sockaddr(&address.sa, &w->advertised[w->n_advertised++]);
    }
    return 0;
}

/* ---- the whole ---- */

static int make_keys(struct webrtc *w, const struct webrtc_config *config)
{
    w->identity = dtls_identity_create(time_real_ns());
    w->engine = srtp_engine_create();
    if (!w->identity || !w->engine ||
        RAND_bytes((unsigned char *)&w->table.seed, sizeof(w->table.seed)) != 1) {
        return -ENOMEM;
    }
    if (config->profile != SRTP_PROFILE_NONE) {
        w->profiles[0] = config->profile;
    } else {
        webrtc_profiles_measure(w->engine, w->profiles);
    }
    return 0;
}

int webrtc_create(struct webrtc **out, struct loop *loop, const struct webrtc_config *config,
                  const struct log *log, char *error, size_t error_size)
{
    struct webrtc *w = calloc(1, sizeof(*w));
    if (!w) {
        return -ENOMEM;
    }
    w->loop = loop;
    w->interfaces_ns = TIME_NONE;
    w->step_ns = INT64_MAX;
    w->n_sessions_max = config->n_sessions_max > 0 ? config->n_sessions_max : WEBRTC_SESSIONS_MAX;
    log_init(&w->log, log, "webrtc");
    list_init(&w->sessions);
    list_init(&w->ended);
    list_init(&w->paced);
    loop_timer_init(&w->round, loop, on_round);
    loop_timer_init(&w->step, loop, on_step);
    int status = read_advertised(w, config, error, error_size);
    status = status < 0 ? status : open_sockets(w, config, error, error_size);
    status = status < 0 ? status : make_keys(w, config);
    if (status < 0) {
        webrtc_destroy(w);
        return status;
    }
    struct sockaddr_storage address;
    endpoint_to_sockaddr(&w->sockets[0].udp.address, &address);
    address_format((const struct sockaddr *)&address, w->address, sizeof(w->address));
    *out = w;
    return 0;
}

void webrtc_destroy(struct webrtc *w)
{
    if (!w) {
        return;
    }
    free_ended(w);
    loop_timer_finish(&w->round);
    loop_timer_finish(&w->step);
    for (unsigned i = 0; i < w->n_sockets; i++) {
        loop_watch_finish(&w->sockets[i].watch);
        udp_close(&w->sockets[i].udp);
    }
    srtp_engine_destroy(w->engine);
    dtls_identity_destroy(w->identity);
    free(w);
}

const char *webrtc_address(const struct webrtc *w)
{
    return w->address;
}

void webrtc_get_stats(const struct webrtc *w, struct webrtc_stats *out)
{
    *out = w->stats;
    for (unsigned i = 0; i < w->n_sockets; i++) {
        const struct udp_stats *s = &w->sockets[i].udp.stats;
        out->n_datagrams_sent += s->n_sent;
        out->n_bytes_sent += s->n_bytes_sent;
        out->n_sends += s->n_sends;
        out->n_full += s->n_full;
    }
}
