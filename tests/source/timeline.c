#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "source/timeline.h"

#define MS NS_PER_MS

static void test_steps_are_the_streams(void **state)
{
    struct timeline t;
    timeline_init(&t);
    const int64_t late_ns[] = {0, 7 * MS, 1 * MS, 12 * MS, 3 * MS};
    int64_t last_ns = timeline_place(&t, 500 * MS, 9000 * MS);
    assert_int_equal(last_ns, 9000 * MS);
    for (int i = 1; i < 200; i++) {
        const int64_t now_ns =
            timeline_place(&t, (500 + 40 * i) * MS, (9000 + 40 * i) * MS + late_ns[i % 5]);
        assert_true(llabs(now_ns - last_ns - 40 * MS) < MS / 10);
        last_ns = now_ns;
    }
}

static void test_slow_clock_is_followed(void **state)
{
    struct timeline t;
    timeline_init(&t);
    int64_t placed_ns = 0;
    for (int64_t i = 0; i < 100000; i++) { /* 40.004 ms of ours are 40 of its */
        placed_ns = timeline_place(&t, 40 * MS * i, 40 * MS * i + 4000 * i);
    }
    assert_true(llabs(placed_ns - 99999 * (40 * MS + 4000)) < 2 * MS);
}

static void test_jump_begins_anew(void **state)
{
    struct timeline t;
    timeline_init(&t);
    timeline_place(&t, 0, 1000 * MS);
    assert_int_equal(timeline_place(&t, 100000 * MS, 1040 * MS), 1040 * MS);
    assert_int_equal(timeline_place(&t, 100040 * MS, 1080 * MS), 1080 * MS);
}

static void test_always_later(void **state)
{
    struct timeline t;
    timeline_init(&t);
    assert_int_equal(timeline_place(&t, TIME_NONE, 70), 70);
    assert_int_equal(timeline_place(&t, TIME_NONE, 70), 71);
    assert_int_equal(timeline_place(&t, 5, 60), 72);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_the_streams),
        cmocka_unit_test(test_slow_clock_is_followed),
        cmocka_unit_test(test_jump_begins_anew),
        cmocka_unit_test(test_always_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
