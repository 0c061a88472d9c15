#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <malloc.h>

#include "fakes.h"

/* n frames at 25 a second, a keyframe every gop frames (0: none). */
static void run(struct fake_stream *f, enum encoding_id id, int n, int gop)
{
    for (int i = 0; i < n; i++) {
        fake_pass(f, FAKE_FRAME_NS);
        fake_publish(f, id, gop > 0 && i % gop == 0);
    }
}

static void test_muxed_once_for_all(void **state)
{
    struct fake_stream f;
    struct fake_viewer v[3];
    fake_mux_counts = (struct fake_mux_counts){0};
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    for (int i = 0; i < 3; i++) {
        fake_viewer_open(&v[i], &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    }
    run(&f, ENCODING_H264, 10, 50);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(v[i].n_read, 10);
        assert_int_equal(v[i].n_ready, 10);
        assert_int_equal(v[i].n_preambles, 1);
        assert_int_equal(v[i].n_gaps, 0);
        assert_int_equal(v[i].n_resumes, 0);
    }
    assert_int_equal(fake_mux_counts.n_packets, 10);
    assert_int_equal(fake_mux_counts.n_opens, 1);
    for (int i = 0; i < 3; i++) {
        fake_viewer_close(&v[i]);
    }
    assert_int_equal(fake_mux_counts.n_closes, 1);
    fake_stream_finish(&f);
}

static void test_joining(void **state)
{
    static const struct {
        const char *name;
        unsigned can;
        int n_frames;       /* since the keyframe, which is the first */
        unsigned n_at_once; /* read when joining */
        unsigned n_wishes;
    } rows[] = {
        {"young keyframe", PRODUCER_CAN_KEYFRAME, 20, 20, 0},
        {"old keyframe, a new one can be made", PRODUCER_CAN_KEYFRAME, 100, 0, 1},
        {"old keyframe, none can be made", 0, 100, 100, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fake_stream f;
        struct fake_viewer v;
        fake_stream_init(&f, NULL, rows[i].can);
        run(&f, ENCODING_H264, rows[i].n_frames, 1000);
        f.n_wakes = 0;
        assert_int_equal(fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_DRIVE), 0);
        assert_int_equal(v.n_ready, 0); /* not inside */
        assert_true(f.n_wakes > 0 || f.producer.n_key_wishes > 0);
        stream_dispatch(f.stream, f.now_ns);
        if (v.n_read != rows[i].n_at_once || f.producer.n_key_wishes != rows[i].n_wishes) {
            fail_msg("%s: read %u, wishes %u", rows[i].name, v.n_read, f.producer.n_key_wishes);
        }
        fake_pass(&f, FAKE_FRAME_NS);
        fake_publish(&f, ENCODING_H264, true);
        assert_int_equal(v.n_read, rows[i].n_at_once + 1);
        assert_int_equal(v.n_gaps, 0);
        assert_int_equal(v.reader.stats.n_dropped[DROP_BUDGET], 0);
        fake_viewer_close(&v);
        fake_stream_finish(&f);
    }
}

static void test_late_reader_jumps_to_a_near_keyframe(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_DRIVE);
    run(&f, ENCODING_H264, 1, 1);
    v.n_to_read = 0;
    run(&f, ENCODING_H264, 6, 0);
    fake_pass(&f, FAKE_FRAME_NS); /* 240 ms */
    fake_publish(&f, ENCODING_H264, true);
    assert_int_equal(fake_viewer_read(&v, 10), 1);
    assert_int_equal(v.last_sequence, 7);
    assert_int_equal(v.n_gaps, 1);
    assert_int_equal(v.n_resumes, 1);
    assert_int_equal(v.reader.stats.n_dropped[DROP_BUDGET], 6);
    assert_int_equal(v.reader.protocol->n_dropped[DROP_BUDGET], 6);
    assert_int_equal(f.producer.n_key_wishes, 0);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

static void test_late_reader_without_keyframe_wishes_one(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_DRIVE);
    run(&f, ENCODING_H264, 1, 1);
    v.n_to_read = 0;
    run(&f, ENCODING_H264, 8, 0);
    assert_int_equal(fake_viewer_read(&v, 10), 0);
    assert_int_equal(f.producer.n_key_wishes, 1);
    v.n_to_read = 10;
    run(&f, ENCODING_H264, 3, 0);
    assert_int_equal(v.n_read, 1);
    fake_publish(&f, ENCODING_H264, true);
    assert_int_equal(v.n_read, 2);
    assert_int_equal(v.n_gaps, 1);
    assert_int_equal(v.reader.stats.n_dropped[DROP_BUDGET], 11);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

/* Its link holds more than the budget: the newest too would come too late. */
static void test_what_waits_on_the_link_counts(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_DRIVE);
    run(&f, ENCODING_H264, 1, 1);
    v.reader.link_ns = v.reader.budget_ns;
    run(&f, ENCODING_H264, 1, 0);
    assert_int_equal(v.n_read, 2);
    v.reader.link_ns = v.reader.budget_ns + 1;
    run(&f, ENCODING_H264, 1, 0);
    assert_int_equal(v.n_read, 2);
    assert_int_equal(f.producer.n_key_wishes, 1);
    fake_publish(&f, ENCODING_H264, true);
    assert_int_equal(v.n_read, 3);
    v.n_to_read = 0;
    run(&f, ENCODING_H264, 2, 0);
    v.reader.link_ns = v.reader.budget_ns - FAKE_FRAME_NS / 2; /* the newer would pass */
    assert_int_equal(fake_viewer_read(&v, 10), 0);
    assert_int_equal(v.reader.stats.n_dropped[DROP_BUDGET], 3);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

/* A viewer that takes nothing: its drops are counted as they happen, and once. */
static void test_drops_of_a_stalled_reader(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_DRIVE);
    run(&f, ENCODING_H264, 1, 1);
    v.n_to_read = 0;
    const uint64_t *n_dropped = v.reader.stats.n_dropped;
    for (int i = 1; i <= 50; i++) { /* 2 s, without a keyframe */
        run(&f, ENCODING_H264, 1, 0);
        reader_count_late(&v.reader, f.now_ns);
        const bool is_late = i * FAKE_FRAME_NS - FAKE_FRAME_NS > v.reader.budget_ns;
        assert_int_equal(n_dropped[DROP_BUDGET], is_late ? i : 0);
    }
    fake_publish(&f, ENCODING_H264, true);
    run(&f, ENCODING_H264, 3, 0);
    reader_count_late(&v.reader, f.now_ns);
    assert_int_equal(n_dropped[DROP_BUDGET], 50);
    assert_int_equal(f.producer.n_key_wishes, 0); /* nobody could see it */
    assert_int_equal(fake_viewer_read(&v, 10), 4);
    assert_int_equal(v.n_gaps, 1);
    assert_int_equal(n_dropped[DROP_BUDGET], 50);
    assert_int_equal(v.reader.protocol->n_dropped[DROP_BUDGET], 50);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

static void test_drops_of_a_reader_that_ends(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_DRIVE);
    run(&f, ENCODING_H264, 1, 1);
    v.n_to_read = 0;
    run(&f, ENCODING_H264, 20, 0);
    const struct protocol_stats *protocol = v.reader.protocol;
    assert_int_equal(protocol->n_dropped[DROP_BUDGET], 0);
    fake_viewer_close(&v);
    assert_int_equal(protocol->n_dropped[DROP_BUDGET], 20);
    fake_stream_finish(&f);
}

/* A slow one must not coarsen everybody's picture with keyframes. */
static void test_wishes_of_a_skipping_reader_are_spaced(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_DRIVE);
    run(&f, ENCODING_H264, 1, 1);
    unsigned n_answered = 0;
    for (int i = 0; i < 250; i++) { /* 10 s */
        fake_pass(&f, FAKE_FRAME_NS);
        fake_publish(&f, ENCODING_H264, f.producer.n_key_wishes > n_answered);
        n_answered = f.producer.n_key_wishes;
        if (i % 10 == 0) {
            reader_skip_to_key(&v.reader, DROP_BUDGET, f.now_ns);
        }
    }
    assert_in_range(n_answered, 8, 11);
    assert_true(v.reader.stats.n_dropped[DROP_BUDGET] > 100);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

/* Where nobody can make one, the old keyframe ahead is caught up from. */
static void test_late_reader_of_a_pipe(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, 0);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_DRIVE);
    run(&f, ENCODING_H264, 1, 1);
    v.n_to_read = 0;
    run(&f, ENCODING_H264, 10, 0);
    run(&f, ENCODING_H264, 10, 10);
    assert_int_equal(fake_viewer_read(&v, 100), 10);
    assert_int_equal(v.reader.stats.n_dropped[DROP_BUDGET], 10);
    run(&f, ENCODING_H264, 10, 0);
    assert_int_equal(fake_viewer_read(&v, 100), 0); /* late again, nothing ahead */
    v.n_to_read = 100;
    run(&f, ENCODING_H264, 1, 1);
    assert_int_equal(v.n_read, 12);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

static void test_jpeg_jumps_to_the_newest(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, 0);
    fake_viewer_open(&v, &f, ENCODING_JPEG, NULL, MODE_WATCH);
    v.n_to_read = 0;
    run(&f, ENCODING_JPEG, 50, 1);
    assert_int_equal(reader_n_waiting(&v.reader), 1); /* what is not wanted is not kept */
    f.now_ns += 10 * NS_PER_S;                        /* and the newest picture is never late */
    assert_int_equal(fake_viewer_read(&v, 100), 1);
    assert_int_equal(v.last_sequence, 49);
    run(&f, ENCODING_JPEG, 20, 1);
    assert_int_equal(reader_n_waiting(&v.reader), 20);
    assert_int_equal(fake_viewer_read(&v, 100), 20); /* within the budget none is lost */
    run(&f, ENCODING_JPEG, 50, 1);
    assert_int_equal(fake_viewer_read(&v, 100), 1);
    assert_int_equal(v.reader.stats.n_dropped[DROP_BUDGET] + v.reader.stats.n_dropped[DROP_RING],
                     49);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

static void test_retransmissions_find_the_last_second(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    struct chunk c;
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_DRIVE);
    run(&f, ENCODING_H264, 100, 2);
    assert_true(reader_recall(&v.reader, 76, &c));
    assert_int_equal(c.sequence, 76);
    assert_int_equal(c.buf->data[0], 76);
    assert_false(reader_recall(&v.reader, 70, &c)); /* 1.2 s */
    assert_false(reader_recall(&v.reader, 100, &c));
    assert_false(reader_recall(&v.reader, 0xfffffff0U, &c));
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

static void test_change_of_track(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    struct fake_viewer slow;
    fake_stream_init(&f, NULL, 0);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    fake_viewer_open(&slow, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    run(&f, ENCODING_H264, 1, 1);
    slow.n_to_read = 0;
    run(&f, ENCODING_H264, 5, 5);
    const struct track bigger = fake_track(CODEC_H264, 1280);
    stream_set_track(f.stream, ENCODING_H264, &bigger);
    run(&f, ENCODING_H264, 3, 0); /* undecodable */
    assert_int_equal(v.n_read, 6);
    run(&f, ENCODING_H264, 2, 2);
    assert_int_equal(v.n_read, 8);
    assert_int_equal(v.n_preambles, 2);
    assert_int_equal(stream_track(f.stream, ENCODING_H264)->size.width, 1280);

    struct chunk c;
    assert_true(reader_next(&slow.reader, f.now_ns, &c)); /* still what was before */
    assert_false(c.is_new_track);
    for (int i = 0; i < 4; i++) {
        assert_true(reader_next(&slow.reader, f.now_ns, &c));
        assert_false(c.is_new_track);
    }
    assert_true(reader_next(&slow.reader, f.now_ns, &c));
    assert_true(c.is_new_track);
    assert_int_equal(c.preamble->size, 5); /* H1280 */

    /* the same again is no change */
    stream_set_track(f.stream, ENCODING_H264, &bigger);
    run(&f, ENCODING_H264, 1, 0);
    assert_int_equal(v.n_read, 9);
    assert_int_equal(v.n_preambles, 2);
    fake_viewer_close(&v);
    fake_viewer_close(&slow);
    fake_stream_finish(&f);
}

static void test_mux_refuses_a_packet(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, 0);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    run(&f, ENCODING_H264, 3, 3);
    struct packet *p = fake_packet(f.now_ns, false, 10);
    p->data[0] = 0xff;
    stream_publish(f.stream, ENCODING_H264, p);
    run(&f, ENCODING_H264, 3, 0);
    assert_int_equal(v.n_read, 6);
    assert_int_equal(v.n_gaps, 1);
    assert_int_equal(stream_encoding_stats(f.stream, ENCODING_H264)->n_dropped[DROP_MUX], 1);
    fake_viewer_close(&v);
    fake_stream_finish(&f);
}

static void test_mux_refuses_the_track(void **state)
{
    struct fake_stream f;
    struct fake_viewer early;
    struct fake_viewer late;
    fake_stream_init(&f, NULL, 0);
    assert_int_equal(fake_viewer_open(&early, &f, ENCODING_JPEG, &fake_mux, MODE_WATCH), 0);
    fake_publish(&f, ENCODING_JPEG, true);
    assert_string_equal(early.end, "the format fake cannot carry this mjpeg stream");
    assert_true(fake_viewer_open(&late, &f, ENCODING_JPEG, &fake_mux, MODE_WATCH) < 0);
    assert_int_equal(stream_n_readers(f.stream), 0);
    fake_stream_finish(&f);
}

static void test_closing_inside_on_ready(void **state)
{
    enum { N = 4 };
    for (int victim = 0; victim < N; victim++) {
        for (int killer = 0; killer < N; killer++) {
            struct fake_stream f;
            struct fake_viewer v[N];
            fake_stream_init(&f, NULL, 0);
            for (int i = 0; i < N; i++) {
                fake_viewer_open(&v[i], &f, ENCODING_H264, i % 2 ? &fake_mux : NULL, MODE_WATCH);
            }
            v[killer].closes = &v[victim];
            run(&f, ENCODING_H264, 4, 4);
            assert_int_equal(stream_n_readers(f.stream), N - 1);
            for (int i = 0; i < N; i++) {
                assert_true(i == victim ? v[i].n_read <= 1 : v[i].n_read == 4);
                fake_viewer_close(&v[i]);
            }
            fake_stream_finish(&f);
        }
    }
}

static void *call_order[8];
static unsigned n_calls;

static void note_call(struct reader *r)
{
    call_order[n_calls++] = r;
}

static void test_on_ready_rotates(void **state)
{
    enum { N = 4 };
    static const struct reader_ops ops = {.on_ready = note_call};
    struct fake_stream f;
    struct reader r[N];
    fake_stream_init(&f, NULL, 0);
    for (int i = 0; i < N; i++) {
        reader_open(&r[i], f.stream, ENCODING_H264, NULL, MODE_WATCH, "fake", &ops, f.now_ns);
    }
    unsigned first_seen = 0;
    for (int round = 0; round < N; round++) {
        n_calls = 0;
        run(&f, ENCODING_H264, 1, 1);
        assert_int_equal(n_calls, N);
        for (int i = 0; i < N; i++) {
            first_seen |= call_order[0] == &r[i] ? 1U << i : 0;
        }
    }
    assert_int_equal(first_seen, (1U << N) - 1); /* each was first once */
    for (int i = 0; i < N; i++) {
        reader_close(&r[i], f.now_ns);
    }
    fake_stream_finish(&f);
}

static void test_sent_is_measured(void **state)
{
    struct fake_stream f;
    struct fake_viewer v;
    fake_stream_init(&f, NULL, 0);
    fake_viewer_open(&v, &f, ENCODING_H264, &fake_mux, MODE_WATCH);
    run(&f, ENCODING_H264, 1, 1);
    struct packet *p = stream_newest_key(f.stream, ENCODING_H264);
    reader_note_sent(&v.reader, p, 120, f.now_ns + 3 * NS_PER_MS);
    const struct protocol_stats *stats = stream_protocol_stats(f.stream, 0);
    assert_string_equal(stats->protocol, "fake");
    assert_int_equal(stats->n_viewers, 1);
    assert_int_equal(stats->n_frames, 1);
    assert_int_equal(stats->n_bytes, 120);
    assert_true(stats->send.recent_ns == 3 * NS_PER_MS);
    assert_int_equal(stream_stage(f.stream, STAGE_SEND)->n, 1);
    assert_null(stream_protocol_stats(f.stream, 1));
    fake_viewer_close(&v);
    assert_int_equal(stats->n_viewers, 0);
    assert_int_equal(stats->n_viewers_total, 1);
    fake_stream_finish(&f);
}

/* Nothing of 500 viewers that come, skip and go stays behind. */
static void test_churn(void **state)
{
    enum { N = 500, ROUNDS = 20 };
    static struct fake_viewer v[N];
    struct fake_stream f;
    uint32_t random = 7;
    size_t heap_bytes = 0;
    fake_stream_init(&f, NULL, PRODUCER_CAN_KEYFRAME);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < N; i++) {
            fake_viewer_open(&v[i], &f, ENCODING_H264, i % 3 ? &fake_mux : NULL,
                             (enum stream_mode)(i % N_MODES));
            if (i % 10 == 0) {
                run(&f, ENCODING_H264, 1, 1);
            }
            random = random * 1664525 + 1013904223;
            v[i].n_to_read = random >> 28;
        }
        assert_int_equal(stream_n_readers(f.stream), N);
        run(&f, ENCODING_H264, 100, 25);
        for (int i = 0; i < N; i++) {
            fake_viewer_close(&v[i]);
        }
        run(&f, ENCODING_H264, 100, 25);
        const size_t now_bytes = mallinfo2().uordblks;
        assert_true(round < 2 || now_bytes < heap_bytes + 4096); /* malloc rounds */
        heap_bytes = round < 2 ? now_bytes : heap_bytes;
    }
    fake_stream_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_muxed_once_for_all),
        cmocka_unit_test(test_joining),
        cmocka_unit_test(test_late_reader_jumps_to_a_near_keyframe),
        cmocka_unit_test(test_late_reader_without_keyframe_wishes_one),
        cmocka_unit_test(test_what_waits_on_the_link_counts),
        cmocka_unit_test(test_drops_of_a_stalled_reader),
        cmocka_unit_test(test_drops_of_a_reader_that_ends),
        cmocka_unit_test(test_wishes_of_a_skipping_reader_are_spaced),
        cmocka_unit_test(test_late_reader_of_a_pipe),
        cmocka_unit_test(test_jpeg_jumps_to_the_newest),
        cmocka_unit_test(test_retransmissions_find_the_last_second),
        cmocka_unit_test(test_change_of_track),
        cmocka_unit_test(test_mux_refuses_a_packet),
        cmocka_unit_test(test_mux_refuses_the_track),
        cmocka_unit_test(test_closing_inside_on_ready),
        cmocka_unit_test(test_on_ready_rotates),
        cmocka_unit_test(test_sent_is_measured),
        cmocka_unit_test(test_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
