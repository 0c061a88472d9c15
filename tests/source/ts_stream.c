#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "mux/mux.h"
#include "sample.h"
#include "bitstream/access_unit.h"
#include "source/ts_stream.h"

static void test_detect(void **state)
{
    static const struct {
        size_t size;
        uint8_t first;
        uint8_t second; /* a packet later */
        int result;
        bool is_ts;
    } rows[] = {
        {400, 0x47, 0x47, 0, true},        {189, 0x47, 0x47, 0, true},   {400, 0x47, 0, 0, false},
        {188, 0x47, 0x47, -EAGAIN, false}, {1, 0x47, 0, -EAGAIN, false}, {1, 0, 0, 0, false},
        {400, 0, 0x47, 0, false},          {0, 0, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[400] = {rows[i].first, [188] = rows[i].second};
        bool is_ts = false;
        assert_int_equal(ts_stream_detect(bytes_of(bytes, rows[i].size), &is_ts), rows[i].result);
        assert_int_equal(is_ts, rows[i].is_ts);
    }
}

/* The sample's access units as MPEG-TS, the first at start_ns, then in these steps. */
static void feed(struct ts_stream *s, int64_t start_ns, const int64_t *steps_ns)
{
    const struct track track = {.codec = CODEC_H264, .rate = {30, 1}};
    uint8_t state[1024];
    struct access_unit units;
    struct packet *p;
    struct buf *sample = sample_read("baseline.h264");
    assert_true(mux_ts.state_size <= sizeof(state));
    assert_int_equal(mux_ts.open(state, &track), 0);
    access_unit_init(&units);
    access_unit_push(&units, buf_bytes(sample), 0);
    int64_t pts_ns = start_ns;
    for (unsigned n = 0; access_unit_pull(&units, &p) == 0; n++) {
        struct buf *b = NULL;
        pts_ns += n > 0 ? steps_ns[n % 2] : 0;
        p->pts_ns = pts_ns;
        assert_int_equal(mux_ts.packet(state, p, n, &b), 0);
        assert_int_equal(ts_stream_push(s, buf_bytes(b)), 0);
        buf_unref(&b);
        packet_unref(&p);
    }
    access_unit_finish(&units);
    buf_unref(&sample);
    mux_ts.close(state);
}

/* From 0, over the end of the 33 bits, in the steps in which they were sent. */
static void test_times(void **state)
{
    static const int64_t steps_ns[] = {40 * NS_PER_MS, 20 * NS_PER_MS};
    const int64_t wrap_ns = time_rescale(INT64_C(1) << 33, NS_PER_S, 90000);
    const int64_t starts_ns[] = {0, 5 * NS_PER_S, wrap_ns - 100 * NS_PER_MS};
    for (unsigned i = 0; i < 3; i++) {
        struct ts_stream s;
        struct packet *p;
        unsigned n = 0;
        int64_t expected_ns = 0;
        ts_stream_init(&s);
        feed(&s, starts_ns[i], steps_ns);
        while (ts_stream_pull(&s, &p) == 0) {
            expected_ns += n > 0 ? steps_ns[n % 2] : 0;
            assert_true(p->pts_ns >= expected_ns - 20 * NS_PER_US &&
                        p->pts_ns <= expected_ns + 20 * NS_PER_US);
            assert_int_equal(packet_is_key(p), n % 5 == 0);
            packet_unref(&p);
            n++;
        }
        assert_true(n > 4);
        assert_int_equal(s.normal.track.codec, CODEC_H264);
        ts_stream_finish(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detect),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
