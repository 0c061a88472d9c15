#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/bits.h"

static void test_exp_golomb_round_trip(void **state)
{
    static const uint32_t values[] = {0, 1, 2, 3, 7, 8, 255, 65535, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint8_t out[16];
        struct bit_writer w;
        bit_writer_init(&w, out, sizeof(out));
        bit_writer_ue(&w, values[i]);
        const size_t size = bit_writer_finish(&w);
        struct bit_reader r;
        bit_reader_init(&r, bytes_of(out, size));
        assert_true(bit_reader_ue(&r) == values[i]);
        assert_false(r.error);
    }
    static const int32_t signed_values[] = {0, 1, -1, 2, -2, 1000, -1000, INT32_MAX, -INT32_MAX};
    for (size_t i = 0; i < sizeof(signed_values) / sizeof(signed_values[0]); i++) {
        uint8_t out[16];
        struct bit_writer w;
        bit_writer_init(&w, out, sizeof(out));
        bit_writer_se(&w, signed_values[i]);
        const size_t size = bit_writer_finish(&w);
        struct bit_reader r;
        bit_reader_init(&r, bytes_of(out, size));
        assert_int_equal(bit_reader_se(&r), signed_values[i]);
    }
}

static void test_endless_zeros_are_an_error(void **state)
{
    const uint8_t zeros[64] = {0};
    struct bit_reader r;
    bit_reader_init(&r, bytes_of(zeros, sizeof(zeros)));
    assert_int_equal(bit_reader_ue(&r), 0);
    assert_true(r.error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp_golomb_round_trip),
        cmocka_unit_test(test_endless_zeros_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
