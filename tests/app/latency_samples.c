#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

#include "app/latency_samples.h"
#include "base/time.h"

static void test_percentiles_and_lost(void **state)
{
    struct latency_samples s = {0};
    struct latency_summary summary;
    assert_int_equal(latency_samples_summary(&s, &summary), -EAGAIN);
    for (int64_t i = 0; i < 100; i++) {
        const int64_t capture_ns = i * 33 * NS_PER_MS;
        if (i == 50 || i == 51) {
            continue; /* two frames lost */
        }
        assert_int_equal(latency_samples_add(&s, capture_ns, capture_ns + (i + 1) * NS_PER_MS), 0);
    }
    assert_int_equal(latency_samples_summary(&s, &summary), 0);
    assert_int_equal(summary.n_frames, 98);
    assert_int_equal(summary.n_lost, 2);
    assert_int_equal(summary.p50_ns, 49 * NS_PER_MS);
    assert_int_equal(summary.max_ns, 100 * NS_PER_MS);
    assert_int_equal(summary.p99_ns, 100 * NS_PER_MS);
    assert_int_equal(summary.p95_ns, 96 * NS_PER_MS);
    assert_int_equal(summary.freeze_ns, 3 * 33 * NS_PER_MS + 3 * NS_PER_MS);
    s.end_ns = s.items[s.n_items - 1].seen_ns + 500 * NS_PER_MS;
    assert_int_equal(latency_samples_summary(&s, &summary), 0);
    assert_int_equal(summary.freeze_ns, 500 * NS_PER_MS);
    latency_samples_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_percentiles_and_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
