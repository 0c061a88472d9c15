/* The choice among a camera's modes, and the names of controls: what needs no device. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "source/v4l2_controls.h"
#include "source/v4l2_mode.h"

enum { MODES_MAX = 10 };

struct row {
    const char *format;
    struct picture_size size;
    struct rational rate;
    bool has_bitrate_control;
};

/* clang-format off */
/* A UVC webcam on USB 2. */
static const struct row webcam[] = {
    {"YUYV", {640, 480}, {30, 1}}, {"YUYV", {1280, 720}, {10, 1}}, {"YUYV", {1920, 1080}, {5, 1}},
    {"MJPG", {640, 480}, {30, 1}}, {"MJPG", {1280, 720}, {30, 1}}, {"MJPG", {1920, 1080}, {30, 1}},
    {"H264", {1280, 720}, {30, 1}}, {"H264", {1920, 1080}, {30, 1}}, {0},
};
/* A USB 3 grabber. */
static const struct row grabber[] = {
    {"YUYV", {1280, 720}, {60, 1}}, {"NV12", {1280, 720}, {60, 1}}, {"NV12", {1920, 1080}, {60, 1}},
    {"MJPG", {1280, 720}, {60, 1}}, {0},
};
/* The Raspberry Pi's legacy driver. */
static const struct row encoder_chip[] = {
    {"YU12", {1280, 720}, {30, 1}}, {"MJPG", {1280, 720}, {30, 1}},
    {"H264", {1280, 720}, {30, 1}, true}, {0},
};
/* Raw only, and slow at its large sizes. */
static const struct row slow[] = {
    {"YUYV", {640, 480}, {30, 1}}, {"YUYV", {800, 600}, {20, 1}}, {"YUYV", {1280, 720}, {10, 1}},
    {0},
};
static const struct row unspoken[] = {{"YUYV", {720, 576}, {0, 1}}, {0}};
static const struct row ntsc[] = {
    {"YUYV", {1280, 720}, {30000, 1001}}, {"MJPG", {1280, 720}, {30, 1}}, {0},
};

/* clang-format on */

static size_t make_modes(const struct row *rows, struct v4l2_mode *modes)
{
    size_t n = 0;
    for (; rows[n].format; n++) {
        modes[n] = (struct v4l2_mode){
            .pixel = v4l2_pixel_parse(rows[n].format),
            .size = rows[n].size,
            .rate = rows[n].rate,
            .has_bitrate_control = rows[n].has_bitrate_control,
        };
        assert_non_null(modes[n].pixel);
    }
    return n;
}

static void test_choice(void **state)
{
    static const struct {
        const char *name;
        const struct row *camera;
        const char *format; /* wanted */
        struct picture_size size;
        struct rational rate;
        bool is_size_given;
        bool is_rate_given;
        const char *expected_format;
        struct picture_size expected_size;
    } rows[] = {
        {"default", webcam, NULL, {1280, 720}, {30, 1}, false, false, "MJPG", {1280, 720}},
        {"raw where it is fast enough",
         webcam,
         NULL,
         {640, 480},
         {30, 1},
         true,
         false,
         "YUYV",
         {640, 480}},
        {"slow raw will do for a slow rate",
         webcam,
         NULL,
         {1280, 720},
         {10, 1},
         true,
         true,
         "YUYV",
         {1280, 720}},
        {"1080p", webcam, NULL, {1920, 1080}, {30, 1}, true, false, "MJPG", {1920, 1080}},
        {"H.264 if asked", webcam, "h264", {1280, 720}, {30, 1}, false, false, "H264", {1280, 720}},
        {"between sizes", webcam, NULL, {1300, 700}, {30, 1}, true, false, "MJPG", {1280, 720}},
        {"format wins over rate",
         webcam,
         "YUYV",
         {1280, 720},
         {30, 1},
         true,
         true,
         "YUYV",
         {1280, 720}},
        {"not offered", webcam, "NV12", {1280, 720}, {30, 1}, true, true, NULL, {0, 0}},
        {"NV12 goes before YUYV",
         grabber,
         NULL,
         {1280, 720},
         {30, 1},
         false,
         false,
         "NV12",
         {1280, 720}},
        {"60 fps", grabber, NULL, {1920, 1080}, {60, 1}, true, true, "NV12", {1920, 1080}},
        {"encoder chip",
         encoder_chip,
         NULL,
         {1280, 720},
         {30, 1},
         false,
         false,
         "H264",
         {1280, 720}},
        {"nothing given: rather smooth than large",
         slow,
         NULL,
         {1280, 720},
         {30, 1},
         false,
         false,
         "YUYV",
         {640, 480}},
        {"size given", slow, NULL, {1280, 720}, {30, 1}, true, false, "YUYV", {1280, 720}},
        {"rate given", slow, NULL, {1280, 720}, {20, 1}, false, true, "YUYV", {800, 600}},
        {"rates unknown", unspoken, NULL, {1280, 720}, {30, 1}, true, true, "YUYV", {720, 576}},
        {"29.97 is 30", ntsc, NULL, {1280, 720}, {30, 1}, true, true, "YUYV", {1280, 720}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct v4l2_mode modes[MODES_MAX];
        const size_t n = make_modes(rows[i].camera, modes);
        const struct v4l2_wanted wanted = {
            .size = rows[i].size,
            .rate = rows[i].rate,
            .is_size_given = rows[i].is_size_given,
            .is_rate_given = rows[i].is_rate_given,
            .pixel = rows[i].format ? v4l2_pixel_parse(rows[i].format) : NULL,
        };
        const struct v4l2_mode *mode = v4l2_mode_choose(modes, n, &wanted);
        if (!rows[i].expected_format) {
            assert_null(mode);
            continue;
        }
        if (!mode || strcmp(mode->pixel->name, rows[i].expected_format) != 0 ||
            mode->size.width != rows[i].expected_size.width ||
            mode->size.height != rows[i].expected_size.height) {
            fail_msg("%s: got %s %dx%d", rows[i].name, mode ? mode->pixel->name : "nothing",
                     mode ? mode->size.width : 0, mode ? mode->size.height : 0);
        }
    }
}

static void test_rates(void **state)
{
    static const struct {
        struct rational a;
        struct rational b;
        struct rational wanted;
        bool expected;
    } rows[] = {
        {{30, 1}, {25, 1}, {30, 1}, true},  {{25, 1}, {15, 1}, {30, 1}, true},
        {{60, 1}, {25, 1}, {30, 1}, true},  {{30, 1}, {60, 1}, {30, 1}, true},
        {{60, 1}, {120, 1}, {50, 1}, true}, {{15, 1}, {30, 1}, {30, 1}, false},
        {{15, 2}, {5, 1}, {30, 1}, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(v4l2_rate_is_better(rows[i].a, rows[i].b, rows[i].wanted),
                         rows[i].expected);
    }
}

static void test_pixel_names(void **state)
{
    assert_string_equal(v4l2_pixel_parse("mjpeg")->name, "MJPG");
    assert_string_equal(v4l2_pixel_parse("nv12")->name, "NV12");
    assert_null(v4l2_pixel_parse("RGB3"));
    assert_null(v4l2_pixel_find(0x33424752));
}

static void test_control_names(void **state)
{
    static const struct {
        const char *title;
        const char *expected;
    } rows[] = {
        {"Brightness", "brightness"},
        {"White Balance Temperature, Auto", "white_balance_temperature_auto"},
        {"Exposure (Absolute)", "exposure_absolute"},
        {"  Focus -- Auto ", "focus_auto"},
        {"", ""},
        {"A title that is much longer than any that the kernel has room for",
         "a_title_that_is_much_longer_than_any_that_the_k"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[V4L2_CONTROL_NAME_SIZE];
        v4l2_control_name(rows[i].title, name);
        assert_string_equal(name, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_pixel_names),
        cmocka_unit_test(test_control_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
