/*
 * Plays a WHEP endpoint as a browser does: a controlling ICE agent with one candidate pair, a DTLS
 * client, and a receiver that asks for what is lost and estimates its link. After a hole that
 * nothing repaired, the next keyframe is awaited.
 */
#include <errno.h>
#include <http_parser.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/latency_reader.h"
#include "base/text.h"
#include "mux/rtp_h264_reader.h"
#include "proto/demux.h"
#include "proto/dtls.h"
#include "proto/rtp_receiver.h"
#include "proto/sdp_answer.h"
#include "proto/sdp_offer.h"
#include "proto/srtp.h"
#include "proto/stun.h"

enum {
    UFRAG_SIZE = 8,
    PASSWORD_SIZE = 24,
    DATAGRAM_MAX = 2048,
    ANSWER_MAX = SDP_SIZE_MAX,
    LOCATION_MAX = 512,
    ICE_PRIORITY = 1862270975, /* peer-reflexive, RFC 8445 §5.1.2.1 */
};

#define CHECK_INTERVAL_NS   (50 * NS_PER_MS)
#define CONSENT_INTERVAL_NS (5 * NS_PER_S)

struct whep {
    struct latency_url url;
    char location[LOCATION_MAX];
    int fd; /* UDP, connected to the server's candidate */
    char ufrag[UFRAG_SIZE + 1];
    char password[PASSWORD_SIZE + 1];
    char remote_ufrag[260];
    char remote_password[260];
    struct fingerprint fingerprints[SDP_FINGERPRINTS_MAX];
    unsigned n_fingerprints;
    struct endpoint candidates[SDP_CANDIDATES_MAX];
    unsigned n_candidates;
    struct sdp_video video;
    uint64_t tie_breaker;
    int64_t next_check_ns;
    bool is_checked; /* the server answered a check */
    struct dtls_identity *identity;
    struct dtls *dtls;
    struct srtp_engine *engine;
    struct srtp_sender *sender;
    struct srtp_receiver *receiver;
    struct rtp_receiver rtp;
    int64_t next_feedback_ns;
    struct rtp_h264_reader access_units;
};

__attribute__((format(printf, 3, 4))) static int fail(struct option_error *error, int result,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->sentence, sizeof(error->sentence), format, args);
    va_end(args);
    return result;
}

static void random_text(char *out, size_t size)
{
    uint8_t bytes[PASSWORD_SIZE];
    (void)!getrandom(bytes, size, 0);
    stun_ice_text(bytes, size, out);
}

/* ---- signalling ---- */

struct response {
    http_parser parser;
    struct text body;
    char location[LOCATION_MAX];
    bool is_location;
    bool is_complete;
    int status;
};

static int on_field(http_parser *p, const char *at, size_t size)
{
    struct response *r = p->data;
    r->is_location = size == 8 && strncasecmp(at, "location", 8) == 0;
    return 0;
}

static int on_value(http_parser *p, const char *at, size_t size)
{
    struct response *r = p->data;
    if (r->is_location) {
        const size_t length = strlen(r->location);
        snprintf(r->location + length, sizeof(r->location) - length, "%.*s", (int)size, at);
    }
    return 0;
}

static int on_body(http_parser *p, const char *at, size_t size)
{
    struct response *r = p->data;
    text_append_bytes(&r->body, bytes_of(at, size));
    return r->body.size > ANSWER_MAX;
}

static int on_complete(http_parser *p)
{
    struct response *r = p->data;
    r->is_complete = true;
    r->status = p->status_code;
    return 0;
}

static int exchange(const struct latency_url *url, const char *method, const char *path,
                    struct bytes body, struct response *out, int64_t deadline_ns,
                    struct option_error *error)
{
    static const http_parser_settings settings = {
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_body = on_body,
        .on_message_complete = on_complete,
    };
    *out = (struct response){0};
    http_parser_init(&out->parser, HTTP_RESPONSE);
    out->parser.data = out;
    const int fd = latency_connect(url, deadline_ns, error);
    if (fd < 0) {
        return fd;
    }
    struct text request = {0};
    const bool is_v6 = strchr(url->host, ':') != NULL;
    text_printf(&request,
                "%s %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nContent-Type: application/sdp\r\n"
                "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                method, path, is_v6 ? "[" : "", url->host, is_v6 ? "]" : "", url->port, body.size);
    text_append_bytes(&request, body);
    int result = latency_send(fd, text_bytes(&request), deadline_ns);
    text_finish(&request);
    while (result == 0 && !out->is_complete) {
        char block[4096];
        const ssize_t n = recv(fd, block, sizeof(block), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            result = latency_wait(fd, POLLIN, deadline_ns);
        } else if (http_parser_execute(&out->parser, &settings, block, n > 0 ? (size_t)n : 0) !=
                       (size_t)(n > 0 ? n : 0) ||
                   (n <= 0 && !out->is_complete)) {
            result = -EBADMSG;
        }
    }
    close(fd);
    return result < 0 ? fail(error, result, "no answer from the server: %s", strerror(-result)) : 0;
}

static int read_answer(struct whep *w, struct bytes text, struct option_error *error)
{
    struct sdp *answer = malloc(sizeof(*answer));
    if (!answer) {
        return -ENOMEM;
    }
    int result = sdp_parse(text, answer);
    if (result == 0) {
        result = sdp_answer_read(answer, &w->video);
    }
    if (result == 0) {
        const struct sdp_media *m = &answer->media[w->video.media_index];
        snprintf(w->remote_ufrag, sizeof(w->remote_ufrag), "%.*s", (int)m->ufrag.size,
                 m->ufrag.data);
        snprintf(w->remote_password, sizeof(w->remote_password), "%.*s", (int)m->password.size,
                 m->password.data);
        memcpy(w->fingerprints, m->fingerprints, sizeof(w->fingerprints));
        w->n_fingerprints = m->n_fingerprints;
        memcpy(w->candidates, m->candidates, sizeof(w->candidates));
        w->n_candidates = m->n_candidates;
    }
    free(answer);
    if (result == 0 && w->n_candidates == 0) {
        result = -EBADMSG;
    }
    return result < 0 ? fail(error, result, "the server's SDP answer cannot be used: %s",
                             strerror(-result))
                      : 0;
}

static int signal_offer(struct whep *w, int64_t deadline_ns, struct option_error *error)
{
    const struct sdp_offer offer = {
        .session_id = w->tie_breaker >> 1,
        .ufrag = w->ufrag,
        .password = w->password,
        .fingerprint = dtls_identity_fingerprint(w->identity),
    };
    struct text sdp = {0};
    struct response response;
    sdp_offer_write(&offer, &sdp);
    int result =
        exchange(&w->url, "POST", w->url.path, text_bytes(&sdp), &response, deadline_ns, error);
    text_finish(&sdp);
    if (result == 0 && response.status != 201) {
        result = latency_refused(response.status, text_bytes(&response.body), error);
    }
    if (result == 0) {
        text_copy(w->location, sizeof(w->location), response.location);
        result = read_answer(w, text_bytes(&response.body), error);
    }
    text_finish(&response.body);
    return result;
}

/* ---- ICE ---- */

static int open_socket(struct whep *w, const struct endpoint *to)
{
    struct sockaddr_storage address;
    const socklen_t size = endpoint_to_sockaddr(to, &address);
    const int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    const int buffer = 4 * 1024 * 1024;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    if (connect(fd, (struct sockaddr *)&address, size) < 0) {
        close(fd);
        return -errno;
    }
    w->fd = fd;
    return 0;
}

static void send_check(struct whep *w, int64_t now_ns)
{
    uint8_t id[STUN_TRANSACTION_ID_SIZE];
    uint8_t out[STUN_MESSAGE_SIZE_MAX];
    char username[600];
    (void)!getrandom(id, sizeof(id), 0);
    snprintf(username, sizeof(username), "%s:%s", w->remote_ufrag, w->ufrag);
    const struct stun_request request = {
        .transaction_id = id,
        .username = bytes_of_text(username),
        .tie_breaker = w->tie_breaker,
        .priority = ICE_PRIORITY,
        .is_controlling = true,
        .use_candidate = true,
    };
    const size_t size =
        stun_write_request(&request, bytes_of_text(w->remote_password), out, sizeof(out));
    (void)!send(w->fd, out, size, MSG_NOSIGNAL);
    w->next_check_ns = now_ns + (w->is_checked ? CONSENT_INTERVAL_NS : CHECK_INTERVAL_NS);
}

static void on_stun(struct whep *w, struct bytes datagram)
{
    struct stun_message m;
    if (stun_parse(datagram, &m) == 0 && m.class == STUN_SUCCESS &&
        stun_has_integrity(&m, bytes_of_text(w->remote_password))) {
        w->is_checked = true;
    }
}

/* ---- DTLS and media ---- */

static void send_datagram(void *user, struct bytes datagram)
{
    const struct whep *w = user;
    (void)!send(w->fd, datagram.data, datagram.size, MSG_NOSIGNAL);
}

static int start_dtls(struct whep *w, int64_t now_ns)
{
    const struct dtls_options options = {
        .identity = w->identity,
        .is_client = true,
        .profiles = {SRTP_PROFILE_GCM, SRTP_PROFILE_SHA1_80},
        .fingerprints = w->fingerprints,
        .n_fingerprints = w->n_fingerprints,
        .send = send_datagram,
        .user = w,
    };
    w->dtls = dtls_create(&options);
    return w->dtls ? dtls_start(w->dtls, now_ns) : -ENOMEM;
}

static int take_keys(struct whep *w)
{
    struct srtp_keys ours;
    struct srtp_keys theirs;
    int result = dtls_srtp_keys(w->dtls, &ours, &theirs);
    if (result < 0) {
        return result;
    }
    w->sender = srtp_sender_create(w->engine, &ours);
    w->receiver = srtp_receiver_create(w->engine, &theirs);
    return w->sender && w->receiver ? 0 : -ENOMEM;
}

static int on_dtls(struct whep *w, struct bytes datagram, int64_t now_ns,
                   struct option_error *error)
{
    if (!w->dtls) {
        return 0;
    }
    dtls_receive(w->dtls, datagram, now_ns);
    switch (dtls_state(w->dtls)) {
    case DTLS_CONNECTED:
        return w->receiver ? 0 : take_keys(w);
    case DTLS_FAILED:
        return fail(error, -EPROTO, "the DTLS handshake failed");
    case DTLS_CLOSED:
        return fail(error, -EPIPE, "the server ended the session");
    default:
        return 0;
    }
}

static void on_rtp(struct whep *w, uint8_t *datagram, size_t size, int64_t now_ns)
{
    uint64_t index = 0;
    if (w->receiver && srtp_unprotect(w->receiver, datagram, &size, &index) == 0) {
        rtp_receiver_push(&w->rtp, bytes_of(datagram, size), now_ns);
    }
}

static void on_rtcp(struct whep *w, uint8_t *datagram, size_t size, int64_t now_ns)
{
    if (w->receiver && srtp_unprotect_rtcp(w->receiver, datagram, &size) == 0) {
        rtp_receiver_on_rtcp(&w->rtp, bytes_of(datagram, size), now_ns, time_real_ns());
    }
}

static void send_feedback(struct whep *w, int64_t now_ns)
{
    uint8_t plain[RTP_RECEIVER_FEEDBACK_SIZE_MAX];
    uint8_t out[RTP_RECEIVER_FEEDBACK_SIZE_MAX + SRTCP_OVERHEAD_MAX];
    if (!w->sender || now_ns < w->next_feedback_ns) {
        return;
    }
    size_t size = rtp_receiver_feedback(&w->rtp, now_ns, time_real_ns(), plain);
    w->next_feedback_ns = now_ns + RTP_RECEIVER_TICK_NS;
    if (size > 0) {
        size = srtp_protect_rtcp(w->sender, bytes_of(plain, size), out, sizeof(out));
        (void)!send(w->fd, out, size, MSG_NOSIGNAL);
    }
}

/* The next access unit that can be decoded, if it is there: -EAGAIN. */
static int next_access_unit(struct whep *w, int64_t now_ns, struct packet **out)
{
    struct rtp_receiver_payload p;
    while (rtp_receiver_pull(&w->rtp, now_ns, &p)) {
        const struct rtp_h264_payload payload = {p.sequence, p.timestamp, p.marker, p.bytes};
        struct packet *packet = NULL;
        uint32_t timestamp = 0;
        if (rtp_h264_reader_push(&w->access_units, &payload, &packet, &timestamp) < 0) {
            continue;
        }
        if (packet->flags & PACKET_DISCONTINUITY) {
            w->rtp.needs_key = true;
        }
        if (w->rtp.needs_key && !packet_is_key(packet)) {
            packet_unref(&packet);
            continue;
        }
        w->rtp.needs_key = false;
        packet->arrival_ns = packet->encoded_ns = packet->pts_ns = now_ns;
        *out = packet;
        return 0;
    }
    return -EAGAIN;
}

/* One datagram. -EAGAIN: none. */
static int receive(struct whep *w, struct option_error *error)
{
    uint8_t datagram[DATAGRAM_MAX];
    const ssize_t n = recv(w->fd, datagram, sizeof(datagram), 0);
    const int64_t now_ns = time_monotonic_ns();
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return -EAGAIN;
    }
    if (n < 0) {
        return w->is_checked ? fail(error, -errno, "the media port is gone: %s", strerror(errno))
                             : -EAGAIN; /* this candidate is closed; another may answer */
    }
    const struct bytes in = bytes_of(datagram, (size_t)n);
    switch (demux_datagram(in)) {
    case DEMUX_STUN:
        on_stun(w, in);
        return 0;
    case DEMUX_DTLS:
        return on_dtls(w, in, now_ns, error);
    case DEMUX_RTP:
        on_rtp(w, datagram, (size_t)n, now_ns);
        return 0;
    case DEMUX_RTCP:
        on_rtcp(w, datagram, (size_t)n, now_ns);
        return 0;
    default:
        return 0;
    }
}

/* Checks, handshake timer, and waiting for the next datagram. */
static int wait_for_datagram(struct whep *w, int64_t deadline_ns)
{
    int64_t now_ns = time_monotonic_ns();
    if (now_ns >= deadline_ns) {
        return -ETIMEDOUT;
    }
    if (now_ns >= w->next_check_ns) {
        send_check(w, now_ns);
    }
    int64_t until_ns = w->next_check_ns < deadline_ns ? w->next_check_ns : deadline_ns;
    send_feedback(w, now_ns);
    if (w->sender && w->next_feedback_ns < until_ns) {
        until_ns = w->next_feedback_ns;
    }
    if (w->dtls) {
        const int64_t timeout_ns = dtls_timeout_ns(w->dtls, now_ns);
        if (timeout_ns != TIME_NONE && timeout_ns <= now_ns) {
            dtls_on_timeout(w->dtls, now_ns);
        } else if (timeout_ns != TIME_NONE && timeout_ns < until_ns) {
            until_ns = timeout_ns;
        }
    }
    const int result = latency_wait(w->fd, POLLIN, until_ns);
    return result == -ETIMEDOUT ? 0 : result;
}

/* The first candidate that answers a check is used. */
static int check_candidates(struct whep *w, int64_t deadline_ns, struct option_error *error)
{
    for (unsigned i = 0; !w->is_checked; i++) {
        if (time_monotonic_ns() >= deadline_ns) {
            return fail(
                error, -ETIMEDOUT,
                "no answer on the media port (UDP) at any of %u addresses: is a firewall in "
                "between?",
                w->n_candidates);
        }
        if (w->fd >= 0) {
            close(w->fd);
            w->fd = -1;
        }
        if (open_socket(w, &w->candidates[i % w->n_candidates]) < 0) {
            latency_wait(-1, 0, time_monotonic_ns() + CHECK_INTERVAL_NS / 5);
            continue;
        }
        const int64_t until_ns = time_monotonic_ns() + 2 * CHECK_INTERVAL_NS;
        w->next_check_ns = 0;
        while (!w->is_checked && time_monotonic_ns() < until_ns) {
            if (receive(w, error) == -EAGAIN) {
                wait_for_datagram(w, until_ns);
            }
        }
    }
    return 0;
}

static void start_receiver(struct whep *w)
{
    const struct rtp_receiver_config config = {
        .ssrc = (uint32_t)w->tie_breaker | 1,
        .payload_type = w->video.payload_type,
        .rtx_payload_type = w->video.rtx_payload_type,
        .has_rtx = w->video.has_rtx,
        .extensions = w->video.extensions,
    };
    rtp_receiver_init(&w->rtp, &config);
}

static int whep_open(void *state, const struct latency_url *url, int64_t deadline_ns,
                     struct option_error *error)
{
    struct whep *w = state;
    w->fd = -1;
    w->url = *url;
    rtp_h264_reader_init(&w->access_units);
    random_text(w->ufrag, UFRAG_SIZE);
    random_text(w->password, PASSWORD_SIZE);
    (void)!getrandom(&w->tie_breaker, sizeof(w->tie_breaker), 0);
    w->identity = dtls_identity_create(time_real_ns());
    w->engine = srtp_engine_create();
    if (!w->identity || !w->engine) {
        return fail(error, -ENOMEM, "out of memory");
    }
    int result = signal_offer(w, deadline_ns, error);
    if (result == 0) {
        start_receiver(w);
        result = check_candidates(w, deadline_ns, error);
    }
    return result < 0 ? result : start_dtls(w, time_monotonic_ns());
}

static int whep_read(void *state, int64_t deadline_ns, struct packet **out, enum codec *codec,
                     struct option_error *error)
{
    struct whep *w = state;
    *codec = CODEC_H264;
    for (;;) {
        const int64_t now_ns = time_monotonic_ns();
        send_feedback(w, now_ns);
        if (next_access_unit(w, now_ns, out) == 0) {
            return 0;
        }
        int result = receive(w, error);
        if (result == -EAGAIN) {
            result = wait_for_datagram(w, deadline_ns);
        }
        if (result < 0) {
            return result;
        }
    }
}

static void whep_close(void *state)
{
    struct whep *w = state;
    struct option_error ignored;
    struct response response = {0};
    if (w->location[0] == '/') {
        exchange(&w->url, "DELETE", w->location, (struct bytes){0}, &response,
                 time_monotonic_ns() + NS_PER_S, &ignored);
        text_finish(&response.body);
    }
    rtp_h264_reader_finish(&w->access_units);
    rtp_receiver_finish(&w->rtp);
    dtls_destroy(w->dtls);
    srtp_sender_destroy(w->sender);
    srtp_receiver_destroy(w->receiver);
    srtp_engine_destroy(w->engine);
    dtls_identity_destroy(w->identity);
    if (w->fd >= 0) {
        close(w->fd);
    }
}

static void whep_describe(const void *state, json_t *out)
{
    const struct rtp_receiver_stats *s = &((const struct whep *)state)->rtp.stats;
    json_object_set_new(out, "bytes", json_integer((json_int_t)(s->n_bytes + s->n_repeat_bytes)));
    json_object_set_new(out, "packets", json_integer((json_int_t)s->n_packets));
    json_object_set_new(out, "packets_missed", json_integer((json_int_t)s->n_missed));
    json_object_set_new(out, "packets_asked", json_integer((json_int_t)s->n_asks));
    json_object_set_new(out, "repeats", json_integer((json_int_t)s->n_repeats));
    json_object_set_new(out, "repeat_bytes", json_integer((json_int_t)s->n_repeat_bytes));
    json_object_set_new(out, "keyframe_requests", json_integer((json_int_t)s->n_key_requests));
}

const struct latency_reader_type latency_whep = {
    .state_size = sizeof(struct whep),
    .open = whep_open,
    .read = whep_read,
    .close = whep_close,
    .describe = whep_describe,
};
