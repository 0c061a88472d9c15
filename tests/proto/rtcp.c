#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/time.h"
#include "hex.h"
#include "proto/rtcp.h"

enum { OURS = 0x11111111, THEIRS = 0x22222222, MEDIA = 0x33333333, ITEMS_MAX = 64 };

/* All items of a packet; their number. */
static unsigned read_all(struct bytes in, struct rtcp_item out[ITEMS_MAX], bool *error)
{
    struct rtcp_reader r;
    unsigned n = 0;
    rtcp_reader_init(&r, in);
    while (n < ITEMS_MAX && rtcp_reader_next(&r, &out[n])) {
        n++;
    }
    *error = r.error;
    return n;
}

static unsigned read_hex(const char *hex, struct rtcp_item out[ITEMS_MAX], bool *error)
{
    uint8_t in[512];
    return read_all(bytes_of(in, hex_read(hex, in, sizeof(in))), out, error);
}

/* --- bytes that others send --- */

static void test_browser_receiver_report(void **state)
{
    struct rtcp_item items[ITEMS_MAX];
    bool error;
    assert_int_equal(read_hex("81c90007 22222222" /* RR, one block */
                              "33333333"          /* source */
                              "40 fffffe"         /* 25 % lost, cumulative -2 */
                              "00012345"          /* extended highest sequence number */
                              "0000000a 89abcdef 00010000"
                              "81ca0002 22222222 01006100" /* SDES: skipped */
                              "8fce0005 22222222 00000000 52454d42 01 0bd090 33333333", /* REMB */
                              items, &error),
                     2);
    assert_false(error);
    assert_int_equal(items[0].type, RTCP_REPORT_BLOCK);
    assert_int_equal(items[0].sender_ssrc, THEIRS);
    assert_int_equal(items[0].media_ssrc, MEDIA);
    assert_int_equal(items[0].block.fraction_lost, 64);
    assert_int_equal(items[0].block.n_lost, -2);
    assert_int_equal(items[0].block.highest_sequence, 0x12345);
    assert_int_equal(items[0].block.jitter, 10);
    assert_int_equal(items[0].block.lsr, 0x89abcdef);
    assert_int_equal(items[0].block.dlsr, 65536);
    assert_int_equal(items[1].type, RTCP_REMB);
    assert_int_equal(items[1].media_ssrc, MEDIA);
    assert_int_equal(items[1].bitrate_bps, 0x3d090 << 2); /* exponent 2: 1,000,000 bit/s */
}

static void test_nack_is_expanded(void **state)
{
    static const uint16_t expected[] = {0xfffe, 0xffff, 0x000e, 100};
    struct rtcp_item items[ITEMS_MAX];
    bool error;
    assert_int_equal(read_hex("81cd0004 22222222 33333333 fffe8001 00640000", items, &error), 4);
    assert_false(error);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(items[i].type, RTCP_NACK);
        assert_int_equal(items[i].media_ssrc, MEDIA);
        assert_int_equal(items[i].sequence, expected[i]);
    }
}

static void test_remb_values(void **state)
{
    static const struct {
        const char *rate;
        uint64_t expected;
    } rows[] = {
        {"000001", 1},
        {"03ffff", 0x3ffff},
        {"060000", 0x20000 << 1},
        {"fc0000", 0},
        {"b7ffff", UINT64_C(0x3ffff) << 45},
        {"fc0001", UINT64_MAX}, /* beyond 64 bits */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char hex[128];
        struct rtcp_item items[ITEMS_MAX];
        bool error;
        snprintf(hex, sizeof(hex), "8fce0004 22222222 00000000 52454d42 00 %s", rows[i].rate);
        assert_int_equal(read_hex(hex, items, &error), 1);
        assert_true(items[0].bitrate_bps == rows[i].expected);
    }
}

static void test_what_we_do_not_know_is_skipped(void **state)
{
    struct rtcp_item items[ITEMS_MAX];
    bool error;
    assert_int_equal(read_hex("8fcd0005 22222222 33333333 00010002 00000301 20020400" /* TWCC */
                              "8bcd0003 22222222 33333333 00000000"                   /* CCFB */
                              "80cc0002 22222222 6e616d65"                            /* APP */
                              "8fce0003 22222222 33333333 41424344"           /* another AFB */
                              "82ce0002 22222222 33333333"                    /* SLI */
                              "80d20000"                                      /* unassigned */
                              "80cf0004 22222222 01000001 00000000 04000002", /* cut XR block */
                              items, &error),
                     0);
    assert_true(error); /* of the last */
    assert_int_equal(read_hex("8fcd0005 22222222 33333333 00010002 00000301 20020400"
                              "81ce0002 22222222 33333333",
                              items, &error),
                     1);
    assert_false(error);
    assert_int_equal(items[0].type, RTCP_PLI);
}

static void test_padding(void **state)
{
    struct rtcp_item items[ITEMS_MAX];
    bool error;
    assert_int_equal(
        read_hex("a1cd0005 22222222 33333333 00640000 00000000 00000008", items, &error), 1);
    assert_false(error);
    assert_int_equal(items[0].sequence, 100);
}

static const struct {
    const char *name, *hex;
    unsigned n_items; /* before the error */
} malformed[] = {
    {"version 1", "41c90001 22222222", 0},
    {"3 bytes", "81c900", 0},
    {"length beyond the end", "80c90002 22222222", 0},
    {"no sender", "80c90000", 0},
    {"half a report block", "81c90003 22222222 33333333 00000000", 0},
    {"31 blocks told, one there",
     "9fc90007 22222222 33333333 40fffffe 00012345 0000000a 89abcdef 00010000", 1},
    {"SR without its info", "80c80001 22222222", 0},
    {"feedback without media", "81cd0001 22222222", 0},
    {"FIR of 4 bytes", "84ce0003 22222222 00000000 33333333", 0},
    {"REMB names more SSRCs than there are",
     "8fce0005 22222222 00000000 52454d42 02000001 33333333", 0},
    {"REMB without a rate", "8fce0003 22222222 00000000 52454d42", 0},
    {"BYE of two, one there", "82cb0001 22222222", 1},
    {"XR block beyond the packet", "80cf0002 22222222 04000002", 0},
    {"RRTR of 4 bytes", "80cf0003 22222222 04000001 00000000", 0},
    {"DLRR of 8 bytes", "80cf0004 22222222 05000002 00000000 00000000", 0},
    {"padding of 0", "a0c90001 22222200", 0},
    {"padding beyond the packet", "a0c90001 00000009", 0},
    {"good, then bad", "81ce0002 22222222 33333333 00", 1},
};

static void test_malformed(void **state)
{
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        struct rtcp_item items[ITEMS_MAX];
        bool error;
        const unsigned n = read_hex(malformed[i].hex, items, &error);
        if (n != malformed[i].n_items || !error) {
            fail_msg("%s: %u items, error %d", malformed[i].name, n, error);
        }
    }
}

/* --- what we write, read back --- */

static void test_sender_report(void **state)
{
    const struct rtcp_sender_report sr = {
        .ntp = UINT64_C(0x0102030405060708),
        .rtp_timestamp = 0x11121314,
        .n_packets = 21,
        .n_bytes = 31,
    };
    uint8_t out[64], expected[64];
    struct byte_writer w;
    byte_writer_init(&w, out, sizeof(out));
    rtcp_write_sr(&w, OURS, &sr);
    rtcp_write_cname(&w, OURS, bytes_of_text("ab"));
    const size_t size = hex_read("80c80006 11111111 01020304 05060708 11121314 00000015 0000001f"
                                 "81ca0003 11111111 01026162 00000000",
                                 expected, sizeof(expected));
    assert_false(w.error);
    assert_int_equal(byte_writer_size(&w), size);
    assert_memory_equal(out, expected, size);

    struct rtcp_item items[ITEMS_MAX];
    bool error;
    assert_int_equal(read_all(bytes_of(out, size), items, &error), 1);
    assert_false(error);
    assert_int_equal(items[0].type, RTCP_SENDER_REPORT);
    assert_int_equal(items[0].sender_ssrc, OURS);
    assert_true(items[0].sr.ntp == sr.ntp);
    assert_int_equal(items[0].sr.rtp_timestamp, sr.rtp_timestamp);
    assert_int_equal(items[0].sr.n_packets, 21);
    assert_int_equal(items[0].sr.n_bytes, 31);
}

static void test_cname_sizes(void **state)
{
    for (size_t n = 0; n < 9; n++) {
        uint8_t out[64];
        struct byte_writer w;
        struct rtcp_item items[ITEMS_MAX];
        bool error;
        byte_writer_init(&w, out, sizeof(out));
        rtcp_write_cname(&w, OURS, bytes_of("abcdefghi", n));
        assert_int_equal(byte_writer_size(&w) % 4, 0);
        assert_int_equal(out[byte_writer_size(&w) - 1], 0);
        read_all(bytes_of(out, byte_writer_size(&w)), items, &error);
        assert_false(error);
    }
}

static void test_client_compound(void **state)
{
    const struct rtcp_report_block blocks[2] = {
        {.ssrc = MEDIA, .fraction_lost = 3, .n_lost = 100, .highest_sequence = 0x20001, .lsr = 5},
        {.ssrc = 9, .n_lost = -0x900000, .jitter = 7, .dlsr = 8},
    };
    const uint16_t lost[] = {65530, 65531, 10, 11, 12, 40};
    const uint32_t ssrcs[] = {MEDIA, 9};
    uint8_t out[256];
    struct byte_writer w;
    byte_writer_init(&w, out, sizeof(out));
    rtcp_write_rr(&w, OURS, blocks, 2);
    rtcp_write_nack(&w, OURS, MEDIA, lost, 6);
    rtcp_write_pli(&w, OURS, MEDIA);
    rtcp_write_fir(&w, OURS, MEDIA, 77);
    rtcp_write_remb(&w, OURS, 4000001, ssrcs, 2);
    rtcp_write_rrtr(&w, OURS, UINT64_C(0x0102030405060708));
    rtcp_write_dlrr(&w, OURS, THEIRS, 55, 66);
    rtcp_write_bye(&w, ssrcs, 2);
    assert_false(w.error);

    struct rtcp_item items[ITEMS_MAX];
    bool error;
    assert_int_equal(read_all(bytes_of(out, byte_writer_size(&w)), items, &error), 16);
    assert_false(error);
    assert_int_equal(items[0].block.n_lost, 100);
    assert_int_equal(items[0].block.highest_sequence, 0x20001);
    assert_int_equal(items[1].media_ssrc, 9);
    assert_int_equal(items[1].block.n_lost, -0x800000); /* clamped */
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(items[2 + i].type, RTCP_NACK);
        assert_int_equal(items[2 + i].sequence, lost[i]);
    }
    assert_int_equal(items[8].type, RTCP_PLI);
    assert_int_equal(items[8].media_ssrc, MEDIA);
    assert_int_equal(items[9].type, RTCP_FIR);
    assert_int_equal(items[9].media_ssrc, MEDIA);
    assert_int_equal(items[9].fir_sequence, 77);
    assert_int_equal(items[10].type, RTCP_REMB);
    assert_int_equal(items[10].media_ssrc, MEDIA);
    assert_int_equal(items[10].bitrate_bps, 4000000); /* rounded down to 18 bits */
    assert_int_equal(items[11].media_ssrc, 9);
    assert_int_equal(items[12].type, RTCP_RRTR);
    assert_true(items[12].ntp == UINT64_C(0x0102030405060708));
    assert_int_equal(items[13].type, RTCP_DLRR);
    assert_int_equal(items[13].media_ssrc, THEIRS);
    assert_int_equal(items[13].lrr, 55);
    assert_int_equal(items[13].dlrr, 66);
    assert_int_equal(items[14].type, RTCP_BYE);
    assert_int_equal(items[15].media_ssrc, 9);

    for (size_t capacity = 0; capacity < byte_writer_size(&w); capacity += 4) {
        struct byte_writer small;
        byte_writer_init(&small, out, capacity);
        rtcp_write_rr(&small, OURS, blocks, 2);
        rtcp_write_nack(&small, OURS, MEDIA, lost, 6);
        rtcp_write_remb(&small, OURS, 1, ssrcs, 2);
        rtcp_write_bye(&small, ssrcs, 2);
        assert_true(byte_writer_size(&small) <= capacity);
    }
}

static void test_nack_folding(void **state)
{
    const uint16_t lost[] = {100, 101, 116, 117};
    uint8_t out[64], expected[64];
    struct byte_writer w;
    byte_writer_init(&w, out, sizeof(out));
    rtcp_write_nack(&w, OURS, MEDIA, lost, 4);
    const size_t size =
        hex_read("81cd0004 11111111 33333333 00648001 00750000", expected, sizeof(expected));
    assert_int_equal(byte_writer_size(&w), size);
    assert_memory_equal(out, expected, size);
}

/* --- time --- */

static void test_round_trip_time(void **state)
{
    /* RFC 3550 §6.4.1, figure 2: A = b710:8000, LSR = b705:2000, DLSR = 5.250 s: 6.125 s */
    assert_true(rtcp_round_trip_ns(UINT64_C(0xb7108000) << 16, 0xb7052000, 0x00054000) ==
                6125 * NS_PER_MS);
    static const struct {
        uint32_t now, lsr, dlsr;
        int64_t expected;
    } rows[] = {
        {0x10000, 0, 0, TIME_NONE},       /* no SR yet */
        {0x10000, 0x10001, 0, 0},         /* rounding */
        {0x10000, 0x20000, 0, TIME_NONE}, /* from the future */
        {0x10000, 0x8000, 0xffffff, TIME_NONE},
        {0x00000100, 0xffffff00, 0, NS_PER_S / 128}, /* over the wrap */
        {0x01000000, 0x00000001, 0, TIME_NONE},      /* 256 s: a liar */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(rtcp_round_trip_ns((uint64_t)rows[i].now << 16, rows[i].lsr, rows[i].dlsr) ==
                    rows[i].expected);
    }
}

static void test_delay(void **state)
{
    assert_int_equal(rtcp_delay(0), 0);
    assert_int_equal(rtcp_delay(-1), 0);
    assert_int_equal(rtcp_delay(NS_PER_S), 65536);
    assert_int_equal(rtcp_delay(INT64_MAX), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_browser_receiver_report),
        cmocka_unit_test(test_nack_is_expanded),
        cmocka_unit_test(test_remb_values),
        cmocka_unit_test(test_what_we_do_not_know_is_skipped),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_sender_report),
        cmocka_unit_test(test_cname_sizes),
        cmocka_unit_test(test_client_compound),
        cmocka_unit_test(test_nack_folding),
        cmocka_unit_test(test_round_trip_time),
        cmocka_unit_test(test_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
