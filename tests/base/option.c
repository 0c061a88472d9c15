#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

#include "base/option.h"
#include "base/time.h"

struct target {
    bool loop;
    int64_t bitrate_bps;
    int64_t stop_after_ns;
    struct rational fps;
    struct picture_size size;
    int mode;
    char *path;
    char *speed;
};

static const char *const speeds[] = {"slow", "fast", NULL};
static const char *const modes[] = {"drive", "watch", "smooth", NULL};
static const struct option table[] = {
    {"loop", OPTION_BOOL, offsetof(struct target, loop), .def = "on"},
    {"bitrate", OPTION_BITRATE, offsetof(struct target, bitrate_bps), .min = 1000,
     .max = 100000000},
    {"stop_after", OPTION_DURATION, offsetof(struct target, stop_after_ns), .def = "10s"},
    {"fps", OPTION_RATE, offsetof(struct target, fps), .def = "30"},
    {"size", OPTION_SIZE, offsetof(struct target, size), .def = "1280x720"},
    {"mode", OPTION_CHOICE, offsetof(struct target, mode), .def = "watch", .choices = modes},
    {"path", OPTION_TEXT, offsetof(struct target, path)},
    {"speed", OPTION_TEXT, offsetof(struct target, speed), .choices = speeds},
    {0},
};

static void test_values(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        int expected;
    } cases[] = {
        {"loop", "off", 0},         {"loop", "maybe", -EINVAL},    {"bitrate", "2M", 0},
        {"bitrate", "1.5k", 0},     {"bitrate", "2m", -EINVAL},    {"bitrate", "-2", -EINVAL},
        {"bitrate", "10", -ERANGE}, {"bitrate", "0x10", -EINVAL},  {"stop_after", "250ms", 0},
        {"stop_after", "5m", 0},    {"fps", "29.97", 0},           {"fps", "30000/1001", 0},
        {"fps", "0", -EINVAL},      {"size", "720p", 0},           {"size", "640x", -EINVAL},
        {"size", "1x1", -ERANGE},   {"mode", "drive", 0},          {"mode", "fly", -EINVAL},
        {"path", "a b", 0},         {"nonsense", "1", -ENOENT},    {"fps", "1/0", -EINVAL},
        {"bitrate", "", -EINVAL},   {"bitrate", "1e300", -ERANGE}, {"speed", "fast", 0},
        {"speed", "fas", -EINVAL},
    };
    struct target t;
    option_init(table, &t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct option_error error = {0};
        assert_int_equal(option_set(table, &t, cases[i].name, cases[i].value, &error),
                         cases[i].expected);
        assert_int_equal(error.sentence[0] != '\0', cases[i].expected < 0);
    }
    assert_int_equal(t.bitrate_bps, 1500);
    assert_int_equal(t.stop_after_ns, 300 * NS_PER_S);
    assert_int_equal(t.fps.num, 30000);
    assert_int_equal(t.fps.den, 1001);
    assert_string_equal(t.path, "a b");
    assert_string_equal(t.speed, "fast");
    option_finish(table, &t);
    assert_null(t.path);
}

static void test_default_bitrate_is_the_nearest_presets(void **state)
{
    assert_int_equal(option_default_bitrate((struct picture_size){1280, 720}), 920000);
    assert_int_equal(option_default_bitrate((struct picture_size){640, 480}), 330000);
    assert_int_equal(option_default_bitrate((struct picture_size){3840, 2160}), 2070000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_default_bitrate_is_the_nearest_presets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
