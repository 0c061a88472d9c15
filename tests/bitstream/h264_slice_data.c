#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "bitstream/h264.h"
#include "bitstream/h264_slice_data.h"
#include "sample.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_slice(struct bytes nal)
{
    return h264_nal_type(nal) == H264_NAL_SLICE || h264_nal_type(nal) == H264_NAL_IDR;
}

/* A copy of its own size, so that a read past its end is seen by sanitizers. */
static enum h264_slice_data_answer read_copy(struct h264_slice_data *d, struct bytes nal,
                                             bool is_all, const struct h264_sets *sets)
{
    uint8_t *copy = malloc(nal.size + 1);
    memcpy(copy, nal.data, nal.size);
    enum h264_slice_data_answer answer;
    do {
        answer = h264_slice_data_read(d, bytes_of(copy, nal.size), is_all, sets);
        assert_true(!d->is_paused || d->mb.address >= H264_SLICE_DATA_STEP_MBS);
    } while (d->is_paused);
    free(copy);
    return answer;
}

/* No prefix of the slice is whole, read from the start or on from the one before; all of it is. */
static void check_prefixes(struct bytes nal, const struct h264_sets *sets, bool is_cabac,
                           uint32_t end_mb)
{
    struct h264_slice_data on = {0};
    struct h264_slice_data fresh = {0};
    h264_slice_data_begin(&on);
    for (size_t size = 0; size < nal.size; size++) {
        const struct bytes prefix = bytes_of(nal.data, size);
        h264_slice_data_begin(&fresh);
        assert_int_equal(read_copy(&on, prefix, false, sets), H264_SLICE_DATA_MORE);
        if (nal.size < 1000 || size % 101 == 0 || nal.size - size < 10) {
            assert_int_equal(read_copy(&fresh, prefix, false, sets), H264_SLICE_DATA_MORE);
            assert_int_equal(fresh.mb.address, on.mb.address);
        }
    }
    const bool is_told = is_cabac || end_mb == on.mb.header.n_mbs;
    assert_int_equal(read_copy(&on, nal, false, sets),
                     is_told ? H264_SLICE_DATA_WHOLE : H264_SLICE_DATA_MORE);
    assert_int_equal(on.mb.address, end_mb);
    assert_int_equal(h264_slice_data_is_last(&on), end_mb == on.mb.header.n_mbs);
    h264_slice_data_finish(&on);
    h264_slice_data_finish(&fresh);
}

static const char *const told[] = {
    "baseline.h264",      "high.h264",   "reordered.h264",  "slices.h264",
    "cropped_1080p.h264", "sar.h264",    "gray.h264",       "open_gop.h264",
    "cavlc.h264",         "coarse.h264", "fine.h264",       "slices_cavlc.h264",
    "levels.h264",        "high10.h264", "gray_cavlc.h264", "fine_cavlc.h264",
};

/* Each slice ends where the next one of its picture begins, or with the picture. */
static void test_slices(void **state)
{
    for (size_t i = 0; i < N_OF(told); i++) {
        struct buf *stream = sample_read(told[i]);
        struct h264_sets sets = {0};
        struct h264_slice_data d = {0};
        struct h264_nal_iterator it;
        struct bytes nal;
        uint32_t next_mb = 0;
        for (h264_nal_begin(&it, buf_bytes(stream)); h264_nal_next(&it, &nal);) {
            h264_sets_put(&sets, nal);
            if (!is_slice(nal)) {
                continue;
            }
            h264_slice_data_begin(&d);
            assert_int_equal(read_copy(&d, nal, true, &sets), H264_SLICE_DATA_WHOLE);
            assert_int_equal(d.mb.header.first_mb, next_mb);
            check_prefixes(nal, &sets, d.mb.header.is_cabac, d.mb.address);
            next_mb = h264_slice_data_is_last(&d) ? 0 : d.mb.address;
        }
        assert_int_equal(next_mb, 0);
        h264_slice_data_finish(&d);
        h264_sets_finish(&sets);
        buf_unref(&stream);
    }
}

static enum h264_slice_data_answer answer_of(struct bytes stream, struct bytes slice)
{
    struct h264_sets sets = {0};
    struct h264_slice_data d = {0};
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, stream); h264_nal_next(&it, &nal);) {
        h264_sets_put(&sets, nal);
    }
    h264_slice_data_begin(&d);
    const enum h264_slice_data_answer answer = read_copy(&d, slice, false, &sets);
    h264_slice_data_finish(&d);
    h264_sets_finish(&sets);
    return answer;
}

static void test_not_read(void **state)
{
    static const char *const names[] = {"interlaced.h264", "high422.h264", "high444.h264"};
    for (size_t i = 0; i < N_OF(names); i++) {
        struct buf *stream = sample_read(names[i]);
        const struct bytes idr = sample_nal(buf_bytes(stream), H264_NAL_IDR, 0);
        assert_int_equal(answer_of(buf_bytes(stream), idr), H264_SLICE_DATA_CANNOT_TELL);
        buf_unref(&stream);
    }
    struct buf *stream = sample_read("baseline.h264");
    const struct bytes idr = sample_nal(buf_bytes(stream), H264_NAL_IDR, 0);
    assert_int_equal(answer_of(bytes_of(NULL, 0), idr), H264_SLICE_DATA_CANNOT_TELL);
    buf_unref(&stream);
}

/* cabac_zero_words are part of the slice; what else stands behind it is not understood. */
static void test_what_follows(void **state)
{
    static const struct {
        const char *name;
        uint8_t bytes[6];
        size_t size;
        enum h264_slice_data_answer expected;
    } rows[] = {
        {"high.h264", {0, 0, 3, 0, 0, 3}, 6, H264_SLICE_DATA_WHOLE},
        {"high.h264", {0, 0, 3}, 3, H264_SLICE_DATA_WHOLE},
        {"high.h264", {0x80}, 1, H264_SLICE_DATA_CANNOT_TELL},
        {"baseline.h264", {0, 0, 3}, 3, H264_SLICE_DATA_WHOLE},
        {"baseline.h264", {0x80}, 1, H264_SLICE_DATA_CANNOT_TELL},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf *stream = sample_read(rows[i].name);
        const struct bytes idr = sample_nal(buf_bytes(stream), H264_NAL_IDR, 0);
        uint8_t longer[4096];
        memcpy(longer, idr.data, idr.size);
        memcpy(longer + idr.size, rows[i].bytes, rows[i].size);
        assert_int_equal(answer_of(buf_bytes(stream), bytes_of(longer, idr.size + rows[i].size)),
                         rows[i].expected);
        buf_unref(&stream);
    }
}

/* Damaged bits: any answer, but within bounds and time, and the same one however it is cut, unless
 * it looks whole before its end. */
static void test_damaged(void **state)
{
    for (size_t i = 0; i < N_OF(told); i++) {
        struct buf *stream = sample_read(told[i]);
        struct h264_sets sets = {0};
        struct h264_nal_iterator it;
        struct bytes nal;
        unsigned n = 0;
        for (h264_nal_begin(&it, buf_bytes(stream)); h264_nal_next(&it, &nal);) {
            h264_sets_put(&sets, nal);
            if (!is_slice(nal) || nal.size > 2000) {
                continue;
            }
            uint8_t damaged[2000];
            memcpy(damaged, nal.data, nal.size);
            damaged[1 + n * 37 % (nal.size - 1)] ^= (uint8_t)(1 << n % 8);
            n++;
            struct h264_slice_data whole = {0}, on = {0};
            h264_slice_data_begin(&whole);
            h264_slice_data_begin(&on);
            const struct bytes in = bytes_of(damaged, nal.size);
            const enum h264_slice_data_answer answer = read_copy(&whole, in, false, &sets);
            for (size_t size = 0; size < in.size; size++) {
                read_copy(&on, bytes_of(damaged, size), false, &sets);
            }
            if (read_copy(&on, in, false, &sets) != H264_SLICE_DATA_WHOLE) {
                assert_int_equal(on.answer, answer);
            }
            h264_slice_data_finish(&whole);
            h264_slice_data_finish(&on);
        }
        h264_sets_finish(&sets);
        buf_unref(&stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_not_read),
        cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
