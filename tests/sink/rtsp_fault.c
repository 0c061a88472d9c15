/* Players that do not behave; a good one beside them loses nothing. */
#include "rtsp_player.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "sink/rtsp.h"

enum { BAD_REQUESTS = 10000, FRAME_SIZE = 30000 };

static struct rtsp_limits *limits_of(struct lab *l)
{
    return rtsp_limits(l->rtsp);
}

struct good {
    struct lab *lab;
    struct player player;
    unsigned n_published;
    unsigned n_frames;
    uint16_t next_sequence;
};

static void good_start(struct good *g, struct lab *l)
{
    *g = (struct good){.lab = l};
    player_connect(&g->player, l);
    player_set_up(&g->player, "0-1");
    player_request(&g->player, "PLAY rtsp://h/cam", "");
    lab_wait_wanted(l, 1 << ENCODING_H264);
    lab_publish_h264(l, 'k', 100, true);
    g->n_published++;
    assert_int_equal(player_answer(&g->player), 200);
    unsigned sequence;
    assert_int_equal(
        sscanf(strstr(player_header(&g->player, "RTP-Info"), "seq="), "seq=%u", &sequence), 1);
    g->next_sequence = (uint16_t)sequence;
}

/* Every packet of every frame, in order. */
static void good_catch_up(struct good *g)
{
    while (g->n_frames < g->n_published) {
        const struct rtp_packet rtp = player_rtp(&g->player, 0);
        assert_int_equal(rtp.header.sequence, g->next_sequence);
        g->next_sequence++;
        g->n_frames += rtp.header.marker;
    }
}

static void good_publish(struct good *g, size_t size, bool is_key)
{
    lab_publish_h264(g->lab, 'g', size, is_key);
    g->n_published++;
    good_catch_up(g);
}

/* The same chance each time (xorshift). */
static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* A good dialogue with some of its bytes turned. */
static size_t make_bad(uint32_t *seed, char *out)
{
    static const char dialogue[] =
        "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
        "SETUP rtsp://h/cam/trackID=0 RTSP/1.0\r\nCSeq: 2\r\n"
        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nContent-Length: 0\r\n\r\n"
        "$\1\0\4abcdPLAY rtsp://h/cam RTSP/1.0\r\nCSeq: 3\r\nSession: 1\r\n\r\n";
    const size_t size = sizeof(dialogue) - 1;
    memcpy(out, dialogue, size);
    for (unsigned n = 1 + next_random(seed) % 8; n > 0; n--) {
        out[next_random(seed) % size] = (char)next_random(seed);
    }
    return 1 + next_random(seed) % size;
}

static void test_malformed_requests(void **state)
{
    struct lab l;
    struct good good;
    uint32_t seed = 2326;
    lab_create(&l);
    good_start(&good, &l);
    for (int i = 0; i < BAD_REQUESTS; i++) {
        struct player p;
        char bytes[512];
        player_connect(&p, &l);
        client_send(p.fd, bytes, make_bad(&seed, bytes));
        player_leave(&p);
        if (i % 100 == 0) {
            good_publish(&good, 3000, i % 1000 == 0);
        }
    }
    good_publish(&good, 3000, false);
    player_finish(&good.player);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_answers_to_garbage(void **state)
{
    static const struct {
        const char *in;
        const char *answer;
    } rows[] = {
        {"\1\2\3\n", "RTSP/1.0 400 "},
        {"PLAY * RTSP/9.9\r\n\r\n", "RTSP/1.0 505 "},
        {"PLAY * RTSP/1.0\r\nContent-Length: 99999\r\n\r\n", "RTSP/1.0 413 "},
        {"GET /cam/ HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.0 400 Bad Request\r\n"},
        {"$\1\xff\xff", "RTSP/1.0 413 "},
    };
    struct lab l;
    lab_create(&l);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct player p;
        struct text answer = {0};
        player_connect(&p, &l);
        player_send(&p, rows[i].in);
        client_read_to_end(p.fd, &answer); /* and then the end */
        assert_int_equal(strncmp(answer.data, rows[i].answer, strlen(rows[i].answer)), 0);
        text_finish(&answer);
        player_finish(&p);
    }
    lab_destroy(&l);
}

static void shorten_times(void *arg)
{
    struct lab *l = arg;
    struct rtsp_limits *limits = limits_of(l);
    limits->request_ns = 100 * NS_PER_MS;
    limits->silence_ns = 300 * NS_PER_MS;
    limits->stall_ns = 300 * NS_PER_MS;
    limits->track_wait_ns = 200 * NS_PER_MS;
    limits->play_wait_ns = 200 * NS_PER_MS;
    limits->check_ns = 20 * NS_PER_MS;
}

static void test_those_who_say_nothing_are_let_go(void **state)
{
    struct lab l;
    struct player silent, half, paused;
    lab_create(&l);
    fixture_call(&l.fixture, shorten_times, &l);
    player_connect(&silent, &l);
    player_connect(&half, &l);
    player_connect(&paused, &l);
    player_send(&half, "OPTIONS * RTSP/1.0\r\nCSe");
    player_set_up(&paused, "0-1");
    assert_int_equal(player_answer(&half), 0);
    assert_int_equal(player_answer(&silent), 0);
    assert_int_equal(player_answer(&paused), 0);
    player_finish(&silent);
    player_finish(&half);
    player_finish(&paused);
    lab_destroy(&l);
}

/* A playing one is seen to live by what TCP delivers. */
static void test_who_plays_over_tcp_need_not_speak(void **state)
{
    struct lab l;
    struct good good;
    lab_create(&l);
    fixture_call(&l.fixture, shorten_times, &l);
    good_start(&good, &l);
    const int64_t end_ns = time_monotonic_ns() + NS_PER_S; /* three times the silence */
    while (time_monotonic_ns() < end_ns) {
        good_publish(&good, 3000, false);
    }
    player_finish(&good.player);
    lab_destroy(&l);
}

static void test_nothing_comes(void **state)
{
    struct lab l;
    struct player p;
    lab_create(&l);
    fixture_call(&l.fixture, shorten_times, &l);
    player_connect(&p, &l);
    assert_int_equal(player_ask(&p, "DESCRIBE rtsp://h/cam", ""), 503);
    assert_true(p.body.size > 0); /* says why */
    player_set_up(&p, "0-1");
    assert_int_equal(player_ask(&p, "PLAY rtsp://h/cam", ""), 200); /* when it comes, it comes */
    assert_string_equal(player_header(&p, "RTP-Info"), "");
    lab_publish_h264(&l, 'k', 100, true);
    player_rtp(&p, 0);
    player_finish(&p);
    lab_destroy(&l);
}

static void test_who_takes_nothing_disturbs_nobody(void **state)
{
    struct lab l;
    struct good good;
    struct player stalled;
    lab_create(&l);
    fixture_call(&l.fixture, shorten_times, &l);
    good_start(&good, &l);
    player_connect(&stalled, &l);
    player_set_up(&stalled, "0-1");
    player_request(&stalled, "PLAY rtsp://h/cam", "");
    const int64_t end_ns = time_monotonic_ns() + 2 * NS_PER_S;
    for (unsigned n = 0; time_monotonic_ns() < end_ns; n++) {
        good_publish(&good, FRAME_SIZE, n % 10 == 0);
    }
    char bytes[4096];
    while (client_read(stalled.fd, bytes, sizeof(bytes)) > 0) { /* what was under way; the end */
    }
    player_finish(&stalled);
    player_finish(&good.player);
    lab_destroy(&l);
}

static void allow_two(void *arg)
{
    struct lab *l = arg;
    limits_of(l)->n_connections = 2;
}

static void allow_two_per_address(void *arg)
{
    struct lab *l = arg;
    limits_of(l)->n_per_address = 2;
}

static void expect_two(void (*allow)(void *arg))
{
    struct lab l;
    struct player a, b, c;
    lab_create(&l);
    fixture_call(&l.fixture, allow, &l);
    player_connect(&a, &l);
    player_connect(&b, &l);
    assert_int_equal(player_ask(&a, "OPTIONS *", ""), 200);
    assert_int_equal(player_ask(&b, "OPTIONS *", ""), 200);
    player_connect(&c, &l);
    assert_int_equal(player_answer(&c), 503);
    player_finish(&a);
    player_finish(&b);
    player_finish(&c);
    lab_destroy(&l);
}

static void test_too_many(void **state)
{
    expect_two(allow_two);
    expect_two(allow_two_per_address);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_requests),
        cmocka_unit_test(test_answers_to_garbage),
        cmocka_unit_test(test_those_who_say_nothing_are_let_go),
        cmocka_unit_test(test_who_plays_over_tcp_need_not_speak),
        cmocka_unit_test(test_nothing_comes),
        cmocka_unit_test(test_who_takes_nothing_disturbs_nobody),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
