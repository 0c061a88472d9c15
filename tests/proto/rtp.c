#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/time.h"
#include "proto/rtp.h"

static const struct rtp_extension_ids IDS = {
    .playout_delay = 5, .abs_send_time = 3, .abs_capture_time = 7, .mid = 4};

static const struct rtp_header HEADER = {
    .marker = true,
    .payload_type = 102,
    .sequence = 0x1234,
    .timestamp = 0x89abcdef,
    .ssrc = 0xdeadbeef,
};

static void test_bare_header(void **state)
{
    static const uint8_t expected[] = {
        0x80,                   /* V=2 */
        0xe6,                   /* M=1 PT=102 */
        0x12, 0x34,             /* sequence number */
        0x89, 0xab, 0xcd, 0xef, /* timestamp */
        0xde, 0xad, 0xbe, 0xef, /* SSRC */
    };
    uint8_t out[RTP_HEADER_SIZE_MAX];
    assert_int_equal(rtp_write_header(&HEADER, &IDS, &(struct rtp_extensions){0}, out), 12);
    assert_memory_equal(out, expected, 12);
    /* wanted but not negotiated */
    const struct rtp_extensions e = {.has_playout_delay = true, .has_abs_capture_time = true};
    assert_int_equal(rtp_write_header(&HEADER, &(struct rtp_extension_ids){0}, &e, out), 12);
    assert_memory_equal(out, expected, 12);
}

static void test_playout_delay_bytes(void **state)
{
    static const struct {
        uint16_t min_ms, max_ms;
        uint8_t element[4];
    } rows[] = {
        {0, 0, {0x52, 0, 0, 0}},
        {0, 200, {0x52, 0, 0, 20}},
        {10, 40950, {0x52, 0, 0x1f, 0xff}},
        {40950, 10, {0x52, 0xff, 0xf0, 0x01}},
        {65535, 65535, {0x52, 0xff, 0xff, 0xff}}, /* cut to 12 bits */
        {2560, 5120, {0x52, 0x10, 0x02, 0x00}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct rtp_extensions e = {
            .has_playout_delay = true,
            .playout_min_ms = rows[i].min_ms,
            .playout_max_ms = rows[i].max_ms,
        };
        uint8_t out[RTP_HEADER_SIZE_MAX];
        assert_int_equal(rtp_write_header(&HEADER, &IDS, &e, out), 20);
        assert_int_equal(out[0], 0x90);
        assert_memory_equal(out + 12, ((uint8_t[]){0xbe, 0xde, 0, 1}), 4);
        assert_memory_equal(out + 16, rows[i].element, 4);
    }
}

static void test_all_extensions_round_trip(void **state)
{
    const struct rtp_extensions e = {
        .has_playout_delay = true,
        .has_abs_send_time = true,
        .has_abs_capture_time = true,
        .has_capture_clock_offset = true,
        .playout_min_ms = 100,
        .playout_max_ms = 400,
        .abs_send_time = 0xabcdef,
        .abs_capture_ntp = UINT64_C(0xe1e2e3e401020304),
        .capture_clock_offset = -5,
        .mid = bytes_of_text("sixteencharacter"),
    };
    uint8_t out[RTP_HEADER_SIZE_MAX + 3];
    const size_t size = rtp_write_header(&HEADER, &IDS, &e, out);
    assert_true(size <= RTP_HEADER_SIZE_MAX);
    assert_int_equal(size % 4, 0);
    memcpy(out + size, "abc", 3);

    struct rtp_packet p;
    assert_int_equal(rtp_parse(bytes_of(out, size + 3), &p), 0);
    assert_int_equal(p.header_size, size);
    assert_true(p.header.marker);
    assert_int_equal(p.header.payload_type, HEADER.payload_type);
    assert_int_equal(p.header.sequence, HEADER.sequence);
    assert_int_equal(p.header.timestamp, HEADER.timestamp);
    assert_int_equal(p.header.ssrc, HEADER.ssrc);
    assert_true(bytes_equal(p.payload, bytes_of_text("abc")));

    struct rtp_extensions back;
    rtp_read_extensions(&p, &IDS, &back);
    assert_true(back.has_playout_delay && back.has_abs_send_time && back.has_abs_capture_time);
    assert_true(back.has_capture_clock_offset);
    assert_int_equal(back.playout_min_ms, 100);
    assert_int_equal(back.playout_max_ms, 400);
    assert_int_equal(back.abs_send_time, 0xabcdef);
    assert_true(back.abs_capture_ntp == e.abs_capture_ntp);
    assert_true(back.capture_clock_offset == -5);
    assert_true(bytes_equal(back.mid, e.mid));
}

static void test_abs_capture_time_bytes(void **state)
{
    const struct rtp_extensions e = {.has_abs_capture_time = true,
                                     .abs_capture_ntp = UINT64_C(0x0102030405060708)};
    static const uint8_t expected[] = {
        0xbe, 0xde, 0, 3,                         /* three words */
        0x77, 1,    2, 3, 4, 5, 6, 7, 8, 0, 0, 0, /* id 7, 8 bytes; padding */
    };
    uint8_t out[RTP_HEADER_SIZE_MAX];
    assert_int_equal(rtp_write_header(&HEADER, &IDS, &e, out), 12 + sizeof(expected));
    assert_memory_equal(out + 12, expected, sizeof(expected));
}

static void test_abs_send_time_values(void **state)
{
    assert_int_equal(rtp_abs_send_time(0), 0);
    assert_int_equal(rtp_abs_send_time(NS_PER_S), 1 << 18);
    assert_int_equal(rtp_abs_send_time(NS_PER_S / 2), 1 << 17);
    assert_int_equal(rtp_abs_send_time(64 * NS_PER_S), 0);
    assert_int_equal(rtp_abs_send_time(64 * NS_PER_S - 1), 0xffffff);
}

/* --- reading what others send --- */

static void test_two_byte_form(void **state)
{
    static const uint8_t in[] = {
        0x90, 0x60, 0,    1,    0,    0, 0, 2, 0, 0, 0, 3, /* header */
        0x10, 0x00, 0,    3,                               /* two-byte form, three words */
        5,    3,    0x00, 0x00, 0x14,                      /* playout delay 0/200 */
        0,                                                 /* padding */
        200,  0,                                           /* an empty element */
        4,    1,    'v',  0,                               /* mid */
        0x65,                                              /* payload */
    };
    struct rtp_packet p;
    assert_int_equal(rtp_parse(bytes_of(in, sizeof(in)), &p), 0);
    struct rtp_extensions e;
    rtp_read_extensions(&p, &IDS, &e);
    assert_true(e.has_playout_delay);
    assert_int_equal(e.playout_max_ms, 200);
    assert_true(bytes_equal(e.mid, bytes_of_text("v")));
    assert_false(e.has_abs_send_time);
}

static void test_csrc_and_padding(void **state)
{
    static const uint8_t in[] = {
        0xa2, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, /* P, CC=2 */
        0,    0,    0, 9, 0, 0, 0, 8,             /* CSRCs */
        0x41, 0x42, 0, 0, 3,                      /* payload, padding of 3 */
    };
    struct rtp_packet p;
    assert_int_equal(rtp_parse(bytes_of(in, sizeof(in)), &p), 0);
    assert_int_equal(p.header_size, 20);
    assert_true(bytes_equal(p.payload, bytes_of_text("AB")));
}

static void test_malformed(void **state)
{
    static const struct {
        const char *name;
        uint8_t in[24];
        size_t size;
    } rows[] = {
        {"empty", {0}, 0},
        {"11 bytes", {0x80, 0x60}, 11},
        {"version 1", {0x40, 0x60}, 12},
        {"CSRCs missing", {0x81, 0x60}, 15},
        {"extension header missing", {0x90, 0x60}, 15},
        {"extension longer than packet", {0x90, 0x60, [12] = 0xbe, 0xde, 0, 1}, 19},
        {"padding of 0", {0xa0, 0x60}, 13},
        {"padding longer than payload", {0xa0, 0x60, [13] = 3}, 14},
        {"padding flag without payload", {0xa0, 0x60}, 12},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rtp_packet p;
        if (rtp_parse(bytes_of(rows[i].in, rows[i].size), &p) != -EBADMSG) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void test_malformed_extensions_are_absent(void **state)
{
    static const struct {
        const char *name;
        uint8_t form[2], elements[8];
    } rows[] = {
        {"element longer than the rest", {0xbe, 0xde}, {0, 0, 0, 0, 0, 0, 0x52, 0}},
        {"behind a stop", {0xbe, 0xde}, {0xf0, 0, 0x52, 0, 0, 0, 0, 0}},
        {"behind id 0 with a length", {0xbe, 0xde}, {0x02, 0, 0, 0, 0x52, 0, 0, 0}},
        {"wrong size", {0xbe, 0xde}, {0x51, 0, 0, 0x51, 0, 0, 0, 0}},
        {"two-byte form cut", {0x10, 0x00}, {0, 0, 0, 0, 0, 0, 0, 5}},
        {"two-byte length lies", {0x10, 0x0f}, {5, 9, 0, 0, 0, 0, 0, 0}},
        {"another profile", {0xab, 0xcd}, {0x52, 0, 0, 0, 0x52, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t in[24] = {0x90, 0x60, [15] = 2};
        memcpy(in + 12, rows[i].form, 2);
        memcpy(in + 16, rows[i].elements, 8);
        struct rtp_packet p;
        assert_int_equal(rtp_parse(bytes_of(in, sizeof(in)), &p), 0);
        struct rtp_extensions e;
        rtp_read_extensions(&p, &IDS, &e);
        if (e.has_playout_delay || e.mid.size > 0) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void test_rtx_restored(void **state)
{
    static const uint8_t in[] = {
        0x80, 0xe7, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, /* RTX stream's header */
        0x12, 0x34,                               /* OSN */
        0x41, 0x42,
    };
    struct rtp_packet rtx, p;
    assert_int_equal(rtp_parse(bytes_of(in, sizeof(in)), &rtx), 0);
    assert_int_equal(rtp_restore_rtx(&rtx, 102, 77, &p), 0);
    assert_int_equal(p.header.sequence, 0x1234);
    assert_int_equal(p.header.payload_type, 102);
    assert_int_equal(p.header.ssrc, 77);
    assert_int_equal(p.header.timestamp, 2);
    assert_true(p.header.marker);
    assert_true(bytes_equal(p.payload, bytes_of_text("AB")));
    rtx.payload.size = 1;
    assert_int_equal(rtp_restore_rtx(&rtx, 102, 77, &p), -EBADMSG);
}

static void test_extended_sequences(void **state)
{
    static const struct {
        uint64_t reference;
        uint16_t sequence;
        uint64_t expected;
    } rows[] = {
        {100, 101, 101},
        {100, 99, 99},
        {0xffff, 0, 0x10000},
        {0x10000, 0xffff, 0xffff},
        {0x2fff0, 0x10, 0x30010},
        {0x30010, 0xfff0, 0x2fff0},
        {10, 0xfff0, 0xfff0}, /* nothing lies before the first index */
        {0x18000, 0x0001, 0x10001},
        {UINT64_C(0xffff0000fffe), 2, UINT64_C(0xffff00010002)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(rtp_extend_sequence(rows[i].reference, rows[i].sequence) == rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare_header),
        cmocka_unit_test(test_playout_delay_bytes),
        cmocka_unit_test(test_all_extensions_round_trip),
        cmocka_unit_test(test_abs_capture_time_bytes),
        cmocka_unit_test(test_abs_send_time_values),
        cmocka_unit_test(test_two_byte_form),
        cmocka_unit_test(test_csrc_and_padding),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_malformed_extensions_are_absent),
        cmocka_unit_test(test_rtx_restored),
        cmocka_unit_test(test_extended_sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
