#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/bytes.h"

static void test_round_trip(void **state)
{
    uint8_t out[18];
    struct byte_writer w;
    byte_writer_init(&w, out, sizeof(out));
    byte_writer_u8(&w, 0x01);
    byte_writer_u16(&w, 0x0203);
    byte_writer_u24(&w, 0x040506);
    byte_writer_u32(&w, 0x0708090a);
    byte_writer_u64(&w, UINT64_C(0x0b0c0d0e0f101112));
    assert_false(w.error);
    assert_int_equal(byte_writer_size(&w), sizeof(out));

    struct byte_reader r;
    byte_reader_init(&r, bytes_of(out, sizeof(out)));
    assert_int_equal(byte_reader_u8(&r), 0x01);
    assert_int_equal(byte_reader_u16(&r), 0x0203);
    assert_int_equal(byte_reader_u24(&r), 0x040506);
    assert_int_equal(byte_reader_u32(&r), 0x0708090a);
    assert_true(byte_reader_u64(&r) == UINT64_C(0x0b0c0d0e0f101112));
    assert_false(r.error);
    assert_int_equal(byte_reader_left(&r), 0);
}

static void test_past_the_end_is_sticky(void **state)
{
    const uint8_t in[3] = {1, 2, 3};
    struct byte_reader r;
    byte_reader_init(&r, bytes_of(in, sizeof(in)));
    assert_int_equal(byte_reader_u32(&r), 0);
    assert_true(r.error);
    assert_int_equal(byte_reader_u8(&r), 0);

    uint8_t out[1];
    struct byte_writer w;
    byte_writer_init(&w, out, sizeof(out));
    byte_writer_u16(&w, 1);
    assert_true(w.error);
    byte_writer_u8(&w, 1);
    assert_int_equal(byte_writer_size(&w), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_past_the_end_is_sticky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
