#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "proto/replay.h"

/* Against a plain list of all that was seen, over jumps of every size. */
static void test_against_a_list(void **state)
{
    enum { N = 20000 };
    static bool seen[400000];
    struct replay r = {0};
    uint64_t highest = 1000, random = 1;
    unsigned n_accepted = 0;
    for (unsigned i = 0; i < N; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        const int64_t step = (int64_t)(random >> 33) % 620 - 600 + (i % 500 == 0 ? 900 : 0);
        const uint64_t index =
            (int64_t)highest + step > 0 ? (uint64_t)((int64_t)highest + step) : 0;
        const bool is_new =
            n_accepted == 0 || index > highest || (highest - index < REPLAY_WINDOW && !seen[index]);
        assert_int_equal(replay_check(&r, 7, index), is_new ? 0 : -EALREADY);
        if (is_new) {
            replay_add(&r, 7, index);
            seen[index] = true;
            highest = n_accepted == 0 || index > highest ? index : highest;
            n_accepted++;
            uint64_t told = 0;
            assert_true(replay_highest(&r, 7, &told) && told == highest);
        }
    }
    assert_true(n_accepted > N / 20 && n_accepted < N);
}

static void test_sources_are_apart(void **state)
{
    struct replay r = {0};
    uint64_t highest = 5;
    for (uint32_t ssrc = 0; ssrc < REPLAY_N_SSRC_MAX; ssrc++) {
        assert_false(replay_highest(&r, ssrc, &highest));
        assert_int_equal(highest, 5);
        assert_int_equal(replay_check(&r, ssrc, 100), 0);
        replay_add(&r, ssrc, 100);
        assert_int_equal(replay_check(&r, ssrc, 100), -EALREADY);
    }
    assert_int_equal(replay_check(&r, 99, 100), -ENOBUFS);
    assert_int_equal(replay_check(&r, 0, 101), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_list),
        cmocka_unit_test(test_sources_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
