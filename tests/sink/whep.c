/* WHEP over real HTTP and UDP: a server on its own thread, viewers in the test's. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/fixture.h"
#include "net/rtc_client.h"
#include "net/webrtc.h"
#include "proto/rtcp.h"
#include "sink/whep.h"
#include "sink/whep_ended.h"

enum { PATIENCE_MS = 10000, PICTURE = 5000 };

/* ---- a camera that does as the test says ---- */

struct camera {
    struct producer base;
    atomic_uint n_key_wishes;
    atomic_uint wanted;
};

static void on_demand(struct producer *p, encoding_set wanted)
{
    ((struct camera *)p)->wanted = wanted;
}

static void on_camera_wish(struct producer *p, const struct wish *wish)
{
    if (wish->type == WISH_KEYFRAME) {
        ((struct camera *)p)->n_key_wishes++;
    }
}

static unsigned camera_can(const struct producer *p, enum encoding_id encoding)
{
    return PRODUCER_CAN_KEYFRAME;
}

static void destroy_camera(struct producer *p)
{
}

static const struct producer_type camera_type = {
    .name = "camera",
    .demand = on_demand,
    .wish = on_camera_wish,
    .can = camera_can,
    .destroy = destroy_camera,
};

/* ---- the world ---- */

struct world {
    struct fixture fixture;
    struct webrtc *webrtc;
    struct directory streams;
    struct stream *stream;
    struct camera camera;
    struct loop_message wake;
    struct sink_env env;
    struct sink *sink;
    struct rtc_client_env clients;
    int64_t pts_ns;
};

static void on_wake(struct loop_message *m)
{
    struct world *w = list_entry(m, struct world, wake);
    stream_dispatch(w->stream, loop_now_ns(w->fixture.loop));
}

static void wake(void *arg)
{
    struct world *w = arg;
    loop_post(w->fixture.loop, &w->wake);
}

static void set_track_of(struct world *w, const char *codec_string, bool is_reordered)
{
    struct track t = {
        .codec = CODEC_H264, .size = {64, 48}, .rate = {30, 1}, .is_reordered = is_reordered};
    text_copy(t.codec_string, sizeof(t.codec_string), codec_string);
    stream_set_track(w->stream, ENCODING_H264, &t);
}

static void set_track(struct world *w, const char *codec_string)
{
    set_track_of(w, codec_string, false);
}

static void publish(struct world *w, bool is_key)
{
    static const uint8_t head[] = {0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 1, 2, /* SPS */
                                   0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80,       /* PPS */
                                   0, 0, 0, 1, 0x65};                        /* IDR */
    static const uint8_t delta[] = {0, 0, 0, 1, 0x41};
    struct packet *p = packet_create(PICTURE);
    assert_non_null(p);
    memset(p->data, 0x55, PICTURE);
    memcpy(p->data, is_key ? head : delta, is_key ? sizeof(head) : sizeof(delta));
    p->size = PICTURE;
    p->flags = is_key ? PACKET_KEY : 0;
    p->arrival_ns = p->encoded_ns = time_monotonic_ns();
    p->capture_ns = time_real_ns();
    p->pts_ns = w->pts_ns += 33 * NS_PER_MS;
    stream_publish(w->stream, ENCODING_H264, p);
}

static struct world *world_create(unsigned n_sessions_max, bool with_webrtc)
{
    static const char *const listen[] = {"127.0.0.1:0", NULL};
    const struct webrtc_config webrtc = {.listen = listen, .n_sessions_max = n_sessions_max};
    const struct stream_config stream = {.name = "cam", .mode = MODE_WATCH};
    char error[200];
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    assert_int_equal(rtc_client_env_init(&w->clients), 0);
    fixture_create(&w->fixture);
    if (with_webrtc) {
        assert_int_equal(webrtc_create(&w->webrtc, w->fixture.loop, &webrtc, &w->fixture.log, error,
                                       sizeof(error)),
                         0);
    }
    loop_message_init(&w->wake, on_wake);
    w->stream = stream_create(&stream, wake, w);
    w->camera.base.type = &camera_type;
    stream_set_producer(w->stream, &w->camera.base, time_monotonic_ns());
    assert_int_equal(directory_add(&w->streams, w->stream), 0);
    w->env = (struct sink_env){.loop = w->fixture.loop,
                               .http = w->fixture.server,
                               .streams = &w->streams,
                               .webrtc = w->webrtc,
                               .log = &w->fixture.log};
    w->sink = calloc(1, sink_whep.state_size);
    w->sink->type = &sink_whep;
    w->sink->env = &w->env;
    assert_int_equal(sink_whep.open(w->sink), 0);
    assert_int_equal(http_server_add_routes(w->fixture.server, sink_whep.routes, w->sink), 0);
    fixture_run(&w->fixture, NULL);
    return w;
}

static void end_on_loop(void *arg)
{
    struct world *w = arg;
    sink_whep.close(w->sink);
    directory_remove(&w->streams, w->stream);
    stream_destroy(w->stream, loop_now_ns(w->fixture.loop));
    loop_message_cancel(w->fixture.loop, &w->wake);
    webrtc_destroy(w->webrtc);
}

static void world_destroy(struct world *w)
{
    fixture_call(&w->fixture, end_on_loop, w);
    fixture_destroy(&w->fixture);
    rtc_client_env_finish(&w->clients);
    free(w->sink);
    free(w);
}

/* ---- requests ---- */

static int ask(struct world *w, const char *method, const char *path, const char *type,
               const char *body, struct text *head, struct text *answer)
{
    struct text request = {0}, unseen_head = {0}, unseen_answer = {0};
    text_printf(&request,
                "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n%s%s%s\r\n%s", method,
                path, strlen(body), type ? "Content-Type: " : "", type ? type : "",
                type ? "\r\n" : "", body);
    const int status = client_ask(&w->fixture, request.data, head ? head : &unseen_head,
                                  answer ? answer : &unseen_answer);
    text_finish(&request);
    text_finish(&unseen_head);
    text_finish(&unseen_answer);
    return status;
}

static int post_offer(struct world *w, struct rtc_client *c, const char *path, struct text *head,
                      struct text *answer)
{
    struct text offer = {0};
    assert_int_equal(rtc_client_open(c, &w->clients), 0);
    rtc_client_offer(c, &offer);
    const int status = ask(w, "POST", path, "application/sdp", offer.data, head, answer);
    text_finish(&offer);
    return status;
}

static bool read_header(const struct text *head, const char *name, char *out, size_t size)
{
    char line[100];
    snprintf(line, sizeof(line), "\r\n%s: ", name);
    const char *at = strcasestr(head->data, line);
    if (!at) {
        return false;
    }
    at += strlen(line);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
    return true;
}

/* Reads until the condition holds. */
static void read_until(struct rtc_client *c, bool (*is_done)(const struct rtc_client *c))
{
    while (!is_done(c)) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        rtc_client_read(c, time_monotonic_ns());
    }
}

static bool is_checked(const struct rtc_client *c)
{
    return c->is_checked;
}

static bool is_connected(const struct rtc_client *c)
{
    return c->is_connected;
}

static bool has_frame(const struct rtc_client *c)
{
    return c->n_frames > 0;
}

static bool is_closed(const struct rtc_client *c)
{
    return c->is_closed;
}

static void connect_client(struct rtc_client *c, const struct text *answer)
{
    assert_int_equal(rtc_client_answer(c, text_bytes(answer)), 0);
    rtc_client_check(c, NULL, true);
    read_until(c, is_checked);
    assert_int_equal(rtc_client_start(c, time_monotonic_ns()), 0);
    read_until(c, is_connected);
}

/* ---- tests ---- */

static void test_view_and_leave(void **state)
{
    struct world *w = world_create(0, true);
    struct rtc_client c;
    struct text head = {0}, answer = {0};
    char location[200] = "", type[100] = "";
    set_track(w, "avc1.42c01f");
    publish(w, true);
    assert_int_equal(post_offer(w, &c, "/cam/whep?mode=drive", &head, &answer), 201);
    assert_true(read_header(&head, "Location", location, sizeof(location)));
    assert_int_equal(strncmp(location, "/cam/whep/", 10), 0);
    assert_int_equal(strlen(location), 10 + 32);
    assert_true(read_header(&head, "Content-Type", type, sizeof(type)));
    assert_string_equal(type, "application/sdp");
    connect_client(&c, &answer);
    read_until(&c, has_frame); /* the cached keyframe, nothing was published since */
    assert_int_equal(c.n_lost + c.n_bad, 0);
    assert_int_equal(w->camera.wanted, 1 << ENCODING_H264);
    assert_int_equal(ask(w, "PATCH", location, "application/trickle-ice-sdpfrag", "", NULL, NULL),
                     405);
    assert_int_equal(ask(w, "DELETE", "/cam/whep/0123", NULL, "", NULL, NULL), 404);
    assert_int_equal(ask(w, "DELETE", location, NULL, "", NULL, NULL), 200);
    read_until(&c, is_closed);
    assert_int_equal(ask(w, "DELETE", location, NULL, "", NULL, NULL), 404);
    rtc_client_close(&c);
    text_finish(&head);
    text_finish(&answer);
    world_destroy(w);
}

struct count {
    struct stream *stream;
    unsigned n_readers;
};

static void count_readers(void *arg)
{
    struct count *count = arg;
    count->n_readers = stream_n_readers(count->stream);
}

/* The browser's order: the connection is closed, which is heard at once, and then DELETE comes. */
static void test_delete_of_what_has_just_ended(void **state)
{
    struct world *w = world_create(0, true);
    struct rtc_client c;
    struct text head = {0}, answer = {0};
    struct count count = {.stream = w->stream, .n_readers = 1};
    char location[200] = "";
    set_track(w, "avc1.42c01f");
    publish(w, true);
    assert_int_equal(post_offer(w, &c, "/cam/whep", &head, &answer), 201);
    assert_true(read_header(&head, "Location", location, sizeof(location)));
    connect_client(&c, &answer);
    dtls_close(c.dtls);
    const int64_t end_ns = time_monotonic_ns() + PATIENCE_MS * NS_PER_MS;
    while (count.n_readers > 0) {
        assert_true(time_monotonic_ns() < end_ns);
        fixture_call(&w->fixture, count_readers, &count);
    }
    assert_int_equal(ask(w, "DELETE", location, NULL, "", NULL, NULL), 200);
    assert_int_equal(ask(w, "DELETE", location, NULL, "", NULL, NULL), 404);
    rtc_client_close(&c);
    text_finish(&head);
    text_finish(&answer);
    world_destroy(w);
}

static void test_ended_ones_are_forgotten(void **state)
{
    struct whep_ended e = {0};
    char id[WHEP_ID_SIZE];
    assert_false(whep_ended_take(&e, "", 0));
    for (unsigned i = 0; i <= WHEP_ENDED_MAX; i++) {
        snprintf(id, sizeof(id), "%032x", i + 1);
        whep_ended_note(&e, id, NS_PER_S);
    }
    /* too many since the first */
    assert_false(whep_ended_take(&e, "00000000000000000000000000000001", NS_PER_S));
    assert_true(whep_ended_take(&e, "00000000000000000000000000000002", NS_PER_S + WHEP_ENDED_NS));
    assert_false(whep_ended_take(&e, "00000000000000000000000000000002", NS_PER_S + WHEP_ENDED_NS));
    assert_false(whep_ended_take(&e, id, NS_PER_S + WHEP_ENDED_NS + 1));
}

static void test_refusals(void **state)
{
    static const char vp8[] =
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        "a=group:BUNDLE 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
        "a=recvonly\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
        "a=setup:actpass\r\na=fingerprint:sha-256 "
        "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
        "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=rtpmap:96 VP8/90000\r\n";
    static const struct {
        const char *name;
        const char *path;
        const char *type;
        const char *body;
        int status;
    } cases[] = {
        {"no such stream", "/other/whep", "application/sdp", vp8, 404},
        {"no SDP", "/cam/whep", "text/plain", vp8, 415},
        {"no type", "/cam/whep", NULL, vp8, 415},
        {"a longer type", "/cam/whep", "application/sdpx", vp8, 415},
        {"unreadable", "/cam/whep", "application/sdp", "hello", 400},
        {"empty", "/cam/whep", "application/sdp", "", 400},
        {"no H.264 in it", "/cam/whep", "application/sdp; charset=utf-8", vp8, 406},
    };
    struct world *w = world_create(0, true);
    set_track(w, "avc1.42c01f");
    publish(w, true);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct text head = {0}, body = {0};
        print_message("%s\n", cases[i].name);
        assert_int_equal(ask(w, "POST", cases[i].path, cases[i].type, cases[i].body, &head, &body),
                         cases[i].status);
        assert_non_null(strstr(body.data, "\"error\""));
        text_finish(&head);
        text_finish(&body);
    }
    world_destroy(w);
}

/* What a browser's decoder could not play is refused in words; the page then takes another way. */
static void test_streams_that_webrtc_cannot_carry(void **state)
{
    static const struct {
        const char *codec_string;
        bool is_reordered;
        int status;
        const char *word;
    } rows[] = {
        {"avc1.f4001f", false, 406, "4:4:4"},   {"avc1.7a001f", false, 406, "4:2:2"},
        {"avc1.64001f", true, 406, "B-frames"}, {"avc1.4d401f", true, 406, "WebCodecs"},
        {"avc1.64001f", false, 201, "v=0"},     {"avc1.4d401f", false, 201, "v=0"},
        {"avc1.42c01f", false, 201, "v=0"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world *w = world_create(0, true);
        struct rtc_client c;
        struct text head = {0}, answer = {0};
        set_track_of(w, rows[i].codec_string, rows[i].is_reordered);
        publish(w, true);
        assert_int_equal(post_offer(w, &c, "/cam/whep", &head, &answer), rows[i].status);
        text_append(&answer, "");
        assert_non_null(strstr(answer.data, rows[i].word));
        rtc_client_close(&c);
        text_finish(&head);
        text_finish(&answer);
        world_destroy(w);
    }
}

/* Not known when the session began: it ends, and the next offer hears why. */
static void test_b_frames_that_show_later(void **state)
{
    struct world *w = world_create(0, true);
    struct rtc_client c, again;
    struct text head = {0}, answer = {0};
    set_track(w, "avc1.64001f");
    publish(w, true);
    assert_int_equal(post_offer(w, &c, "/cam/whep", &head, &answer), 201);
    connect_client(&c, &answer);
    read_until(&c, has_frame);
    set_track_of(w, "avc1.64001f", true);
    publish(w, false);
    read_until(&c, is_closed);
    assert_int_equal(post_offer(w, &again, "/cam/whep", NULL, NULL), 406);
    rtc_client_close(&c);
    rtc_client_close(&again);
    text_finish(&head);
    text_finish(&answer);
    world_destroy(w);
}

static void test_limit(void **state)
{
    struct world *w = world_create(1, true);
    struct rtc_client c[2];
    struct text head = {0}, answer = {0};
    char retry[20];
    set_track(w, "avc1.42c01f");
    publish(w, true);
    assert_int_equal(post_offer(w, &c[0], "/cam/whep", &head, &answer), 201);
    text_finish(&head);
    text_finish(&answer);
    assert_int_equal(post_offer(w, &c[1], "/cam/whep", &head, &answer), 503);
    assert_true(read_header(&head, "Retry-After", retry, sizeof(retry)));
    text_finish(&head);
    text_finish(&answer);
    rtc_client_close(&c[0]);
    rtc_client_close(&c[1]);
    world_destroy(w);
}

static void test_switched_off(void **state)
{
    struct world *w = world_create(0, false);
    struct rtc_client c;
    assert_int_equal(post_offer(w, &c, "/cam/whep", NULL, NULL), 503);
    rtc_client_close(&c);
    world_destroy(w);
}

struct waker {
    struct world *w;
    pthread_t thread;
};

/* The sleeping camera starts as soon as it is wanted. */
static void *start_when_wanted(void *arg)
{
    struct waker *k = arg;
    while (k->w->camera.wanted == 0) {
        sched_yield();
    }
    set_track(k->w, "avc1.640028");
    publish(k->w, true);
    return NULL;
}

/* A stream that never ran is woken, and the answer names its real profile. */
static void test_sleeping_stream(void **state)
{
    struct world *w = world_create(0, true);
    struct rtc_client c;
    struct text head = {0}, answer = {0};
    struct waker waker = {.w = w};
    assert_int_equal(pthread_create(&waker.thread, NULL, start_when_wanted, &waker), 0);
    assert_int_equal(post_offer(w, &c, "/cam/whep", &head, &answer), 201);
    pthread_join(waker.thread, NULL);
    assert_non_null(strstr(answer.data, "profile-level-id=6400"));
    connect_client(&c, &answer);
    read_until(&c, has_frame);
    rtc_client_close(&c);
    text_finish(&head);
    text_finish(&answer);
    world_destroy(w);
}

/* The answer comes in any case. */
static void test_stream_that_does_not_wake(void **state)
{
    struct world *w = world_create(0, true);
    struct rtc_client c;
    struct text head = {0}, answer = {0};
    assert_int_equal(post_offer(w, &c, "/cam/whep", &head, &answer), 201);
    assert_non_null(strstr(answer.data, "profile-level-id=42e0"));
    rtc_client_close(&c);
    text_finish(&head);
    text_finish(&answer);
    world_destroy(w);
}

static void test_pli_becomes_a_wish(void **state)
{
    struct world *w = world_create(0, true);
    struct rtc_client c;
    struct text head = {0}, answer = {0};
    uint8_t pli[50];
    struct byte_writer out;
    set_track(w, "avc1.42c01f");
    publish(w, true);
    post_offer(w, &c, "/cam/whep", &head, &answer);
    connect_client(&c, &answer);
    read_until(&c, has_frame);
    const unsigned before = w->camera.n_key_wishes;
    while (w->camera.n_key_wishes == before) { /* those within a round trip are not heeded */
        byte_writer_init(&out, pli, sizeof(pli));
        rtcp_write_pli(&out, 1, c.ssrc);
        rtc_client_send_rtcp(&c, bytes_of(pli, byte_writer_size(&out)));
        sched_yield();
    }
    rtc_client_close(&c);
    text_finish(&head);
    text_finish(&answer);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_and_leave),
        cmocka_unit_test(test_delete_of_what_has_just_ended),
        cmocka_unit_test(test_ended_ones_are_forgotten),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_streams_that_webrtc_cannot_carry),
        cmocka_unit_test(test_b_frames_that_show_later),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_switched_off),
        cmocka_unit_test(test_sleeping_stream),
        cmocka_unit_test(test_stream_that_does_not_wake),
        cmocka_unit_test(test_pli_becomes_a_wish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
