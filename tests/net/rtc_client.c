#include "net/rtc_client.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/demux.h"
#include "proto/rtcp.h"
#include "proto/sdp_answer.h"
#include "proto/sdp_offer.h"
#include "proto/stun.h"

int rtc_client_env_init(struct rtc_client_env *env)
{
    *env = (struct rtc_client_env){.profiles = {SRTP_PROFILE_GCM, SRTP_PROFILE_SHA1_80}};
    env->identity = dtls_identity_create(time_real_ns());
    env->engine = srtp_engine_create();
    return env->identity && env->engine ? 0 : -ENOMEM;
}

void rtc_client_env_finish(struct rtc_client_env *env)
{
    srtp_engine_destroy(env->engine);
    dtls_identity_destroy(env->identity);
}

int rtc_client_open(struct rtc_client *c, const struct rtc_client_env *env)
{
    const struct endpoint loopback = {.version = 4, .ip = {127, 0, 0, 1}};
    const int buffer_size = 1 << 20;
    struct sockaddr_storage address;
    uint8_t random[32];
    *c = (struct rtc_client){.env = env, .decrypts = true, .last_ns = TIME_NONE};
    RAND_bytes(random, sizeof(random));
    stun_ice_text(random, 8, c->ufrag);
    stun_ice_text(random + 8, 24, c->password);
    c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_size, sizeof(buffer_size)) < 0) {
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof(buffer_size));
    }
    const socklen_t size = endpoint_to_sockaddr(&loopback, &address);
    return bind(c->fd, (const struct sockaddr *)&address, size) < 0 ? -errno : 0;
}

void rtc_client_close(struct rtc_client *c)
{
    if (c->dtls) {
        dtls_close(c->dtls);
    }
    dtls_destroy(c->dtls);
    srtp_sender_destroy(c->srtp_out);
    srtp_receiver_destroy(c->srtp_in);
    close(c->fd);
}

void rtc_client_offer(struct rtc_client *c, struct text *out)
{
    const struct sdp_offer offer = {
        .session_id = 1,
        .ufrag = c->ufrag,
        .password = c->password,
        .fingerprint = dtls_identity_fingerprint(c->env->identity),
    };
    sdp_offer_write(&offer, out);
}

static void copy_credential(char out[RTC_CLIENT_CREDENTIAL_MAX], struct bytes in)
{
    const size_t n = in.size < RTC_CLIENT_CREDENTIAL_MAX ? in.size : RTC_CLIENT_CREDENTIAL_MAX - 1;
    memcpy(out, in.data, n);
    out[n] = '\0';
}

/* This client is at 127.0.0.1, from where the server's other addresses are out of reach. */
static int connect_to(struct rtc_client *c, const struct sdp_media *m)
{
    struct sockaddr_storage address;
    for (unsigned i = 0; i < m->n_candidates; i++) {
        if (m->candidates[i].version == 4 && m->candidates[i].ip[0] == 127) {
            c->remote = m->candidates[i];
            const socklen_t size = endpoint_to_sockaddr(&c->remote, &address);
            return connect(c->fd, (const struct sockaddr *)&address, size) < 0 ? -errno : 0;
        }
    }
    return -EBADMSG;
}

int rtc_client_answer(struct rtc_client *c, struct bytes text)
{
    struct sdp *sdp = malloc(sizeof(*sdp));
    int status = sdp ? sdp_parse(text, sdp) : -ENOMEM;
    status = status < 0 ? status : sdp_answer_read(sdp, &c->video);
    if (status == 0) {
        const struct sdp_media *m = &sdp->media[c->video.media_index];
        copy_credential(c->remote_ufrag, m->ufrag);
        copy_credential(c->remote_password, m->password);
        c->fingerprint = m->fingerprints[0];
        c->ssrc = m->ssrc;
        c->rtx_ssrc = m->rtx_ssrc;
        status = connect_to(c, m);
    }
    free(sdp);
    return status;
}

void rtc_client_send_raw(struct rtc_client *c, struct bytes datagram)
{
    (void)!send(c->fd, datagram.data, datagram.size, MSG_NOSIGNAL);
}

void rtc_client_check(struct rtc_client *c, const char *ufrag, bool use_candidate)
{
    char username[2 * RTC_CLIENT_CREDENTIAL_MAX];
    uint8_t id[STUN_TRANSACTION_ID_SIZE], out[STUN_MESSAGE_SIZE_MAX];
    RAND_bytes(id, sizeof(id));
    struct byte_writer w;
    byte_writer_init(&w, username, sizeof(username));
    byte_writer_bytes(&w, bytes_of_text(ufrag ? ufrag : c->remote_ufrag));
    byte_writer_bytes(&w, bytes_of_text(":"));
    byte_writer_bytes(&w, bytes_of_text(c->ufrag));
    const struct stun_request request = {
        .transaction_id = id,
        .username = bytes_of(username, byte_writer_size(&w)),
        .tie_breaker = 1,
        .priority = 1862270975,
        .is_controlling = true,
        .use_candidate = use_candidate,
    };
    const size_t size =
        stun_write_request(&request, bytes_of_text(c->remote_password), out, sizeof(out));
    rtc_client_send_raw(c, bytes_of(out, size));
}

static void send_dtls(void *user, struct bytes datagram)
{
    rtc_client_send_raw(user, datagram);
}

int rtc_client_start(struct rtc_client *c, int64_t now_ns)
{
    struct dtls_options options = {
        .identity = c->env->identity,
        .is_client = true,
        .fingerprints = &c->fingerprint,
        .n_fingerprints = 1,
        .send = send_dtls,
        .user = c,
    };
    memcpy(options.profiles, c->env->profiles, sizeof(options.profiles));
    c->dtls = c->dtls ? c->dtls : dtls_create(&options);
    return c->dtls ? dtls_start(c->dtls, now_ns) : -ENOMEM;
}

static void on_stun(struct rtc_client *c, struct bytes datagram)
{
    struct stun_message m;
    if (stun_parse(datagram, &m) == 0 && m.class == STUN_SUCCESS &&
        stun_has_integrity(&m, bytes_of_text(c->remote_password))) {
        c->is_checked = true;
        c->n_checks_answered++;
    }
}

static void look_at_dtls(struct rtc_client *c)
{
    struct srtp_keys ours, theirs;
    const enum dtls_state state = dtls_state(c->dtls);
    c->is_closed = c->is_closed || state == DTLS_CLOSED || state == DTLS_FAILED;
    if (!c->is_connected && state == DTLS_CONNECTED &&
        dtls_srtp_keys(c->dtls, &ours, &theirs) == 0) {
        c->srtp_out = srtp_sender_create(c->env->engine, &ours);
        c->srtp_in = srtp_receiver_create(c->env->engine, &theirs);
        c->is_connected = true;
    }
}

static void count_sequence(struct rtc_client *c, uint16_t sequence)
{
    const uint16_t step = (uint16_t)(sequence - c->highest);
    if (!c->has_sequence || step < 0x8000) {
        c->n_lost += c->has_sequence && step > 0 ? step - 1 : 0;
        c->highest = sequence;
        c->has_sequence = true;
    } else {
        c->n_lost -= c->n_lost > 0; /* late, after all */
    }
}

static void on_rtp(struct rtc_client *c, uint8_t *data, size_t size, int64_t now_ns)
{
    if (size < RTP_HEADER_SIZE) {
        return;
    }
    c->last_ns = now_ns;
    c->n_bytes += size;
    if (bytes_get_u32(data + 8) == c->rtx_ssrc) {
        c->n_repeats++;
    } else {
        c->n_packets++;
        c->n_frames += data[1] >> 7;
        count_sequence(c, bytes_get_u16(data + 2));
    }
    if (!c->decrypts) {
        return;
    }
    if (!c->srtp_in || srtp_unprotect(c->srtp_in, data, &size, NULL) < 0) {
        c->n_bad++;
    } else if (c->on_rtp) {
        c->on_rtp(c, bytes_of(data, size), c->arg);
    }
}

static void on_rtcp(struct rtc_client *c, uint8_t *data, size_t size)
{
    c->n_rtcp++;
    if (c->srtp_in && srtp_unprotect_rtcp(c->srtp_in, data, &size) == 0 && c->on_rtcp) {
        c->on_rtcp(c, bytes_of(data, size), c->arg);
    }
}

static void on_datagram(struct rtc_client *c, uint8_t *data, size_t size, int64_t now_ns)
{
    switch (demux_datagram(bytes_of(data, size))) {
    case DEMUX_STUN:
        on_stun(c, bytes_of(data, size));
        break;
    case DEMUX_DTLS:
        if (c->dtls) {
            dtls_receive(c->dtls, bytes_of(data, size), now_ns);
            look_at_dtls(c);
        }
        break;
    case DEMUX_RTP:
        on_rtp(c, data, size, now_ns);
        break;
    case DEMUX_RTCP:
        on_rtcp(c, data, size);
        break;
    case DEMUX_OTHER:
        break;
    }
}

int rtc_client_read(struct rtc_client *c, int64_t now_ns)
{
    enum { BATCH = 32, SIZE = 1600 };
    static uint8_t data[BATCH][SIZE];
    struct mmsghdr messages[BATCH];
    struct iovec iov[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){data[i], SIZE};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
    }
    int n;
    do {
        n = recvmmsg(c->fd, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
            on_datagram(c, data[i], messages[i].msg_len, now_ns);
        }
    } while (n == BATCH);
    return n < 0 && errno != EAGAIN ? -errno : 0;
}

void rtc_client_on_time(struct rtc_client *c, int64_t now_ns)
{
    const int64_t due_ns = c->dtls ? dtls_timeout_ns(c->dtls, now_ns) : TIME_NONE;
    if (due_ns != TIME_NONE && due_ns <= now_ns) {
        dtls_on_timeout(c->dtls, now_ns);
    }
}

void rtc_client_send_rtcp(struct rtc_client *c, struct bytes plain)
{
    uint8_t out[1500];
    const size_t size = srtp_protect_rtcp(c->srtp_out, plain, out, sizeof(out));
    rtc_client_send_raw(c, bytes_of(out, size));
}
