/* Transport streams as others write them, and damaged ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "mux/ts_reader.h"

enum { PMT = 0x20, VIDEO = 0x41, AUDIO = 0x42, OUT_MAX = 64 };

/* A transport stream being written, packet by packet. */
struct stream {
    uint8_t bytes[OUT_MAX * TS_PACKET_SIZE];
    struct byte_writer w;
    struct ts_pid pat;
    struct ts_pid pmt;
    struct ts_pid video;
};

static const struct ts_adaptation plain = {.clock = TIME_NONE};

static void begin(struct stream *s)
{
    static const struct ts_program program = {
        .clock_pid = VIDEO,
        .n_streams = 2,
        .streams = {{0x0f, AUDIO}, {TS_STREAM_H264, VIDEO}}, /* AAC first */
    };
    byte_writer_init(&s->w, s->bytes, sizeof(s->bytes));
    s->pat = (struct ts_pid){.pid = 0, .continuity = 9};
    s->pmt = (struct ts_pid){.pid = PMT};
    s->video = (struct ts_pid){.pid = VIDEO, .continuity = 14};
    ts_psi_write_pat(&s->w, &s->pat, PMT);
    ts_psi_write_pmt(&s->w, &s->pmt, &program);
}

/* size bytes of filler behind a header; has_length false: 0 is said. */
static void write_unit(struct stream *s, char filler, size_t size, int64_t pts, bool has_length)
{
    uint8_t head[TS_PES_HEADER_SIZE];
    uint8_t body[2000];
    struct byte_writer h;
    byte_writer_init(&h, head, sizeof(head));
    ts_pes_write_header(&h, 0xe0, pts, has_length ? size : 100000);
    memset(body, filler, size);
    struct ts_payload payload = {bytes_of(head, byte_writer_size(&h)), bytes_of(body, size)};
    for (bool is_start = true; ts_payload_left(&payload) > 0; is_start = false) {
        ts_packet_write(&s->w, &s->video, is_start, &plain, &payload);
    }
}

static struct bytes written(const struct stream *s)
{
    return bytes_of(s->bytes, byte_writer_size(&s->w));
}

static void assert_unit(struct ts_reader *r, char filler, size_t size, bool is_discontinuity)
{
    struct ts_unit unit;
    assert_int_equal(ts_reader_pull(r, &unit), 0);
    assert_int_equal(unit.bytes.size, size);
    assert_int_equal(unit.bytes.data[0], filler);
    assert_int_equal(unit.bytes.data[size - 1], filler);
    assert_int_equal(unit.is_discontinuity, is_discontinuity);
}

static void assert_nothing(struct ts_reader *r)
{
    struct ts_unit unit;
    assert_int_equal(ts_reader_pull(r, &unit), -EAGAIN);
}

static void test_without_length_a_unit_ends_with_the_next(void **state)
{
    struct stream s;
    struct ts_reader r;
    begin(&s);
    write_unit(&s, 'a', 1000, 1, false);
    ts_reader_init(&r);
    ts_reader_push(&r, written(&s));
    assert_nothing(&r);
    begin(&s);
    s.video.continuity = 14 + 6;
    write_unit(&s, 'b', 500, 2, true);
    ts_reader_push(&r, written(&s));
    assert_unit(&r, 'a', 1000, false);
    assert_unit(&r, 'b', 500, false);
    assert_nothing(&r);
    ts_reader_finish(&r);
}

static void flush_and_assert(struct ts_reader *r, char filler, size_t size)
{
    struct ts_unit unit;
    assert_int_equal(ts_reader_flush(r, &unit), 0);
    assert_int_equal(unit.bytes.size, size);
    assert_int_equal(unit.bytes.data[0], filler);
    assert_int_equal(ts_reader_flush(r, &unit), -EAGAIN);
}

static void push_one(struct ts_reader *r, struct stream *s, char filler, size_t size)
{
    byte_writer_init(&s->w, s->bytes, sizeof(s->bytes));
    write_unit(s, filler, size, 1, false);
    ts_reader_push(r, written(s));
}

/* From a muxer that says no lengths, stuffing is the end, as soon as that was seen to hold. */
static void test_stuffing_is_the_end(void **state)
{
    enum { FULL = 5 * 184 - TS_PES_HEADER_SIZE }; /* no room for stuffing */
    struct stream s;
    struct ts_reader r;
    ts_reader_init(&r);
    begin(&s);
    ts_reader_push(&r, written(&s));
    push_one(&r, &s, 'a', 1000);
    for (unsigned n = 0; n < TS_READER_STUFFED_ENDS - 1; n++) {
        assert_nothing(&r);
        push_one(&r, &s, 'a', 1000);
        assert_unit(&r, 'a', 1000, false);
    }
    push_one(&r, &s, 'b', 500);
    assert_unit(&r, 'a', 1000, false);
    assert_unit(&r, 'b', 500, false);
    push_one(&r, &s, 'c', FULL);
    assert_nothing(&r);
    push_one(&r, &s, 'd', 500);
    assert_unit(&r, 'c', FULL, false);
    assert_unit(&r, 'd', 500, false);
    push_one(&r, &s, 'e', FULL);
    assert_nothing(&r);
    flush_and_assert(&r, 'e', FULL);
    ts_reader_finish(&r);
}

static void test_any_cut(void **state)
{
    struct stream s;
    begin(&s);
    write_unit(&s, 'a', 1000, 1, true);
    write_unit(&s, 'b', 10, 2, true);
    for (size_t cut = 1; cut < 400; cut += 13) {
        struct ts_reader r;
        unsigned n_units = 0;
        ts_reader_init(&r);
        for (size_t at = 0; at < written(&s).size; at += cut) {
            const size_t left = written(&s).size - at;
            struct ts_unit unit;
            ts_reader_push(&r, bytes_of(s.bytes + at, left < cut ? left : cut));
            while (ts_reader_pull(&r, &unit) == 0) {
                assert_int_equal(unit.bytes.size, n_units == 0 ? 1000 : 10);
                n_units++;
            }
        }
        assert_int_equal(n_units, 2);
        ts_reader_finish(&r);
    }
}

static void test_bytes_in_between_are_skipped(void **state)
{
    static const uint8_t junk[] = "GGGG not a packet G";
    struct stream s;
    struct ts_reader r;
    ts_reader_init(&r);
    begin(&s);
    write_unit(&s, 'a', 1000, 1, true);
    ts_reader_push(&r, bytes_of(junk, sizeof(junk)));
    ts_reader_push(&r, written(&s));
    ts_reader_push(&r, bytes_of(junk, sizeof(junk)));
    assert_unit(&r, 'a', 1000, false);
    byte_writer_init(&s.w, s.bytes, sizeof(s.bytes));
    write_unit(&s, 'b', 1000, 2, true);
    ts_reader_push(&r, written(&s));
    assert_unit(&r, 'b', 1000, false);
    ts_reader_finish(&r);
}

static void test_a_lost_packet_costs_its_unit(void **state)
{
    struct stream s;
    struct ts_reader r;
    ts_reader_init(&r);
    begin(&s);
    write_unit(&s, 'a', 1000, 1, true); /* packets 2 to 7 */
    write_unit(&s, 'b', 1000, 2, true);
    write_unit(&s, 'c', 1000, 3, true);
    const size_t lost = 10 * TS_PACKET_SIZE;
    ts_reader_push(&r, bytes_of(s.bytes, lost));
    ts_reader_push(
        &r, bytes_of(s.bytes + lost + TS_PACKET_SIZE, written(&s).size - lost - TS_PACKET_SIZE));
    assert_unit(&r, 'a', 1000, false);
    assert_unit(&r, 'c', 1000, true);
    ts_reader_finish(&r);
}

static void test_a_repeated_packet_is_left_out(void **state)
{
    struct stream s;
    struct ts_reader r;
    ts_reader_init(&r);
    begin(&s);
    write_unit(&s, 'a', 1000, 1, true);
    const size_t twice = 4 * TS_PACKET_SIZE;
    ts_reader_push(&r, bytes_of(s.bytes, twice));
    ts_reader_push(
        &r, bytes_of(s.bytes + twice - TS_PACKET_SIZE, written(&s).size - twice + TS_PACKET_SIZE));
    assert_unit(&r, 'a', 1000, false);
    assert_nothing(&r);
    ts_reader_finish(&r);
}

/* A table with a wrong CRC does not count: the stream is not found. */
static void test_damaged_tables(void **state)
{
    struct stream s;
    struct ts_reader r;
    ts_reader_init(&r);
    begin(&s);
    s.bytes[2 * TS_PACKET_SIZE - 1] ^= 1; /* of the PMT's CRC */
    write_unit(&s, 'a', 1000, 1, true);
    ts_reader_push(&r, written(&s));
    assert_nothing(&r);
    ts_reader_finish(&r);
}

static void test_a_push_has_a_limit(void **state)
{
    struct ts_reader r;
    ts_reader_init(&r);
    assert_int_equal(ts_reader_push(&r, bytes_of("", TS_READER_PUSH_MAX + 1)), -EMSGSIZE);
    ts_reader_finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_length_a_unit_ends_with_the_next),
        cmocka_unit_test(test_stuffing_is_the_end),
        cmocka_unit_test(test_any_cut),
        cmocka_unit_test(test_bytes_in_between_are_skipped),
        cmocka_unit_test(test_a_lost_packet_costs_its_unit),
        cmocka_unit_test(test_a_repeated_packet_is_left_out),
        cmocka_unit_test(test_damaged_tables),
        cmocka_unit_test(test_a_push_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
