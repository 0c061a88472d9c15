#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fakes.h"
#include "stream/ring.h"

static void push(struct ring *ring, int64_t arrival_ns, bool is_key, size_t size)
{
    struct packet *p = fake_packet(arrival_ns, is_key, size);
    p->arrival_ns = arrival_ns;
    assert_int_equal(ring_push(ring, p, 1), 0);
}

static void test_trim(void **state)
{
    static const struct {
        const char *name;
        const char *packets; /* K: keyframe, one a second from 0 s */
        uint64_t wanted;
        int64_t since_s;
        uint64_t first;
    } rows[] = {
        {"newest keyframe and after", "KppKpp", UINT64_MAX, 100, 3},
        {"what a reader wants", "KppKpp", 1, 100, 1},
        {"what is young", "KppKpp", UINT64_MAX, 2, 2},
        {"nothing after the keyframe", "Kppp", UINT64_MAX, 100, 0},
        {"no keyframe, nothing to keep", "ppp", UINT64_MAX, 100, 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ring ring = {0};
        for (int n = 0; rows[i].packets[n] != '\0'; n++) {
            push(&ring, n * NS_PER_S, rows[i].packets[n] == 'K', 10);
        }
        ring_trim(&ring, rows[i].wanted, rows[i].since_s * NS_PER_S);
        if (ring.first != rows[i].first) {
            fail_msg("%s: first is %d", rows[i].name, (int)ring.first);
        }
        assert_int_equal(ring.n_bytes, 10 * ring_n_packets(&ring));
        ring_finish(&ring);
    }
}

/* Who joins a camera that makes a keyframe every two minutes must not wait for the next one. */
static void test_a_long_group_is_kept(void **state)
{
    enum { N = 120 * 30, SIZE = 5000 };
    struct ring ring = {0};
    push(&ring, 0, true, SIZE);
    for (int n = 1; n < N; n++) {
        push(&ring, n, false, SIZE);
        ring_trim(&ring, UINT64_MAX, n);
    }
    assert_true(ring.has_key);
    assert_int_equal(ring.key, ring.first);
    assert_int_equal(ring_n_packets(&ring), N);
    push(&ring, N, true, SIZE); /* and goes with the next */
    ring_trim(&ring, UINT64_MAX, N);
    assert_int_equal(ring_n_packets(&ring), 1);
    ring_finish(&ring);
}

static void test_bounds(void **state)
{
    struct ring ring = {0};
    push(&ring, 0, true, 10);
    for (int n = 1; n < STREAM_RING_PACKETS; n++) {
        push(&ring, n, false, 10);
    }
    assert_true(ring.has_key);
    push(&ring, 5000, false, 10);
    assert_false(ring.has_key); /* the oldest went, though it was the keyframe */
    assert_int_equal(ring_n_packets(&ring), STREAM_RING_PACKETS);
    assert_int_equal(ring_at(&ring, ring.end - 1)->packet->arrival_ns, 5000);
    ring_clear(&ring);

    for (int n = 0; n < 9; n++) {
        push(&ring, n, true, STREAM_RING_BYTES / 8);
    }
    assert_int_equal(ring_n_packets(&ring), 8);
    assert_int_equal(ring.n_bytes, STREAM_RING_BYTES);
    ring_finish(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_a_long_group_is_kept),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
