#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <cmocka.h>

#include "media/picture_pool.h"
#include "media/timecode.h"

static void draw(struct picture *p, int64_t ms)
{
    uint8_t *const planes[] = {(uint8_t *)p->planes[0], (uint8_t *)p->planes[1],
                               (uint8_t *)p->planes[2]};
    timecode_draw(planes, p->strides, p->size, ms);
}

static void test_round_trip(void **state)
{
    static const struct {
        struct picture_size size;
        int64_t ms;
        int64_t expected;
    } rows[] = {
        {{1280, 720}, INT64_C(1790000000123), INT64_C(1790000000123) % TIMECODE_MODULUS_MS},
        {{640, 360}, 1, 1},
        {{424, 240}, TIMECODE_MODULUS_MS - 1, TIMECODE_MODULUS_MS - 1},
        {{104, 16}, INT64_C(0xaaaaaaaaaa), INT64_C(0xaaaaaaaaaa)},
        {{52, 2}, 77, 77},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picture *p = picture_create(PIXEL_I420, rows[i].size);
        int64_t ms = 0;
        draw(p, rows[i].ms);
        assert_int_equal(timecode_read(p->planes[0], p->strides[0], p->size, &ms), 0);
        assert_true(ms == rows[i].expected);
        picture_unref(&p);
    }
}

/* The format is a contract with the page and with other programs: blocks and CRC by hand. */
static void test_layout(void **state)
{
    static const char bits[] = "00000001"
                               "00100011"
                               "01000101"
                               "01100111"
                               "10001001"
                               "11111000";
    struct picture *p = picture_create(PIXEL_I420, (struct picture_size){530, 100});
    draw(p, INT64_C(0x0123456789)); /* CRC-8 of 01 23 45 67 89 is 0xf8 */
    for (int i = 0; i < 48; i++) {
        for (int y = 0; y < 20; y++) {
            const uint8_t *row = p->planes[0] + y * p->strides[0];
            assert_int_equal(row[20 + i * 10], bits[i] == '1' ? 235 : 16);
            assert_int_equal(row[20 + i * 10 + 9], bits[i] == '1' ? 235 : 16);
        }
    }
    assert_int_equal(p->planes[0][19], 16);
    assert_int_equal(p->planes[0][500], 16);
    assert_int_equal(p->planes[1][0], 128);
    picture_unref(&p);
}

static void test_refusals(void **state)
{
    struct picture *p = picture_create(PIXEL_I420, (struct picture_size){1280, 720});
    int64_t ms = -7;
    draw(p, 0);
    assert_int_equal(timecode_read(p->planes[0], p->strides[0], p->size, &ms), -EBADMSG);
    draw(p, INT64_C(0x0123456789));
    for (int y = 0; y < 48; y++) { /* the first bit becomes a one */
        memset((uint8_t *)p->planes[0] + y * p->strides[0] + 48, 235, 24);
    }
    assert_int_equal(timecode_read(p->planes[0], p->strides[0], p->size, &ms), -EBADMSG);
    assert_int_equal(
        timecode_read(p->planes[0], p->strides[0], (struct picture_size){51, 720}, &ms), -ENOTSUP);
    assert_int_equal(
        timecode_read(p->planes[0], p->strides[0], (struct picture_size){1280, 47}, &ms), -ENOTSUP);
    assert_true(ms == -7);
    picture_unref(&p);
}

static void test_expand(void **state)
{
    const int64_t now = INT64_C(1790000000000);
    static const int64_t ages[] = {0, 1, -1, 250, 86400000, -86400000};
    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        const int64_t then = now - ages[i];
        assert_true(timecode_expand(then % TIMECODE_MODULUS_MS, now) == then);
    }
    /* just behind a wrap of the 40 bits */
    const int64_t wrap = 2 * TIMECODE_MODULUS_MS;
    assert_true(timecode_expand(TIMECODE_MODULUS_MS - 5, wrap + 3) == wrap - 5);
}

static void test_pool(void **state)
{
    const struct picture_size size = {64, 32};
    struct picture_pool *pool = picture_pool_create(PIXEL_I420, size, 2);
    int slots[3] = {-1, -1, -1};
    struct picture *a = picture_pool_take(pool, &slots[0]);
    struct picture *b = picture_pool_take(pool, &slots[1]);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_not_equal(slots[0], slots[1]);
    assert_null(picture_pool_take(pool, NULL));
    const uint8_t *memory = a->planes[0];
    picture_unref(&a);
    struct picture *again = picture_pool_take(pool, &slots[2]);
    assert_int_equal(slots[2], slots[0]);
    assert_ptr_equal(again->planes[0], memory);
    assert_true(again->capture_ns == TIME_NONE);
    assert_true(picture_pool_fits(pool, PIXEL_I420, size));
    assert_false(picture_pool_fits(pool, PIXEL_NV12, size));
    assert_false(picture_pool_fits(NULL, PIXEL_I420, size));
    picture_pool_drop(&pool); /* pictures outlive it */
    memset((uint8_t *)b->planes[0], 1, 64);
    picture_unref(&b);
    picture_unref(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_layout),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_expand),
        cmocka_unit_test(test_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
