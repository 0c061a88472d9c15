/* Conversion to I420 and scaling, against the formulas. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <cmocka.h>

#include "pictures.h"

/* ITU-R BT.601: luma 16..235, chroma 16..240 around 128, against 0..255 */
static int expected_value(int value, bool is_luma, bool from_full, bool to_full)
{
    double v = value;
    if (from_full && !to_full) {
        v = is_luma ? v * 219 / 255 + 16 : (v - 128) * 224 / 255 + 128;
    } else if (!from_full && to_full) {
        v = is_luma ? (v - 16) * 255 / 219 : (v - 128) * 255 / 224 + 128;
    }
    return v < 0 ? 0 : v > 255 ? 255 : (int)lround(v);
}

/* 256 x 4: luma and chroma take every value along a row. */
static struct picture *ramp(enum pixel_format format)
{
    struct picture *i420 = picture_create(PIXEL_I420, (struct picture_size){512, 4});
    for (int y = 0; y < 4; y++) {
        for (int x = 0; x < 512; x++) {
            writable(i420, 0)[y * i420->strides[0] + x] = (uint8_t)(x / 2);
            writable(i420, 1)[y / 2 * i420->strides[1] + x / 2] = (uint8_t)(x / 2);
            writable(i420, 2)[y / 2 * i420->strides[2] + x / 2] = (uint8_t)(255 - x / 2);
        }
    }
    struct picture *p = pictures_convert(i420, format);
    picture_unref(&i420);
    return p;
}

static void test_formats_and_ranges(void **state)
{
    for (int i = 0; i < 4 * N_PIXEL_FORMATS; i++) {
        const bool from_full = i & 1;
        const bool to_full = i & 2;
        struct picture *in = ramp((enum pixel_format)(i / 4));
        struct picture *out = picture_create(PIXEL_I420, in->size);
        in->full_range = from_full;
        convert_to_i420(in, (uint8_t *[]){writable(out, 0), writable(out, 1), writable(out, 2)},
                        out->strides, to_full);
        for (int value = 0; value < 256; value++) {
            const int luma = out->planes[0][3 * out->strides[0] + 2 * value];
            const int u = out->planes[1][out->strides[1] + value];
            const int v = out->planes[2][out->strides[2] + 255 - value];
            const int wanted_luma = expected_value(value, true, from_full, to_full);
            const int wanted_chroma = expected_value(value, false, from_full, to_full);
            if (abs(luma - wanted_luma) > 2 || abs(u - wanted_chroma) > 2 ||
                abs(v - wanted_chroma) > 2) {
                fail_msg("%s %d>%d: %d became %d %d %d, not %d %d", pixel_format_name(in->format),
                         from_full, to_full, value, luma, u, v, wanted_luma, wanted_chroma);
            }
        }
        picture_unref(&in);
        picture_unref(&out);
    }
}

static void test_scale(void **state)
{
    static const struct {
        int in[2];
        int out[2];
    } rows[] = {
        {{8, 4}, {4, 2}}, {{9, 5}, {3, 5}}, {{10, 10}, {3, 7}}, {{4, 4}, {8, 8}}, {{1, 1}, {5, 5}}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t in[100];
        uint8_t out[100] = {0};
        for (int n = 0; n < 100; n++) { /* a slope along x only */
            in[n] = (uint8_t)(n % rows[i].in[0] * 20 + 10);
        }
        convert_scale_plane(
            &(struct convert_plane){in, rows[i].in[0], rows[i].in[0], rows[i].in[1]},
            &(struct convert_plane){out, rows[i].out[0], rows[i].out[0], rows[i].out[1]});
        for (int n = 0; n < rows[i].out[0] * rows[i].out[1]; n++) {
            /* the mean of a slope over an interval is its middle */
            const double scale = (double)rows[i].in[0] / rows[i].out[0];
            const int x = n % rows[i].out[0];
            if (scale >= 1) {
                const double begin = x * scale;
                double sum = 0;
                for (int step = 0; step < 1000; step++) {
                    sum += (int)(begin + scale * (step + 0.5) / 1000) * 20 + 10;
                }
                assert_in_range(out[n] + 2 - (int)lround(sum / 1000), 0, 4);
            } else {
                assert_int_equal(out[n], in[(int)(x * scale)]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_and_ranges),
        cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
