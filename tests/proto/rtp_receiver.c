/* The receiver: order, holes, what it asks for and reports. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/rtcp.h"
#include "proto/rtp_receiver.h"

#define MS      NS_PER_MS
#define REAL_NS (INT64_C(1700000000) * NS_PER_S)

enum { SSRC = 7, MEDIA = 0x1111, RTX = 0x2222, TYPE = 96, RTX_TYPE = 97, FIRST = 65534 };

static struct rtp_receiver *start(void)
{
    const struct rtp_receiver_config config = {
        .ssrc = SSRC, .payload_type = TYPE, .rtx_payload_type = RTX_TYPE, .has_rtx = true};
    struct rtp_receiver *r = malloc(sizeof(*r));
    assert_non_null(r);
    rtp_receiver_init(r, &config);
    return r;
}

static void stop(struct rtp_receiver *r)
{
    rtp_receiver_finish(r);
    free(r);
}

/* Packet i of a stream that begins shortly before the sequence number's rollover. */
static int push(struct rtp_receiver *r, unsigned i, bool marker, bool is_key, bool is_repeat,
                int64_t now_ns)
{
    const struct rtp_extension_ids ids = {0};
    const struct rtp_extensions none = {0};
    const struct rtp_header header = {
        .marker = marker,
        .payload_type = is_repeat ? RTX_TYPE : TYPE,
        .sequence = is_repeat ? 500 : (uint16_t)(FIRST + i),
        .timestamp = 3000 * i,
        .ssrc = is_repeat ? RTX : MEDIA,
    };
    uint8_t out[RTP_HEADER_SIZE_MAX + 8];
    size_t size = rtp_write_header(&header, &ids, &none, out);
    if (is_repeat) {
        bytes_put_u16(out + size, (uint16_t)(FIRST + i));
        size += RTP_OSN_SIZE;
    }
    out[size] = is_key ? 0x67 : 0x41; /* SPS; slice */
    out[size + 1] = (uint8_t)i;
    return rtp_receiver_push(r, bytes_of(out, size + 2), now_ns);
}

static void check_pull(struct rtp_receiver *r, unsigned i, bool marker, int64_t now_ns)
{
    struct rtp_receiver_payload p;
    assert_true(rtp_receiver_pull(r, now_ns, &p));
    assert_int_equal(p.sequence, (uint16_t)(FIRST + i));
    assert_int_equal(p.timestamp, 3000 * i);
    assert_int_equal(p.marker, marker);
    assert_int_equal(p.bytes.size, 2);
    assert_int_equal(p.bytes.data[1], i);
}

static void check_none(struct rtp_receiver *r, int64_t now_ns)
{
    struct rtp_receiver_payload p;
    assert_false(rtp_receiver_pull(r, now_ns, &p));
}

struct said {
    unsigned n_nacks, n_plis, n_blocks, n_rrtrs;
    uint16_t nacks[16];
    struct rtcp_report_block block;
};

static struct said feedback(struct rtp_receiver *r, int64_t now_ns)
{
    uint8_t out[RTP_RECEIVER_FEEDBACK_SIZE_MAX];
    struct said s = {0};
    struct rtcp_reader reader;
    rtcp_reader_init(&reader,
                     bytes_of(out, rtp_receiver_feedback(r, now_ns, REAL_NS + now_ns, out)));
    for (struct rtcp_item item; rtcp_reader_next(&reader, &item);) {
        assert_int_equal(item.sender_ssrc, SSRC);
        if (item.type == RTCP_NACK) {
            assert_in_range(s.n_nacks, 0, 15);
            s.nacks[s.n_nacks++] = item.sequence;
        } else if (item.type == RTCP_REPORT_BLOCK) {
            s.block = item.block;
            s.n_blocks++;
        }
        s.n_plis += item.type == RTCP_PLI;
        s.n_rrtrs += item.type == RTCP_RRTR;
    }
    assert_false(reader.error);
    return s;
}

static void test_order(void **state)
{
    struct rtp_receiver *r = start();
    assert_int_equal(push(r, 0, false, false, false, 0), 0);
    check_pull(r, 0, false, 0);
    check_none(r, 0);
    assert_int_equal(push(r, 3, true, false, false, 0), 0); /* behind the rollover */
    assert_int_equal(push(r, 2, false, false, false, 0), 0);
    check_none(r, 0);
    assert_int_equal(push(r, 2, false, false, false, 0), -EALREADY);
    assert_int_equal(push(r, 1, false, false, false, 0), 0);
    check_pull(r, 1, false, 0);
    check_pull(r, 2, false, 0);
    check_pull(r, 3, true, 0);
    check_none(r, 0);
    assert_int_equal(push(r, 1, false, false, false, 0), -EALREADY);
    stop(r);
}

/* Asked for when it is no reordering, again after a round trip, and put in its place. */
static void test_repair(void **state)
{
    struct rtp_receiver *r = start();
    push(r, 0, true, false, false, 0);
    push(r, 2, true, false, false, 0);
    check_pull(r, 0, true, 0);
    assert_int_equal(feedback(r, 2 * MS).n_nacks, 0);
    const struct said s = feedback(r, 10 * MS);
    assert_int_equal(s.n_nacks, 1);
    assert_int_equal(s.nacks[0], (uint16_t)(FIRST + 1));
    assert_int_equal(feedback(r, 20 * MS).n_nacks, 0);
    assert_int_equal(feedback(r, 130 * MS).n_nacks, 1); /* 100 ms, unmeasured, and slack */
    check_none(r, 130 * MS);
    assert_int_equal(push(r, 1, true, false, true, 150 * MS), 0);
    check_pull(r, 1, true, 150 * MS);
    check_pull(r, 2, true, 150 * MS);
    assert_int_equal(r->stats.n_repeats, 1);
    assert_int_equal(r->stats.n_missed, 1);
    assert_int_equal(feedback(r, 300 * MS).n_nacks, 0);
    stop(r);
}

static void test_asks_end(void **state)
{
    struct rtp_receiver *r = start();
    unsigned n = 0;
    push(r, 0, true, false, false, 0);
    push(r, 2, true, false, false, 0);
    for (int64_t now_ns = 0; now_ns < 2900 * MS; now_ns += 10 * MS) {
        n += feedback(r, now_ns).n_nacks;
    }
    assert_int_equal(n, RTP_RECEIVER_ASKS_MAX);
    stop(r);
}

/* Over a hole only to a keyframe that is there wholly. */
static void test_keyframe_behind_a_hole(void **state)
{
    struct rtp_receiver *r = start();
    push(r, 0, true, false, false, 0);
    check_pull(r, 0, true, 0);
    push(r, 2, true, false, false, 0);
    push(r, 3, false, true, false, 0);
    push(r, 5, true, false, false, 0);
    check_none(r, 0);
    push(r, 4, false, false, false, 0);
    check_pull(r, 3, false, 0);
    check_pull(r, 4, false, 0);
    check_pull(r, 5, true, 0);
    check_none(r, 0);
    stop(r);
}

static void test_flood(void **state)
{
    struct rtp_receiver *r = start();
    push(r, 0, true, false, false, 0);
    for (unsigned i = 2; i < 3 * RTP_RECEIVER_SLOTS; i++) {
        assert_int_equal(push(r, i, true, false, false, 0), 0);
    }
    struct rtp_receiver_payload p;
    unsigned n = 0;
    while (rtp_receiver_pull(r, 0, &p)) {
        n++;
    }
    assert_in_range(n, RTP_RECEIVER_SLOTS - 1, RTP_RECEIVER_SLOTS);
    stop(r);
}

static void test_report(void **state)
{
    struct rtp_receiver *r = start();
    for (unsigned i = 0; i < 100; i++) {
        if (i % 10 != 5) {
            push(r, i, true, false, false, i * 10 * MS);
        }
    }
    push(r, 15, true, false, true, 995 * MS); /* a retransmission is no packet of the source */
    struct said s = feedback(r, 1000 * MS);
    assert_in_range(s.n_nacks, 9, 9);
    assert_int_equal(s.n_blocks, 1);
    assert_int_equal(s.n_rrtrs, 1);
    assert_int_equal(s.block.ssrc, MEDIA);
    assert_int_equal(s.block.n_lost, 10);
    assert_in_range(s.block.fraction_lost, 25, 26);
    assert_int_equal((uint16_t)s.block.highest_sequence, (uint16_t)(FIRST + 99));
    push(r, 100, true, false, false, 1050 * MS);
    assert_int_equal(feedback(r, 1050 * MS).n_blocks, 0); /* nothing to say yet */
    s = feedback(r, 1130 * MS);
    assert_int_equal(s.n_nacks, 9); /* again; with whatever is said goes a report */
    assert_int_equal(s.block.fraction_lost, 0);
    assert_int_equal(s.block.n_lost, 10);
    stop(r);
}

static void test_keyframe_requests(void **state)
{
    struct rtp_receiver *r = start();
    unsigned n = 0;
    push(r, 0, true, false, false, 0);
    check_pull(r, 0, true, 0);
    assert_int_equal(feedback(r, 2900 * MS).n_plis, 0);
    for (int64_t now_ns = 2900 * MS; now_ns < 4000 * MS; now_ns += 10 * MS) {
        n += feedback(r, now_ns).n_plis;
    }
    assert_in_range(n, 4, 6); /* every 200 ms after three seconds without anything */
    push(r, 1, true, false, false, 4000 * MS);
    check_pull(r, 1, true, 4000 * MS);
    assert_int_equal(feedback(r, 4500 * MS).n_plis, 0);
    r->needs_key = true;
    assert_int_equal(feedback(r, 4510 * MS).n_plis, 1);
    stop(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_asks_end),
        cmocka_unit_test(test_keyframe_behind_a_hole),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_keyframe_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
