#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

#include "fakes.h"

static void test_demand_follows_readers(void **state)
{
    struct fake_stream f;
    fake_stream_init(&f, NULL, 0);
    assert_int_equal(f.producer.n_demands, 1); /* told at once, even that nothing is wanted */
    assert_int_equal(f.producer.wanted, 0);
    assert_true(stream_deadline_ns(f.stream) == INT64_MAX);

    struct fake_viewer a;
    struct fake_viewer b;
    assert_int_equal(fake_viewer_open(&a, &f, ENCODING_H264, &fake_mux, MODE_WATCH), 0);
    assert_int_equal(f.producer.wanted, 1U << ENCODING_H264);
    assert_int_equal(fake_viewer_open(&b, &f, ENCODING_JPEG, NULL, MODE_WATCH), 0);
    assert_int_equal(f.producer.wanted, 1U << ENCODING_H264 | 1U << ENCODING_JPEG);
    assert_int_equal(stream_n_readers(f.stream), 2);

    fake_viewer_close(&b);
    fake_viewer_close(&b); /* harmless */
    fake_pass(&f, 9 * NS_PER_S);
    assert_int_equal(f.producer.wanted, 1U << ENCODING_H264 | 1U << ENCODING_JPEG);
    fake_pass(&f, 2 * NS_PER_S);
    assert_int_equal(f.producer.wanted, 1U << ENCODING_H264);

    /* who re-joins within stop_after wakes nothing */
    const unsigned n_demands = f.producer.n_demands;
    fake_viewer_close(&a);
    fake_pass(&f, 9 * NS_PER_S);
    assert_int_equal(fake_viewer_open(&a, &f, ENCODING_H264, &fake_mux, MODE_WATCH), 0);
    fake_pass(&f, 20 * NS_PER_S);
    assert_int_equal(f.producer.n_demands, n_demands);
    fake_viewer_close(&a);
    fake_pass(&f, 10 * NS_PER_S);
    assert_int_equal(f.producer.wanted, 0);
    fake_stream_finish(&f);
    assert_true(f.is_producer_destroyed);
}

static void test_always(void **state)
{
    const struct stream_config config = {
        .name = "cam", .always = true, .always_wanted = 1U << ENCODING_H264};
    struct fake_stream f;
    fake_stream_init(&f, &config, 0);
    assert_int_equal(f.producer.wanted, 1U << ENCODING_H264);
    struct fake_viewer a;
    fake_viewer_open(&a, &f, ENCODING_H264, NULL, MODE_WATCH);
    fake_viewer_close(&a);
    fake_pass(&f, 100 * NS_PER_S);
    assert_int_equal(f.producer.wanted, 1U << ENCODING_H264);
    assert_int_equal(f.producer.n_demands, 2);
    fake_stream_finish(&f);
}

/* The codec that is expected is told, but not taken for that of a track that has been. */
static void test_what_is_expected(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    const struct track expected = {.codec = CODEC_H264, .size = {64, 48}, .bitrate_bps = 1000};
    fake_stream_init(&f, NULL, 0);
    assert_int_equal(stream_codec(f.stream, ENCODING_H264), CODEC_NONE);
    stream_expect_track(f.stream, ENCODING_H264, &expected);
    assert_int_equal(stream_codec(f.stream, ENCODING_H264), CODEC_H264);
    assert_int_equal(stream_codec(f.stream, ENCODING_JPEG), CODEC_NONE);
    assert_int_equal(stream_track(f.stream, ENCODING_H264)->codec, CODEC_NONE);
    assert_int_equal(stream_track(f.stream, ENCODING_H264)->bitrate_bps, 1000);
    fake_viewer_open(&v, &f, ENCODING_JPEG, NULL, MODE_WATCH);
    const struct track jpeg = fake_track(CODEC_MJPEG, 64);
    stream_set_track(f.stream, ENCODING_JPEG, &jpeg);
    fake_publish(&f, ENCODING_JPEG, true);
    assert_int_equal(stream_codec(f.stream, ENCODING_JPEG), CODEC_MJPEG);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

static void test_states(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    stream_set_state(f.stream, STREAM_LIVE, NULL);
    fake_publish(&f, ENCODING_H264, true);
    assert_int_equal(stream_get_state(f.stream), STREAM_LIVE);
    assert_null(stream_error(f.stream));
    assert_non_null(stream_newest_key(f.stream, ENCODING_H264));

    stream_set_state(f.stream, STREAM_STALLED, "the camera was unplugged, trying again");
    stream_dispatch(f.stream, f.now_ns);
    assert_string_equal(stream_error(f.stream), "the camera was unplugged, trying again");
    assert_int_equal(v.n_states, 2);
    assert_string_equal(v.end, ""); /* readers stay */
    assert_int_equal(stream_n_readers(f.stream), 1);

    stream_set_state(f.stream, STREAM_LIVE, NULL);
    fake_publish(&f, ENCODING_H264, true);
    assert_null(stream_error(f.stream));
    assert_int_equal(v.n_read, 2);

    /* what was seen before a sleep is no picture of now; the track is still known */
    stream_set_state(f.stream, STREAM_IDLE, NULL);
    stream_dispatch(f.stream, f.now_ns);
    assert_null(stream_newest_key(f.stream, ENCODING_H264));
    assert_int_equal(stream_track(f.stream, ENCODING_H264)->size.width, 640);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

static void test_a_source_that_never_sleeps_keeps_its_gop(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, PRODUCER_NEVER_SLEEPS);
    fake_publish(&f, ENCODING_H264, true);
    fake_publish(&f, ENCODING_H264, false);
    stream_set_state(f.stream, STREAM_IDLE, NULL);
    stream_dispatch(f.stream, f.now_ns);
    f.now_ns += 60 * NS_PER_S;
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_DRIVE);
    stream_dispatch(f.stream, f.now_ns);
    assert_int_equal(v.n_read, 2);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

/* One encoding slept while the other ran: what it showed before is not shown again. */
static void test_an_encoding_that_slept_begins_anew(void **state)
{
    struct fake_stream f;
    struct fake_viewer jpeg;
    struct fake_viewer h264;
    fake_stream_init(&f, NULL, 0);
    fake_viewer_open(&jpeg, &f, ENCODING_JPEG, NULL, MODE_WATCH);
    fake_viewer_open(&h264, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    fake_publish(&f, ENCODING_H264, true);
    fake_viewer_close(&h264);
    fake_pass(&f, 60 * NS_PER_S);
    assert_int_equal(f.producer.wanted, 1U << ENCODING_JPEG);
    fake_viewer_open(&h264, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    stream_dispatch(f.stream, f.now_ns);
    assert_int_equal(h264.n_read, 0);
    fake_publish(&f, ENCODING_H264, true);
    assert_int_equal(h264.n_read, 1);

    /* but a stalled one that is still wanted shows its last picture */
    stream_set_state(f.stream, STREAM_STALLED, "unplugged");
    stream_dispatch(f.stream, f.now_ns);
    fake_pass(&f, 60 * NS_PER_S);
    struct fake_viewer late;
    fake_viewer_open(&late, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    stream_dispatch(f.stream, f.now_ns);
    assert_int_equal(late.n_read, 1);
    fake_viewer_close(&late);
    fake_viewer_close(&h264);
    fake_viewer_close(&jpeg);
    fake_stream_finish(&f);
}

static void test_encoding_error(void **state)
{
    struct fake_stream f;
    struct fake_viewer started;
    struct fake_viewer waiting;
    struct fake_viewer late;
    fake_stream_init(&f, NULL, 0);
    fake_viewer_open(&started, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    fake_publish(&f, ENCODING_H264, true);
    fake_viewer_open(&waiting, &f, ENCODING_JPEG, NULL, MODE_WATCH);
    stream_set_encoding_error(f.stream, ENCODING_JPEG, "this build has no JPEG");
    stream_set_encoding_error(f.stream, ENCODING_H264, "the encoder is in use");
    stream_dispatch(f.stream, f.now_ns);
    assert_string_equal(waiting.end, "this build has no JPEG");
    assert_string_equal(started.end, ""); /* it can wait for the encoder's return */
    assert_int_equal(started.n_states, 1);
    assert_true(fake_viewer_open(&late, &f, ENCODING_JPEG, NULL, MODE_WATCH) < 0);
    assert_string_equal(stream_encoding_error(f.stream, ENCODING_JPEG), "this build has no JPEG");

    /* nobody wanted it for stop_after: the next one makes the producer try anew */
    fake_pass(&f, 11 * NS_PER_S);
    assert_null(stream_encoding_error(f.stream, ENCODING_JPEG));
    assert_int_equal(fake_viewer_open(&late, &f, ENCODING_JPEG, NULL, MODE_WATCH), 0);
    fake_viewer_close(&late);
    fake_viewer_close(&started);
    fake_stream_finish(&f);
}

static void test_destroy_ends_readers(void **state)
{
    struct fake_stream f;
    struct fake_viewer a;
    struct fake_viewer b;
    fake_stream_init(&f, NULL, 0);
    fake_viewer_open(&a, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    fake_publish(&f, ENCODING_H264, true);
    fake_viewer_open(&b, &f, ENCODING_JPEG, NULL, MODE_WATCH);
    stream_publish(f.stream, ENCODING_H264, fake_packet(1, false, 10));
    fake_stream_finish(&f);
    assert_string_equal(a.end, "the stream has ended");
    assert_string_equal(b.end, "the stream has ended");
}

static void test_wishes_are_merged(void **state)
{
    const struct wish key = {.type = WISH_KEYFRAME, .encoding = ENCODING_H264};
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    fake_publish(&f, ENCODING_H264, true);
    assert_true(stream_wish(f.stream, &key, f.now_ns));
    assert_false(stream_wish(f.stream, &key, f.now_ns + 1));
    assert_int_equal(f.producer.n_key_wishes, 1);
    fake_pass(&f, 40 * NS_PER_MS);
    fake_publish(&f, ENCODING_H264, true);
    assert_true(stream_deadline_ns(f.stream) == INT64_MAX); /* answered */

    /* soon after the answer: passed on when its time has come */
    assert_false(stream_wish(f.stream, &key, f.now_ns));
    fake_pass(&f, 400 * NS_PER_MS);
    assert_int_equal(f.producer.n_key_wishes, 1);
    fake_pass(&f, 100 * NS_PER_MS);
    assert_int_equal(f.producer.n_key_wishes, 2);

    /* not answered: again and again, but only while somebody is there */
    fake_pass(&f, 1000 * NS_PER_MS);
    assert_int_equal(f.producer.n_key_wishes, 4);
    fake_viewer_close(&v);
    fake_pass(&f, 5000 * NS_PER_MS);
    assert_int_equal(f.producer.n_key_wishes, 4);
    fake_stream_finish(&f);
}

static void publish_big(struct fake_stream *f, bool is_key)
{
    struct packet *p = fake_packet(f->now_ns, is_key, STREAM_RING_BYTES / 8);
    stream_publish(f->stream, ENCODING_H264, p);
    stream_dispatch(f->stream, f->now_ns);
}

/* A group of pictures beyond the ring: said while nobody can join and no keyframe can be made. */
static void test_join_error(void **state)
{
    struct fake_stream f;
    fake_stream_init(&f, NULL, 0);
    publish_big(&f, true);
    for (int n = 0; n < 7; n++) {
        assert_null(stream_join_error(f.stream, ENCODING_H264));
        publish_big(&f, false);
    }
    assert_null(stream_join_error(f.stream, ENCODING_H264));
    publish_big(&f, false);
    assert_non_null(strstr(stream_join_error(f.stream, ENCODING_H264), "32 MB ago"));
    assert_null(stream_join_error(f.stream, ENCODING_JPEG));
    assert_null(stream_error(f.stream)); /* those who watch see it */
    f.producer.can_bits = PRODUCER_CAN_KEYFRAME;
    assert_null(stream_join_error(f.stream, ENCODING_H264));
    f.producer.can_bits = 0;
    publish_big(&f, true);
    assert_null(stream_join_error(f.stream, ENCODING_H264));
    fake_stream_finish(&f);
}

static void test_other_wishes(void **state)
{
    const struct wish key = {.type = WISH_KEYFRAME, .encoding = ENCODING_H264};
    const struct wish rate = {
        .type = WISH_BITRATE, .encoding = ENCODING_H264, .bitrate_bps = 500000};
    struct fake_stream f;
    fake_stream_init(&f, NULL, 0);
    assert_false(stream_wish(f.stream, &key, f.now_ns));
    assert_false(stream_wish(f.stream, &rate, f.now_ns));
    f.producer.can_bits = PRODUCER_CAN_BITRATE;
    assert_true(stream_wish(f.stream, &rate, f.now_ns));
    assert_int_equal(f.producer.bitrate_bps, 500000);
    assert_int_equal(f.producer.n_key_wishes, 0);
    fake_stream_finish(&f);
}

static void test_measured_rate(void **state)
{
    struct fake_stream f;
    fake_stream_init(&f, NULL, 0);
    for (int i = 0; i < 250; i++) {
        fake_publish(&f, ENCODING_H264, i % 50 == 0);
        f.now_ns += FAKE_FRAME_NS;
    }
    const double rate = stream_measured_rate(f.stream, ENCODING_H264, f.now_ns);
    assert_true(rate > 24 && rate < 26);
    const int64_t bps = stream_measured_bps(f.stream, ENCODING_H264, f.now_ns);
    assert_true(bps > 19000 && bps < 21000);
    assert_true(stream_measured_rate(f.stream, ENCODING_H264, f.now_ns + 10 * NS_PER_S) == 0);
    const struct encoding_stats *stats = stream_encoding_stats(f.stream, ENCODING_H264);
    assert_int_equal(stats->n_packets, 250);
    assert_int_equal(stats->n_keyframes, 5);
    assert_int_equal(stats->n_bytes, 25000);
    fake_stream_finish(&f);
}

static void test_stage_histogram(void **state)
{
    struct stage_histogram h = {.recent_ns = TIME_NONE};
    stage_note(&h, 3 * NS_PER_MS);
    stage_note(&h, 3 * NS_PER_MS);
    stage_note(&h, 3600 * NS_PER_S);
    stage_note(&h, -5);
    assert_int_equal(h.n, 4);
    assert_int_equal(h.counts[0], 1);
    assert_int_equal(h.counts[5], 2); /* above 2, up to 3 ms */
    assert_int_equal(h.counts[STAGE_BUCKETS - 1], 1);
    assert_true(h.sum_ns == 3600 * NS_PER_S + 6 * NS_PER_MS);
}

static void test_words(void **state)
{
    enum stream_mode mode = MODE_WATCH;
    assert_int_equal(stream_mode_parse("nonsense", &mode), -EINVAL);
    assert_int_equal(mode, MODE_WATCH);
    assert_int_equal(stream_mode_parse("drive", &mode), 0);
    assert_int_equal(mode, MODE_DRIVE);
    assert_string_equal(stream_mode_name(MODE_SMOOTH), "smooth");
    assert_string_equal(stream_state_name(STREAM_STOPPING), "stopping");
    assert_true(stream_mode_budget_ns(MODE_DRIVE) == 200 * NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demand_follows_readers),
        cmocka_unit_test(test_always),
        cmocka_unit_test(test_what_is_expected),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_a_source_that_never_sleeps_keeps_its_gop),
        cmocka_unit_test(test_an_encoding_that_slept_begins_anew),
        cmocka_unit_test(test_encoding_error),
        cmocka_unit_test(test_destroy_ends_readers),
        cmocka_unit_test(test_wishes_are_merged),
        cmocka_unit_test(test_join_error),
        cmocka_unit_test(test_other_wishes),
        cmocka_unit_test(test_measured_rate),
        cmocka_unit_test(test_stage_histogram),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
