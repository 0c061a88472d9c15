#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/time.h"
#include "proto/rtp_order.h"

enum { FIRST = 65534, SSRC = 7 };

static struct rtp_order order;

static int set_up(void **state)
{
    rtp_order_init(&order);
    return 0;
}

static int tear_down(void **state)
{
    rtp_order_finish(&order);
    return 0;
}

/* Packet i of a sender whose sequence numbers roll over early. */
static int push_of(uint32_t ssrc, unsigned i, int64_t now_ns)
{
    const struct rtp_extension_ids ids = {0};
    const struct rtp_extensions none = {0};
    const struct rtp_header header = {
        .payload_type = 96, .sequence = (uint16_t)(FIRST + i), .timestamp = i, .ssrc = ssrc};
    uint8_t out[RTP_HEADER_SIZE_MAX + 1];
    const size_t size = rtp_write_header(&header, &ids, &none, out);
    out[size] = (uint8_t)i;
    return rtp_order_push(&order, bytes_of(out, size + 1), now_ns);
}

static int push(unsigned i, int64_t now_ns)
{
    return push_of(SSRC, i, now_ns);
}

static void check_pull(unsigned i, int64_t now_ns)
{
    struct rtp_packet p;
    assert_true(rtp_order_pull(&order, now_ns, &p));
    assert_int_equal(p.header.sequence, (uint16_t)(FIRST + i));
    assert_int_equal(p.payload.size, 1);
    assert_int_equal(p.payload.data[0], (uint8_t)i);
}

static void check_nothing(int64_t now_ns)
{
    struct rtp_packet p;
    assert_false(rtp_order_pull(&order, now_ns, &p));
}

static void test_in_order(void **state)
{
    for (unsigned i = 0; i < 3 * RTP_ORDER_SLOTS; i++) {
        assert_int_equal(push(i, i), 0);
        assert_int_equal(rtp_order_deadline_ns(&order), TIME_NONE);
        check_pull(i, i);
        check_nothing(i);
    }
}

static void test_swapped(void **state)
{
    push(0, 0);
    check_pull(0, 0);
    push(2, 1);
    push(3, 2);
    check_nothing(2);
    assert_int_equal(rtp_order_deadline_ns(&order), 1 + RTP_ORDER_WAIT_NS);
    push(1, 3);
    assert_int_equal(push(2, 3), -EALREADY);
    check_pull(1, 3);
    check_pull(2, 3);
    check_pull(3, 3);
    assert_int_equal(rtp_order_deadline_ns(&order), TIME_NONE);
}

/* Each hole is waited for from when it was seen, then passed over; who comes later is too late. */
static void test_lost(void **state)
{
    push(0, 0);
    push(2, 10);
    push(4, 10);
    check_pull(0, 10);
    check_nothing(10 + RTP_ORDER_WAIT_NS - 1);
    check_pull(2, 10 + RTP_ORDER_WAIT_NS);
    assert_int_equal(push(1, 11 + RTP_ORDER_WAIT_NS), -EALREADY);
    check_nothing(11 + RTP_ORDER_WAIT_NS);
    check_pull(4, 10 + 2 * RTP_ORDER_WAIT_NS);
}

static void test_full(void **state)
{
    push(0, 0);
    check_pull(0, 0);
    for (unsigned i = 2; i <= RTP_ORDER_SLOTS; i++) {
        assert_int_equal(push(i, 0), 0);
        i < RTP_ORDER_SLOTS ? check_nothing(0) : check_pull(2, 0);
    }
}

static void test_owner_that_does_not_pull(void **state)
{
    for (unsigned i = 0; i < RTP_ORDER_SLOTS; i++) {
        assert_int_equal(push(i, 0), 0);
    }
    assert_int_equal(push(RTP_ORDER_SLOTS, 0), -ENOBUFS);
    check_pull(0, 0);
    assert_int_equal(push(RTP_ORDER_SLOTS, 0), 0);
}

/* A sender that was started again. */
static void test_jump(void **state)
{
    push(0, 0);
    push(1, 0);
    assert_int_equal(push(20000, 1), 0);
    check_pull(20000, 1);
    assert_int_equal(push(5, 2), 0);
    check_pull(5, 2);
}

static void test_another_sender(void **state)
{
    push(0, 0);
    check_pull(0, 0);
    assert_int_equal(push_of(SSRC + 1, 100, RTP_ORDER_SILENCE_NS - 1), -EBUSY);
    assert_int_equal(push(1, RTP_ORDER_SILENCE_NS - 1), 0);
    check_pull(1, RTP_ORDER_SILENCE_NS);
    assert_int_equal(push_of(SSRC + 1, 100, 2 * RTP_ORDER_SILENCE_NS), 0);
    check_pull(100, 2 * RTP_ORDER_SILENCE_NS);
    assert_int_equal(push(2, 2 * RTP_ORDER_SILENCE_NS), -EBUSY);
}

static void test_garbage(void **state)
{
    const uint8_t rtcp[] = {0x00, 0xc8, 0, 6};
    assert_int_equal(rtp_order_push(&order, bytes_of(rtcp, sizeof(rtcp)), 0), -EBADMSG);
    check_nothing(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_swapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_owner_that_does_not_pull, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_jump, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_sender, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
