/* What mux_ts writes, under a strict checker, and back through ts_reader. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "clip.h"
#include "mux/ts_packet.h"
#include "mux/ts_reader.h"
#include "ts_check.h"

#define N_OF(array)    (sizeof(array) / sizeof((array)[0]))
#define DELIMITER      "\0\0\0\1\x09\xf0"
#define DELIMITER_SIZE 6

/* An access unit of this size whose bytes tell where they stand. */
static struct packet *unit_of(size_t size, unsigned number, unsigned flags, int64_t pts_ns)
{
    static const uint8_t nal[] = {0, 0, 0, 1, 0x65};
    struct packet *p = packet_create(size);
    for (size_t i = 0; i < size; i++) {
        p->data[i] = i < sizeof(nal) ? nal[i] : (uint8_t)(1 + (i * 7 + number) % 251);
    }
    p->size = size;
    p->flags = flags;
    p->pts_ns = pts_ns;
    return p;
}

static struct buf *mux_one(void *mux, const struct packet *p)
{
    struct buf *b = NULL;
    assert_int_equal(mux_ts.packet(mux, p, 0, &b), 0);
    return b;
}

/* Every size around the borders of packets and of the length field comes back as it went in. */
static void test_round_trip(void **state)
{
    static const size_t borders[] = {300, 1000, 65500, 65520, 65521, 65522, 65523, 65524, 200000};
    const struct track track = {.codec = CODEC_H264, .rate = {30, 1}};
    void *mux = clip_open(&mux_ts, &track);
    struct ts_check check;
    struct ts_reader reader;
    ts_check_init(&check);
    ts_reader_init(&reader);
    for (unsigned n = 0; n < 400 + N_OF(borders); n++) {
        const size_t size = n < 400 ? 5 + n : borders[n - 400];
        struct packet *p =
            unit_of(size, n, n % 60 == 0 ? PACKET_KEY : 0, CLIP_PTS_NS + n * NS_PER_S / 30);
        struct buf *b = mux_one(mux, p);
        struct ts_unit unit;
        ts_check_push(&check, buf_bytes(b));
        assert_int_equal(ts_reader_push(&reader, buf_bytes(b)), 0);
        assert_int_equal(ts_reader_pull(&reader, &unit), 0); /* at once, not with the next one */
        assert_int_equal(unit.bytes.size, DELIMITER_SIZE + size);
        assert_memory_equal(unit.bytes.data, DELIMITER, DELIMITER_SIZE);
        assert_memory_equal(unit.bytes.data + DELIMITER_SIZE, p->data, size);
        assert_int_equal(unit.pts, time_rescale(p->pts_ns, 90000, NS_PER_S) + 3600);
        assert_false(unit.is_discontinuity && n > 0);
        assert_int_equal(ts_reader_pull(&reader, &unit), -EAGAIN);
        buf_unref(&b);
        packet_unref(&p);
    }
    assert_int_equal(check.n_units, 400 + N_OF(borders));
    assert_int_equal(check.n_empty, 4); /* behind those of more than 64 KB */
    assert_int_equal(check.n_random_access, 7);
    assert_int_equal(check.n_discontinuities, 1); /* the first packet */
    ts_reader_finish(&reader);
    clip_close(&mux_ts, mux);
}

/* PCR at least every 40 ms, tables at least every 100 ms, at any rate. */
static void test_intervals(void **state)
{
    static const struct {
        struct rational rate;
        size_t size;
        int64_t jitter_ns;
    } rows[] = {
        {{30, 1}, 4000, 0},  {{30, 1}, 4000, 3 * NS_PER_MS},
        {{60, 1}, 100, 0},   {{25, 1}, 20000, 0},
        {{24, 1}, 20000, 0}, {{10, 1}, 4000, 0},
        {{5, 1}, 100000, 0}, {{1, 1}, 100, 0},
        {{15, 1}, 5, 0},     {{30000, 1001}, 4000, 0},
        {{0, 0}, 4000, 0},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        const struct track track = {.codec = CODEC_H264, .rate = rows[i].rate};
        const int64_t frame_ns = track_frame_duration_ns(&track);
        void *mux = clip_open(&mux_ts, &track);
        struct ts_check check;
        ts_check_init(&check);
        for (unsigned n = 0; n < 200; n++) {
            const int64_t jitter_ns = n % 2 ? rows[i].jitter_ns : 0;
            struct packet *p = unit_of(rows[i].size, n, 0, n * frame_ns + jitter_ns);
            struct buf *b = mux_one(mux, p);
            ts_check_push(&check, buf_bytes(b));
            buf_unref(&b);
            packet_unref(&p);
        }
        assert_true(check.clock_interval_max_ns <= 40 * NS_PER_MS + NS_PER_US);
        assert_true(check.tables_interval_max_ns <= 100 * NS_PER_MS);
        /* the clock is the time line itself: no jitter of ours, and never ahead of the picture */
        assert_true(check.lead_min_ns > 39 * NS_PER_MS && check.lead_max_ns < 41 * NS_PER_MS);
        clip_close(&mux_ts, mux);
    }
}

static void test_flags(void **state)
{
    const struct track track = {.codec = CODEC_H264, .rate = {30, 1}};
    void *mux = clip_open(&mux_ts, &track);
    static const unsigned flags[] = {PACKET_KEY, 0, PACKET_KEY | PACKET_DISCONTINUITY, 0};
    struct ts_check check;
    ts_check_init(&check);
    for (unsigned n = 0; n < N_OF(flags); n++) {
        struct packet *p = unit_of(1000, n, flags[n], n * 10 * NS_PER_MS);
        struct buf *b = mux_one(mux, p);
        const unsigned n_pats = check.n_pats;
        const unsigned n_discontinuities = check.n_discontinuities;
        ts_check_push(&check, buf_bytes(b));
        assert_int_equal(check.n_pats - n_pats, (flags[n] & PACKET_KEY) != 0);
        assert_int_equal(check.n_discontinuities - n_discontinuities,
                         n == 0 || (flags[n] & PACKET_DISCONTINUITY));
        buf_unref(&b);
        packet_unref(&p);
    }
    assert_int_equal(check.n_random_access, 2);
    clip_close(&mux_ts, mux);
}

/* 33 bits of 90 kHz end after 26.5 hours. */
static void test_wrap(void **state)
{
    const struct track track = {.codec = CODEC_H264, .rate = {30, 1}};
    void *mux = clip_open(&mux_ts, &track);
    const int64_t wrap_ns = time_rescale(INT64_C(1) << 33, NS_PER_S, 90000);
    struct packet *p = unit_of(100, 0, PACKET_KEY, wrap_ns + NS_PER_S);
    struct buf *b = mux_one(mux, p);
    struct ts_reader reader;
    struct ts_unit unit;
    ts_reader_init(&reader);
    assert_int_equal(ts_reader_push(&reader, buf_bytes(b)), 0);
    assert_int_equal(ts_reader_pull(&reader, &unit), 0);
    assert_in_range(unit.pts, 93599, 93601); /* 1.04 s */
    ts_reader_finish(&reader);
    buf_unref(&b);
    packet_unref(&p);
    clip_close(&mux_ts, mux);
}

/* Frames that a viewer never got, then what it goes on with: nothing is amiss for the checker, nor
 * for the reader, which only hears of a loss. */
static void test_a_viewer_skips(void **state)
{
    const struct track track = {.codec = CODEC_H264, .rate = {30, 1}};
    void *mux = clip_open(&mux_ts, &track);
    struct ts_check check;
    struct ts_reader reader;
    struct ts_unit unit;
    ts_check_init(&check);
    ts_reader_init(&reader);
    for (unsigned n = 0; n < 20; n++) {
        const bool is_skipped = n >= 5 && n < 10;
        struct packet *p = unit_of(1000 + n * 100, n, n % 10 ? 0 : PACKET_KEY, n * NS_PER_S / 30);
        struct buf *b = mux_one(mux, p);
        if (n == 10) {
            struct buf *resume = NULL;
            assert_int_equal(mux_ts.resume(b, &resume), 0);
            ts_check_push(&check, buf_bytes(resume));
            ts_reader_push(&reader, buf_bytes(resume));
            buf_unref(&resume);
        }
        if (!is_skipped) {
            ts_check_push(&check, buf_bytes(b));
            ts_reader_push(&reader, buf_bytes(b));
            assert_int_equal(ts_reader_pull(&reader, &unit), 0);
            assert_int_equal(unit.bytes.size, DELIMITER_SIZE + p->size);
        }
        buf_unref(&b);
        packet_unref(&p);
    }
    assert_int_equal(check.n_units, 15);
    assert_int_equal(check.n_discontinuities, 2); /* the beginning, and this */
    ts_reader_finish(&reader);
    clip_close(&mux_ts, mux);
}

static void test_bad_packets(void **state)
{
    const struct track track = {.codec = CODEC_H264};
    void *mux = clip_open(&mux_ts, &track);
    struct buf *b = NULL;
    struct packet *empty = clip_packet(NULL, 0, 0);
    struct packet *timeless = clip_packet("x", 1, 0);
    timeless->pts_ns = TIME_NONE;
    assert_int_equal(mux_ts.packet(mux, empty, 0, &b), -EBADMSG);
    assert_int_equal(mux_ts.packet(mux, timeless, 0, &b), -EBADMSG);
    assert_null(b);
    packet_unref(&empty);
    packet_unref(&timeless);
    clip_close(&mux_ts, mux);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_flags),          cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_a_viewer_skips), cmocka_unit_test(test_bad_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
