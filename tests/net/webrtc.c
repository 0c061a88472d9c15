/* WebRTC sessions over real loopback sockets, with viewers that behave and others. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/rtc_client.h"
#include "net/webrtc_session.h"
#include "proto/rtcp.h"
#include "proto/sdp_offer.h"

enum { CLIENTS_MAX = 300, N_PAYLOADS = 14, PAYLOAD = 1150 };
#define PATIENCE_NS (20 * NS_PER_S)

/* ---- the world: a loop, the port, viewers with both their ends ---- */

struct world;

struct viewer {
    struct world *world;
    struct rtc_client client;
    struct loop_watch watch;
    struct webrtc_session *session; /* NULL: closed */
    unsigned n_connected, n_wishes, n_closed, n_sent;
    char why[64];
    /* what the client saw */
    struct rtp_packet last;
    struct rtp_extensions extensions;
    uint8_t payload_byte;
    unsigned n_with_playout, n_capture_times, n_reports, n_byes;
    uint16_t last_repeated; /* original sequence number */
};

struct world {
    struct loop *loop;
    struct log log;
    struct webrtc *webrtc;
    struct rtc_client_env env;
    struct loop_timer watchdog;
    struct viewer *viewers[CLIENTS_MAX];
    unsigned n_viewers;
    bool (*is_done)(struct world *w);
    bool is_late;
};

static void on_watchdog(struct loop_timer *t)
{
    struct world *w = list_entry(t, struct world, watchdog);
    w->is_late = true;
    loop_stop(w->loop);
}

static struct world *world_create(enum srtp_profile profile, bool no_gso, unsigned n_sessions_max)
{
    static const char *const listen[] = {"127.0.0.1:0", NULL};
    const struct webrtc_config config = {
        .listen = listen, .profile = profile, .no_gso = no_gso, .n_sessions_max = n_sessions_max};
    char error[200] = "";
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    log_init(&w->log, NULL, "test");
    assert_int_equal(loop_create(&w->loop), 0);
    assert_int_equal(webrtc_create(&w->webrtc, w->loop, &config, &w->log, error, sizeof(error)), 0);
    assert_int_equal(rtc_client_env_init(&w->env), 0);
    loop_timer_init(&w->watchdog, w->loop, on_watchdog);
    return w;
}

static void run_until(struct world *w, bool (*is_done)(struct world *w))
{
    w->is_done = is_done;
    if (is_done(w)) {
        return;
    }
    loop_timer_start(&w->watchdog, PATIENCE_NS);
    loop_run(w->loop);
    loop_timer_stop(&w->watchdog);
    assert_false(w->is_late);
    w->is_done = NULL;
}

static void look(struct world *w)
{
    if (w->is_done && w->is_done(w)) {
        w->is_done = NULL;
        loop_stop(w->loop);
    }
}

/* ---- the server's end ---- */

static void on_connected(struct webrtc_session *s, void *arg)
{
    struct viewer *v = arg;
    v->n_connected++;
    look(v->world);
}

static void on_ready(struct webrtc_session *s, void *arg)
{
}

static void on_sent(struct webrtc_session *s, void *arg)
{
    struct viewer *v = arg;
    v->n_sent++;
    look(v->world);
}

static void on_wish(struct webrtc_session *s, void *arg)
{
    struct viewer *v = arg;
    v->n_wishes++;
    look(v->world);
}

static void on_closed(struct webrtc_session *s, const char *why, void *arg)
{
    struct viewer *v = arg;
    v->session = NULL;
    v->n_closed++;
    text_copy(v->why, sizeof(v->why), why);
    look(v->world);
}

static const struct webrtc_session_ops ops = {
    .on_connected = on_connected,
    .on_ready = on_ready,
    .on_sent = on_sent,
    .on_cut = on_sent,
    .on_wish = on_wish,
    .on_closed = on_closed,
};

static int create_session(struct world *w, struct viewer *v)
{
    struct text offer = {0}, answer = {0};
    struct sdp *sdp = malloc(sizeof(*sdp));
    struct sdp_video video;
    const char *reason;
    rtc_client_offer(&v->client, &offer);
    assert_int_equal(sdp_parse(text_bytes(&offer), sdp), 0);
    assert_int_equal(sdp_offer_choose(sdp, NULL, &video, &reason), 0);
    const struct sockaddr_in here = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct webrtc_session_config config = {
        .offer = sdp,
        .video = &video,
        .reached = (const struct sockaddr *)&here,
        .stream_id = "cam",
        .has_playout_delay = true,
        .playout_max_ms = 200,
        .delay_ns = 250 * NS_PER_MS,
        .ops = &ops,
        .arg = v,
    };
    const int status = webrtc_session_create(&v->session, w->webrtc, &config, &answer);
    if (status == 0) {
        assert_int_equal(rtc_client_answer(&v->client, text_bytes(&answer)), 0);
    }
    text_finish(&offer);
    text_finish(&answer);
    free(sdp);
    return status;
}

/* ---- the viewer's end ---- */

static void on_client_rtp(struct rtc_client *c, struct bytes plain, void *arg)
{
    struct viewer *v = arg;
    assert_int_equal(rtp_parse(plain, &v->last), 0);
    memset(&v->extensions, 0, sizeof(v->extensions));
    rtp_read_extensions(&v->last, &c->video.extensions, &v->extensions);
    v->n_with_playout += v->extensions.has_playout_delay;
    v->n_capture_times += v->extensions.has_abs_capture_time;
    if (v->last.header.ssrc == c->rtx_ssrc) {
        v->last_repeated = bytes_get_u16(v->last.payload.data);
    } else {
        v->payload_byte = v->last.payload.data[0];
    }
}

static void on_client_rtcp(struct rtc_client *c, struct bytes plain, void *arg)
{
    struct viewer *v = arg;
    struct rtcp_reader r;
    rtcp_reader_init(&r, plain);
    for (struct rtcp_item item; rtcp_reader_next(&r, &item);) {
        v->n_reports += item.type == RTCP_SENDER_REPORT;
        v->n_byes += item.type == RTCP_BYE;
    }
}

static void on_client_event(struct loop_watch *watch, unsigned events)
{
    struct viewer *v = list_entry(watch, struct viewer, watch);
    const int64_t now_ns = loop_now_ns(v->world->loop);
    rtc_client_read(&v->client, now_ns);
    if (v->client.is_checked && !v->client.dtls) {
        rtc_client_start(&v->client, now_ns);
    }
    look(v->world);
}

static struct viewer *add_viewer(struct world *w)
{
    struct viewer *v = calloc(1, sizeof(*v));
    assert_non_null(v);
    v->world = w;
    assert_int_equal(rtc_client_open(&v->client, &w->env), 0);
    v->client.on_rtp = on_client_rtp;
    v->client.on_rtcp = on_client_rtcp;
    v->client.arg = v;
    loop_watch_init(&v->watch, w->loop, v->client.fd, on_client_event);
    assert_int_equal(loop_watch_set(&v->watch, LOOP_READ), 0);
    w->viewers[w->n_viewers++] = v;
    return v;
}

static void remove_viewer(struct viewer *v)
{
    struct world *w = v->world;
    webrtc_session_close(v->session);
    loop_watch_finish(&v->watch);
    rtc_client_close(&v->client);
    for (unsigned i = 0; i < w->n_viewers; i++) {
        if (w->viewers[i] == v) {
            w->viewers[i] = w->viewers[--w->n_viewers];
        }
    }
    free(v);
}

static void world_destroy(struct world *w)
{
    while (w->n_viewers > 0) {
        remove_viewer(w->viewers[0]);
    }
    loop_timer_finish(&w->watchdog);
    webrtc_destroy(w->webrtc);
    loop_destroy(w->loop);
    rtc_client_env_finish(&w->env);
    free(w);
}

static bool are_all_connected(struct world *w)
{
    for (unsigned i = 0; i < w->n_viewers; i++) {
        const struct viewer *v = w->viewers[i];
        if (!v->client.is_connected || !v->session || !webrtc_session_is_connected(v->session)) {
            return false;
        }
    }
    return true;
}

static struct viewer *add_connected(struct world *w)
{
    struct viewer *v = add_viewer(w);
    assert_int_equal(create_session(w, v), 0);
    rtc_client_check(&v->client, NULL, true);
    run_until(w, are_all_connected);
    return v;
}

/* ---- frames ---- */

static struct buf *make_frame(uint32_t timestamp, uint8_t byte)
{
    const size_t table = sizeof(struct rtp_payloads) + N_PAYLOADS * sizeof(struct rtp_payload);
    struct buf *b = buf_create(table + N_PAYLOADS * PAYLOAD);
    struct rtp_payloads *p = (struct rtp_payloads *)(void *)b->data;
    *p = (struct rtp_payloads){.timestamp = timestamp, .n_payloads = N_PAYLOADS};
    for (uint32_t i = 0; i < N_PAYLOADS; i++) {
        p->payloads[i] =
            (struct rtp_payload){(uint32_t)(table + i * PAYLOAD), PAYLOAD, i == N_PAYLOADS - 1};
    }
    memset(b->data + table, byte, N_PAYLOADS * PAYLOAD);
    b->size = b->capacity;
    return b;
}

static enum webrtc_verdict send_frame(struct viewer *v, uint32_t timestamp, uint8_t byte)
{
    struct buf *b = make_frame(timestamp, byte);
    const struct rtp_frame frame = {
        .buf = b,
        .capture_ns = time_real_ns(),
        .arrival_ns = time_monotonic_ns(),
        .is_key = true,
    };
    const enum webrtc_verdict verdict = webrtc_session_send(v->session, &frame);
    buf_unref(&b);
    return verdict;
}

static bool has_frame(struct world *w)
{
    for (unsigned i = 0; i < w->n_viewers; i++) {
        if (w->viewers[i]->client.n_packets < N_PAYLOADS) {
            return false;
        }
    }
    return true;
}

static bool has_report(struct world *w)
{
    return w->viewers[0]->n_reports > 0;
}

static void test_connects_and_receives(void **state)
{
    static const struct {
        const char *name;
        enum srtp_profile profile;
        bool no_gso;
    } cases[] = {
        {"the faster profile, GSO", SRTP_PROFILE_NONE, false},
        {"GCM, one by one", SRTP_PROFILE_GCM, true},
        {"SHA1_80, GSO", SRTP_PROFILE_SHA1_80, false},
        {"SHA1_80, one by one", SRTP_PROFILE_SHA1_80, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        print_message("%s\n", cases[i].name);
        struct world *w = world_create(cases[i].profile, cases[i].no_gso, 0);
        struct viewer *v = add_connected(w);
        struct webrtc_stats before, after;
        assert_int_equal(v->n_connected, 1);
        webrtc_get_stats(w->webrtc, &before);
        assert_true(webrtc_session_is_ready(v->session));
        assert_int_equal(send_frame(v, 90000, 0x5a), WEBRTC_SENT);
        webrtc_get_stats(w->webrtc, &after);
        run_until(w, has_frame);
        run_until(w, has_report);
        assert_int_equal(v->client.n_bad, 0);
        assert_int_equal(v->client.n_frames, 1);
        assert_int_equal(v->client.n_lost, 0);
        assert_int_equal(v->payload_byte, 0x5a);
        assert_int_equal(v->last.header.timestamp, 90000);
        assert_int_equal(v->last.payload.size, PAYLOAD);
        assert_int_equal(v->n_with_playout, N_PAYLOADS);
        assert_int_equal(v->extensions.playout_max_ms, 200);
        assert_int_equal(v->n_capture_times, N_PAYLOADS);
        /* one call for the frame, one for the report */
        assert_int_equal(after.n_datagrams_sent - before.n_datagrams_sent, N_PAYLOADS + 1);
        assert_int_equal(after.n_sends - before.n_sends, 2);
        world_destroy(w);
    }
}

/* ---- what viewers report ---- */

static bool has_repeat(struct world *w)
{
    return w->viewers[0]->client.n_repeats > 0;
}

static bool has_wish(struct world *w)
{
    return w->viewers[0]->n_wishes > 0;
}

static void send_rtcp_nack(struct viewer *v, uint16_t sequence)
{
    uint8_t packet[100];
    struct byte_writer out;
    byte_writer_init(&out, packet, sizeof(packet));
    rtcp_write_nack(&out, 1, v->client.ssrc, &sequence, 1);
    rtc_client_send_rtcp(&v->client, bytes_of(packet, byte_writer_size(&out)));
}

static void send_rtcp_pli(struct viewer *v)
{
    uint8_t packet[100];
    struct byte_writer out;
    byte_writer_init(&out, packet, sizeof(packet));
    rtcp_write_pli(&out, 1, v->client.ssrc);
    rtc_client_send_rtcp(&v->client, bytes_of(packet, byte_writer_size(&out)));
}

static void test_nack_and_pli(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    struct viewer *v = add_connected(w);
    send_rtcp_pli(v); /* before any keyframe: nothing is on its way */
    run_until(w, has_wish);
    send_frame(v, 90000, 1);
    run_until(w, has_frame);
    const uint16_t missing = (uint16_t)(v->client.highest - 3);
    send_rtcp_nack(v, missing);
    run_until(w, has_repeat);
    assert_int_equal(v->last_repeated, missing);
    assert_int_equal(v->client.n_bad, 0);
    world_destroy(w);
}

/* ---- viewers that misbehave ---- */

static bool is_checked(struct world *w)
{
    return w->viewers[0]->client.is_checked;
}

static void test_wrong_ufrag_is_not_answered(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    struct viewer *v = add_viewer(w);
    struct webrtc_stats stats;
    create_session(w, v);
    rtc_client_check(&v->client, "wrongfra", true);
    rtc_client_check(&v->client, "", true);
    v->client.remote_password[0] ^= 1;
    rtc_client_check(&v->client, NULL, true); /* wrong password */
    v->client.remote_password[0] ^= 1;
    rtc_client_check(&v->client, NULL, true);
    run_until(w, is_checked);
    assert_int_equal(v->client.n_checks_answered, 1);
    webrtc_get_stats(w->webrtc, &stats);
    assert_int_equal(stats.n_strays, 3);
    world_destroy(w);
}

static bool has_strays(struct world *w)
{
    struct webrtc_stats stats;
    webrtc_get_stats(w->webrtc, &stats);
    return stats.n_strays > 0;
}

/* DTLS counts only from where an authenticated check came. */
static void test_client_hello_before_check(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    struct viewer *v = add_viewer(w);
    struct webrtc_stats stats;
    create_session(w, v);
    rtc_client_start(&v->client, time_monotonic_ns());
    /* The check arrives behind it; its answer shows that the ClientHello was read. */
    rtc_client_check(&v->client, NULL, true);
    run_until(w, is_checked);
    assert_true(has_strays(w));
    webrtc_get_stats(w->webrtc, &stats);
    assert_int_equal(stats.n_handshakes, 0);
    dtls_destroy(v->client.dtls);
    v->client.dtls = NULL;
    rtc_client_start(&v->client, time_monotonic_ns()); /* now it may */
    run_until(w, are_all_connected);
    world_destroy(w);
}

static void fill_random(uint8_t *out, size_t size, uint32_t *seed)
{
    for (size_t i = 0; i < size; i++) {
        *seed = *seed * 1664525 + 1013904223;
        out[i] = (uint8_t)(*seed >> 24);
    }
}

/* Garbage of every kind, from a stranger and from the viewer's own address, while media flows. */
static void test_garbage_disturbs_nobody(void **state)
{
    static const uint8_t firsts[] = {0, 1, 3, 20, 22, 23, 63, 128, 129, 191, 200, 255};
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    struct viewer *good = add_connected(w);
    struct viewer *stranger = add_viewer(w);
    uint32_t seed = 7;
    stranger->client.remote = good->client.remote;
    struct sockaddr_storage address;
    const socklen_t size = endpoint_to_sockaddr(&good->client.remote, &address);
    assert_int_equal(connect(stranger->client.fd, (const struct sockaddr *)&address, size), 0);
    w->viewers[w->n_viewers - 1] = w->viewers[0]; /* only the good one counts in has_frame() */
    w->n_viewers = 1;
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < 20; i++) {
            uint8_t junk[300];
            fill_random(junk, sizeof(junk), &seed);
            junk[0] = firsts[i % sizeof(firsts)];
            junk[1] = i % 3 == 0 ? 200 : junk[1];
            const struct bytes datagram = bytes_of(junk, 1 + seed % (sizeof(junk) - 1));
            rtc_client_send_raw(&stranger->client, datagram);
            rtc_client_send_raw(&good->client, datagram);
        }
        good->client.n_packets = 0;
        assert_int_not_equal(send_frame(good, round * 3000, (uint8_t)round), WEBRTC_REFUSED);
        run_until(w, has_frame);
    }
    assert_int_equal(good->client.n_lost, 0);
    assert_int_equal(good->client.n_bad, 0);
    assert_true(good->session && webrtc_session_is_connected(good->session));
    struct webrtc_stats stats;
    webrtc_get_stats(w->webrtc, &stats);
    assert_true(stats.n_strays > 1000);
    w->viewers[w->n_viewers++] = stranger;
    world_destroy(w);
}

/* A viewer's new address takes over with the first check that selects it. */
static void test_new_address_takes_over(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    struct viewer *v = add_connected(w);
    struct viewer *moved = add_viewer(w); /* another socket for the same session */
    memcpy(moved->client.ufrag, v->client.ufrag, sizeof(v->client.ufrag));
    memcpy(moved->client.remote_ufrag, v->client.remote_ufrag, sizeof(v->client.remote_ufrag));
    memcpy(moved->client.remote_password, v->client.remote_password,
           sizeof(v->client.remote_password));
    moved->client.ssrc = v->client.ssrc;
    moved->client.decrypts = false;
    moved->client.dtls = v->client.dtls; /* not to start another */
    struct sockaddr_storage address;
    const socklen_t size = endpoint_to_sockaddr(&v->client.remote, &address);
    assert_int_equal(connect(moved->client.fd, (const struct sockaddr *)&address, size), 0);
    w->viewers[0] = moved;
    w->viewers[1] = v;
    for (unsigned i = 0; i < 2 * WEBRTC_TUPLES_MAX; i++) {
        moved->client.is_checked = false;
        rtc_client_check(&moved->client, NULL, i > 0);
        run_until(w, is_checked);
    }
    send_frame(v, 90000, 1);
    w->n_viewers = 1;
    run_until(w, has_frame);
    w->n_viewers = 2;
    assert_int_equal(v->client.n_packets, 0);
    moved->client.dtls = NULL;
    world_destroy(w);
}

static bool is_ready_again(struct world *w)
{
    return webrtc_session_is_ready(w->viewers[0]->session);
}

/* Media rests for a viewer that says nothing, and goes on with its first word. */
static void test_silence(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    struct viewer *v = add_connected(w);
    assert_true(webrtc_session_is_ready(v->session));
    v->session->heard_ns -= WEBRTC_SILENCE_MAX_NS;
    assert_false(webrtc_session_is_ready(v->session));
    rtc_client_check(&v->client, NULL, true);
    run_until(w, is_ready_again);
    v->session->n_heard = 100; /* one that used to say something every second */
    v->session->longest_silence_ns = NS_PER_S;
    v->session->heard_ns -= 2 * NS_PER_S;
    assert_true(webrtc_session_is_ready(v->session));
    v->session->heard_ns -= 2 * NS_PER_S;
    assert_false(webrtc_session_is_ready(v->session));
    world_destroy(w);
}

/* ---- limits and ends ---- */

static void test_session_limit(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 2);
    assert_int_equal(create_session(w, add_viewer(w)), 0);
    assert_int_equal(create_session(w, add_viewer(w)), 0);
    struct viewer *third = add_viewer(w);
    assert_int_equal(create_session(w, third), -EBUSY);
    webrtc_session_close(w->viewers[0]->session);
    w->viewers[0]->session = NULL;
    assert_int_equal(create_session(w, third), 0);
    world_destroy(w);
}

static bool is_client_closed(struct world *w)
{
    return w->viewers[0]->client.is_closed && w->viewers[0]->n_byes > 0;
}

static bool is_session_closed(struct world *w)
{
    return w->viewers[0]->n_closed > 0;
}

static void test_we_close(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    struct viewer *v = add_connected(w);
    webrtc_session_close(v->session);
    v->session = NULL;
    run_until(w, is_client_closed);
    assert_int_equal(v->n_closed, 0); /* who closes knows */
    world_destroy(w);
}

static void test_viewer_closes(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    struct viewer *v = add_connected(w);
    dtls_close(v->client.dtls);
    run_until(w, is_session_closed);
    assert_string_equal(v->why, "the viewer left");
    world_destroy(w);
}

static void test_expiry(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    struct viewer *v = add_viewer(w);
    create_session(w, v);
    const int64_t now_ns = loop_now_ns(w->loop);
    webrtc_session_on_round(v->session, now_ns + 9 * NS_PER_S);
    assert_int_equal(v->n_closed, 0);
    webrtc_session_on_round(v->session, now_ns + 11 * NS_PER_S);
    assert_string_equal(v->why, "the viewer did not connect");
    remove_viewer(v);

    v = add_viewer(w);
    create_session(w, v);
    rtc_client_check(&v->client, NULL, true);
    run_until(w, is_checked); /* it is there, but goes no further */
    webrtc_session_on_round(v->session, loop_now_ns(w->loop) + 14 * NS_PER_S);
    assert_int_equal(v->n_closed, 0);
    webrtc_session_on_round(v->session, loop_now_ns(w->loop) + 16 * NS_PER_S);
    assert_string_equal(v->why, "the viewer did not connect");
    remove_viewer(v);

    v = add_connected(w);
    webrtc_session_on_round(v->session, loop_now_ns(w->loop) + 29 * NS_PER_S);
    assert_int_equal(v->n_closed, 0);
    webrtc_session_on_round(v->session, loop_now_ns(w->loop) + 31 * NS_PER_S);
    assert_string_equal(v->why, "the viewer fell silent");
    world_destroy(w);
}

/* ---- many ---- */

static size_t heap_bytes(void)
{
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void connect_many(struct world *w, unsigned n)
{
    /* In portions, for the limit of handshakes is below it. */
    while (w->n_viewers < n) {
        for (unsigned i = 0; i < 50 && w->n_viewers < n; i++) {
            struct viewer *v = add_viewer(w);
            assert_int_equal(create_session(w, v), 0);
            rtc_client_check(&v->client, NULL, true);
        }
        run_until(w, are_all_connected);
    }
}

static bool are_ended_freed(struct world *w)
{
    return list_is_empty(&w->webrtc->ended);
}

static void on_poll(struct loop_timer *t)
{
    struct world *w = list_entry(t, struct world, watchdog);
    (void)w;
    loop_stop(w->loop);
}

static void free_ended_sessions(struct world *w)
{
    while (!are_ended_freed(w)) {
        loop_timer_finish(&w->watchdog);
        loop_timer_init(&w->watchdog, w->loop, on_poll);
        loop_timer_start(&w->watchdog, 10 * NS_PER_MS);
        loop_run(w->loop);
        loop_timer_finish(&w->watchdog);
        loop_timer_init(&w->watchdog, w->loop, on_watchdog);
    }
}

static void test_many_come_and_go(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    size_t first_bytes = 0;
    for (unsigned round = 0; round < 3; round++) {
        connect_many(w, CLIENTS_MAX);
        for (unsigned i = 0; i < 3; i++) {
            for (unsigned k = 0; k < w->n_viewers; k++) {
                assert_int_equal(send_frame(w->viewers[k], i * 3000, 1), WEBRTC_SENT);
            }
            for (unsigned k = 0; k < w->n_viewers; k++) {
                rtc_client_read(&w->viewers[k]->client, 0);
            }
        }
        for (unsigned k = 0; k < w->n_viewers; k++) {
            assert_int_equal(w->viewers[k]->client.n_packets, 3 * N_PAYLOADS);
            assert_int_equal(w->viewers[k]->client.n_lost, 0);
        }
        while (w->n_viewers > 0) {
            remove_viewer(w->viewers[0]);
        }
        free_ended_sessions(w);
        assert_int_equal(w->webrtc->stats.n_sessions, 0);
        assert_int_equal(w->webrtc->stats.n_connected, 0);
        if (round == 0) {
            first_bytes = heap_bytes();
        }
    }
    assert_in_range(heap_bytes(), 0, first_bytes + 65536);
    world_destroy(w);
}

/* What 300 connected viewers take here, their own clients subtracted. */
static void test_memory_per_viewer(void **state)
{
    struct world *w = world_create(SRTP_PROFILE_NONE, false, 0);
    connect_many(w, CLIENTS_MAX);
    for (unsigned k = 0; k < w->n_viewers; k++) {
        send_frame(w->viewers[k], 0, 1);
    }
    const size_t before = heap_bytes();
    for (unsigned k = 0; k < w->n_viewers; k++) {
        webrtc_session_close(w->viewers[k]->session);
        w->viewers[k]->session = NULL;
    }
    free_ended_sessions(w);
    const size_t after = heap_bytes();
    if (before > after) { /* a sanitizer's heap tells nothing */
        const size_t each = (before - after) / CLIENTS_MAX;
        print_message("%zu bytes per viewer\n", each);
        assert_in_range(each, 0, 64 * 1024);
    }
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connects_and_receives),
        cmocka_unit_test(test_nack_and_pli),
        cmocka_unit_test(test_wrong_ufrag_is_not_answered),
        cmocka_unit_test(test_client_hello_before_check),
        cmocka_unit_test(test_garbage_disturbs_nobody),
        cmocka_unit_test(test_new_address_takes_over),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_session_limit),
        cmocka_unit_test(test_we_close),
        cmocka_unit_test(test_viewer_closes),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_many_come_and_go),
        cmocka_unit_test(test_memory_per_viewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
