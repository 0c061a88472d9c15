#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/time.h"

static void test_rescale(void **state)
{
    assert_int_equal(time_rescale(NS_PER_S, 90000, NS_PER_S), 90000);
    assert_int_equal(time_rescale(INT64_MAX / 2, 2, 4), INT64_MAX / 4);
    assert_int_equal(time_rescale(-1, 1, 2), -1); /* towards minus infinity */
}

static void test_ntp_round_trip(void **state)
{
    const int64_t real_ns = INT64_C(1763636363123456789);
    assert_true(llabs(time_ntp_to_real(time_real_to_ntp(real_ns)) - real_ns) <= 1);
    assert_true(time_real_to_ntp(0) == UINT64_C(2208988800) << 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rescale),
        cmocka_unit_test(test_ntp_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
