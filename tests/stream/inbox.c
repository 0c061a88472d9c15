#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "fakes.h"
#include "stream/inbox.h"

static bool put(struct inbox *in, enum encoding_id id, int64_t pts_ns, bool is_key)
{
    return inbox_put_packet(in, id, fake_packet(pts_ns, is_key, 10));
}

static int64_t take_pts(struct inbox *in)
{
    struct inbox_item item;
    assert_true(inbox_take_packet(in, &item));
    const int64_t pts_ns = item.packet->pts_ns;
    packet_unref(&item.packet);
    if (item.track) {
        track_finish(item.track);
        free(item.track);
    }
    return pts_ns;
}

static void test_pts_strictly_increases(void **state)
{
    const int64_t in_ms[] = {1000, 1040, 1040, 1030, 1080, 0, 40, 80};
    struct inbox in;
    inbox_init(&in);
    int64_t last_ns = TIME_NONE;
    for (size_t i = 0; i < sizeof(in_ms) / sizeof(in_ms[0]); i++) {
        put(&in, ENCODING_H264, in_ms[i] * NS_PER_MS, true);
        const int64_t pts_ns = take_pts(&in);
        assert_true(pts_ns > last_ns);
        last_ns = pts_ns;
    }
    /* the line that began anew keeps its steps: 80 ms after its beginning, not 2 ms */
    assert_true(last_ns >= (1080 + 80) * NS_PER_MS && last_ns < (1080 + 80 + 40) * NS_PER_MS);
    inbox_finish(&in);
}

static void test_told_once(void **state)
{
    struct inbox in;
    inbox_init(&in);
    assert_true(put(&in, ENCODING_H264, 1, true));
    assert_false(put(&in, ENCODING_H264, 2, false));
    assert_false(inbox_put_state(&in, STREAM_LIVE, NULL));
    inbox_begin(&in);
    assert_true(inbox_put_error(&in, ENCODING_JPEG, "no"));
    inbox_finish(&in);
}

enum { N_BURST = 4 * STREAM_INBOX_PACKETS };

static void *put_burst(void *arg)
{
    for (int i = 0; i < N_BURST; i++) {
        put(arg, ENCODING_H264, i * NS_PER_MS, i == 0);
    }
    return NULL;
}

/* One group of pictures, faster than the loop takes it: the producer waits, nothing is lost. */
static void test_a_burst_waits(void **state)
{
    struct inbox in;
    struct inbox_item item;
    pthread_t producer;
    inbox_init(&in);
    pthread_create(&producer, NULL, put_burst, &in);
    for (int n = 0; n < N_BURST;) {
        if (inbox_take_packet(&in, &item)) {
            assert_int_equal(item.packet->flags, n == 0 ? PACKET_KEY : 0);
            packet_unref(&item.packet);
            n++;
        }
    }
    pthread_join(producer, NULL);
    assert_int_equal(inbox_take_dropped(&in, ENCODING_H264), 0);
    inbox_finish(&in);
}

/* The loop is stuck: whole frames up to the next keyframe go, the other encoding stays. */
static void test_overflow(void **state)
{
    struct inbox in;
    inbox_init(&in);
    const struct track track = fake_track(CODEC_H264, 640);
    inbox_put_track(&in, ENCODING_H264, &track);
    put(&in, ENCODING_JPEG, 1, true);
    for (int n = 0; n < STREAM_INBOX_PACKETS; n++) {
        put(&in, ENCODING_H264, n + 1, n == 0);
    }
    put(&in, ENCODING_H264, 2000, false);
    assert_int_equal(in.n_items, 1);
    assert_int_equal(inbox_take_dropped(&in, ENCODING_H264), STREAM_INBOX_PACKETS + 1);
    assert_int_equal(inbox_take_dropped(&in, ENCODING_JPEG), 0);
    put(&in, ENCODING_H264, 3000, true);
    take_pts(&in);
    struct inbox_item item;
    assert_true(inbox_take_packet(&in, &item));
    assert_int_equal(item.id, ENCODING_H264);
    assert_int_equal(item.packet->flags, PACKET_KEY | PACKET_DISCONTINUITY);
    assert_non_null(item.track); /* it was not lost with the packets */
    packet_unref(&item.packet);
    track_finish(item.track);
    free(item.track);
    assert_int_equal(in.n_bytes, 0);
    inbox_finish(&in);
}

static void test_bytes_are_bounded(void **state)
{
    struct inbox in;
    inbox_init(&in);
    for (int n = 0; n < 5; n++) {
        inbox_put_packet(&in, ENCODING_JPEG, fake_packet(n, true, STREAM_RING_BYTES / 4 + 1));
        assert_true(in.n_bytes <= STREAM_RING_BYTES);
    }
    assert_int_equal(inbox_take_dropped(&in, ENCODING_JPEG), 3);
    inbox_finish(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pts_strictly_increases),
        cmocka_unit_test(test_told_once),
        cmocka_unit_test(test_a_burst_waits),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
