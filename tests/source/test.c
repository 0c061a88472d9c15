#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "media/timecode.h"
#include "source/test.h"
#include "source_run.h"

static void test_pictures(void **state)
{
    static const struct {
        const char *options;
        struct picture_size size;
        struct picture_size expected;
    } rows[] = {
        {"pattern=bars", {640, 360}, {640, 360}},     {"pattern=noise", {426, 241}, {426, 240}},
        {"pattern=still", {1280, 720}, {1280, 720}},  {"pattern=bars title=X", {17, 16}, {16, 16}},
        {"pattern=noise", {1000, 16}, {1000, 16}},    {"pattern=bars", {64, 2000}, {64, 2000}},
        {"pattern=bars", {3840, 2160}, {3840, 2160}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct source_run r;
        source_run_init(&r, &source_test, "", rows[i].options);
        r.params.size = rows[i].size;
        r.params.rate = (struct rational){500, 1};
        assert_int_equal(source_run_open(&r), 0);
        int64_t last_pts_ns = TIME_NONE;
        for (int n = 0; n < 5; n++) {
            struct source_unit unit = {0};
            assert_int_equal(source_run_read(&r, NS_PER_S, &unit), 0);
            assert_null(unit.packet);
            struct picture *p = unit.picture;
            assert_int_equal(p->format, PIXEL_I420);
            assert_int_equal(p->size.width, rows[i].expected.width);
            assert_int_equal(p->size.height, rows[i].expected.height);
            assert_true(p->pts_ns > last_pts_ns);
            last_pts_ns = p->pts_ns;
            int64_t ms = 0;
            if (timecode_height(p->size) > 0) {
                assert_int_equal(timecode_read(p->planes[0], p->strides[0], p->size, &ms), 0);
                assert_true(ms == p->capture_ns / NS_PER_MS % TIMECODE_MODULUS_MS);
            }
            picture_unref(&p);
        }
        source_run_finish(&r);
    }
}

/* Frames come at start + n / rate, however long each was worked on, and have just that as PTS. */
static void test_pace(void **state)
{
    struct source_run r;
    source_run_init(&r, &source_test, "", "");
    r.params.rate = (struct rational){100, 1};
    assert_int_equal(source_run_open(&r), 0);
    int64_t first_ns = 0;
    int64_t first_pts_ns = 0;
    int n_lost = 0;
    for (int n = 0; n < 20; n++) {
        struct source_unit unit = {0};
        assert_int_equal(source_run_read(&r, NS_PER_S, &unit), 0);
        n_lost += (unit.picture->flags & PACKET_DISCONTINUITY) != 0;
        if (n == 0) {
            first_ns = unit.picture->arrival_ns;
            first_pts_ns = unit.picture->pts_ns;
        }
        assert_true((unit.picture->pts_ns - first_pts_ns) % (10 * NS_PER_MS) == 0);
        assert_true(unit.picture->pts_ns <= unit.picture->arrival_ns);
        if (n > 0 && n_lost == 0) { /* never early */
            assert_true(unit.picture->arrival_ns - first_ns >= n * 10 * NS_PER_MS - NS_PER_MS);
        }
        picture_unref(&unit.picture);
    }
    source_run_finish(&r);
}

static void test_wake_and_deadline(void **state)
{
    struct source_run r;
    struct source_unit unit = {0};
    source_run_init(&r, &source_test, "", "");
    r.params.rate = (struct rational){1, 10};
    assert_int_equal(source_run_open(&r), 0);
    assert_int_equal(source_run_read(&r, NS_PER_S, &unit), 0);
    picture_unref(&unit.picture);
    assert_int_equal(source_run_read(&r, NS_PER_MS, &unit), -ETIMEDOUT);
    source_run_wake(&r);
    assert_int_equal(source_run_read(&r, 5 * NS_PER_S, &unit), -EINTR);
    assert_null(unit.picture);
    source_run_finish(&r);
}

/* Pictures that are not given back cost frames, not memory, and it says so. */
static void test_lent_pictures(void **state)
{
    struct source_run r;
    struct source_unit held[3];
    struct source_unit unit = {0};
    source_run_init(&r, &source_test, "", "");
    r.params.rate = (struct rational){200, 1};
    assert_int_equal(source_run_open(&r), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(source_run_read(&r, NS_PER_S, &held[i]), 0);
    }
    assert_int_equal(source_run_read(&r, 30 * NS_PER_MS, &unit), -ETIMEDOUT);
    picture_unref(&held[1].picture);
    assert_int_equal(source_run_read(&r, NS_PER_S, &unit), 0);
    assert_true(unit.picture->flags & PACKET_DISCONTINUITY);
    source_run_finish(&r); /* pictures outlive the source */
    picture_unref(&held[0].picture);
    picture_unref(&held[2].picture);
    picture_unref(&unit.picture);
}

static void test_jitter(void **state)
{
    struct source_run r;
    source_run_init(&r, &source_test, "", "jitter=30ms");
    r.params.rate = (struct rational){100, 1};
    assert_int_equal(source_run_open(&r), 0);
    int64_t most_ns = 0;
    int64_t last_ns = 0;
    for (int n = 0; n < 30; n++) {
        struct source_unit unit = {0};
        assert_int_equal(source_run_read(&r, NS_PER_S, &unit), 0);
        const int64_t age_ns = time_real_ns() - unit.picture->capture_ns;
        most_ns = age_ns > most_ns ? age_ns : most_ns;
        assert_true(unit.picture->capture_ns > last_ns);
        last_ns = unit.picture->capture_ns;
        picture_unref(&unit.picture);
    }
    assert_true(most_ns > 15 * NS_PER_MS);
    source_run_finish(&r);
}

static void test_refusals(void **state)
{
    struct source_run r;
    source_run_init(&r, &source_test, "", "");
    assert_int_equal(option_set(source_test.options, r.state, "jitter", "200ms", &r.error),
                     -ERANGE);
    assert_int_equal(option_set(source_test.options, r.state, "pattern", "x", &r.error), -EINVAL);
    r.params.size = (struct picture_size){8, 8};
    assert_true(source_run_open(&r) < 0);
    assert_non_null(strstr(r.error.sentence, "8x8"));
    source_run_finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_wake_and_deadline),
        cmocka_unit_test(test_lent_pictures),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
