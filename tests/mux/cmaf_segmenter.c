/* Frames in, parts and segments out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "mux/cmaf_segmenter.h"

static const int64_t frame_ns = NS_PER_S / 30;

static struct cmaf_segmenter s;
static unsigned n_added;

static bool add_at(int64_t pts_ns, bool is_key, bool has_init)
{
    char text[8];
    snprintf(text, sizeof(text), "%04u", n_added++);
    struct buf *bytes = buf_copy(bytes_of_text(text));
    struct buf *init = has_init ? buf_copy(bytes_of_text("init")) : NULL;
    const struct cmaf_fragment fragment = {
        .bytes = bytes,
        .init = init,
        .pts_ns = pts_ns,
        .capture_ns = pts_ns + 1000 * NS_PER_S,
        .is_key = is_key,
    };
    const bool has_part = cmaf_segmenter_add(&s, &fragment);
    buf_unref(&bytes);
    buf_unref(&init);
    return has_part;
}

/* Frames first .. end of 30 a second, each gop-th of them a keyframe. */
static void add_frames(unsigned first, unsigned end, unsigned gop)
{
    for (unsigned i = first; i < end; i++) {
        add_at(i * frame_ns, i % gop == 0, i == 0);
    }
}

static int setup(void **state)
{
    n_added = 0;
    cmaf_segmenter_init(&s, frame_ns);
    return 0;
}

static int teardown(void **state)
{
    cmaf_segmenter_finish(&s);
    assert_int_equal(s.n_bytes, 0);
    return 0;
}

static void test_parts_are_there_with_their_last_frame(void **state)
{
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(add_at(i * frame_ns, i == 0, i == 0), i == 5);
    }
    const struct cmaf_part *part = cmaf_segmenter_part(&s, 0);
    assert_true(bytes_equal(buf_bytes(part->bytes), bytes_of_text("000000010002000300040005")));
    assert_int_equal(part->duration_ns, 6 * frame_ns);
    assert_true(part->is_independent);
    assert_null(cmaf_segmenter_part(&s, 1));
}

static void test_segments_end_at_keyframes_after_two_seconds(void **state)
{
    add_frames(0, 151, 30); /* a keyframe a second */
    const struct cmaf_segment *g = cmaf_segmenter_segment(&s, 0);
    assert_true(g->is_whole);
    assert_int_equal(g->duration_ns, 60 * frame_ns);
    assert_int_equal(g->n_parts, 10);
    assert_true(g->parts[5].is_independent); /* the keyframe inside */
    assert_false(g->parts[6].is_independent);
    assert_int_equal(g->bytes->size, 60 * 4);
    assert_int_equal(g->capture_ns, 1000 * NS_PER_S);
    g = cmaf_segmenter_segment(&s, 1);
    assert_true(g->is_whole);
    assert_int_equal(g->start_ns, 60 * frame_ns);
    assert_int_equal(g->parts[0].number, 10); /* parts are numbered through */
    assert_false(cmaf_segmenter_segment(&s, 2)->is_whole);
    assert_int_equal(cmaf_segmenter_growth_ns(&s), 31 * frame_ns);
}

static void test_a_keyframe_between_begins_a_part(void **state)
{
    for (unsigned i = 0; i < 20; i++) {
        add_at(i * frame_ns, i == 0 || i == 8, i == 0);
    }
    assert_int_equal(cmaf_segmenter_part(&s, 1)->duration_ns, 2 * frame_ns);
    assert_true(cmaf_segmenter_part(&s, 2)->is_independent);
    assert_int_equal(cmaf_segmenter_part(&s, 2)->duration_ns, 6 * frame_ns);
}

static void test_slow_frames_make_no_part_too_long(void **state)
{
    for (unsigned i = 0; i < 40; i++) { /* 14 a second instead of 30 */
        add_at(i * NS_PER_S / 14, i == 0, i == 0);
    }
    for (uint64_t n = 0; n < s.next_part; n++) {
        assert_true(cmaf_segmenter_part(&s, n)->duration_ns <= s.part_ns);
    }
}

static void test_slower_than_a_part(void **state)
{
    cmaf_segmenter_finish(&s);
    cmaf_segmenter_init(&s, NS_PER_S / 2);
    for (unsigned i = 0; i < 9; i++) {
        assert_true(add_at(i * NS_PER_S / 2, i % 4 == 0, i == 0));
    }
    assert_int_equal(s.part_ns, NS_PER_S / 2);
    assert_int_equal(cmaf_segmenter_segment(&s, 0)->n_parts, 4);
}

static void test_nothing_before_a_keyframe(void **state)
{
    assert_false(add_at(0, false, false));
    assert_int_equal(s.end_segment, 0);
    assert_int_equal(cmaf_segmenter_growth_ns(&s), 0);
}

static void test_another_track_and_a_gap_are_discontinuous(void **state)
{
    add_frames(0, 70, 60);
    add_at(70 * frame_ns, true, true);
    assert_true(cmaf_segmenter_segment(&s, 1)->is_whole);
    assert_int_equal(cmaf_segmenter_segment(&s, 1)->duration_ns, 10 * frame_ns);
    const struct cmaf_segment *g = cmaf_segmenter_segment(&s, 2);
    assert_true(g->is_discontinuous);
    assert_int_equal(g->init_number, 2);
    add_at(5 * NS_PER_S, true, false);
    assert_int_equal(cmaf_segmenter_segment(&s, 2)->duration_ns, frame_ns);
    assert_true(cmaf_segmenter_segment(&s, 3)->is_discontinuous);
    assert_int_equal(cmaf_segmenter_segment(&s, 3)->init_number, 2);
}

static void test_what_is_kept_is_bounded(void **state)
{
    add_frames(0, 60 * 40, 60);
    assert_int_equal(s.end_segment - s.first_segment, CMAF_SEGMENTS_MAX);
    assert_null(cmaf_segmenter_segment(&s, s.first_segment - 1));
    assert_null(cmaf_segmenter_part(&s, 0));
    unsigned n_parted = 0;
    for (uint64_t n = s.first_segment; n < s.end_segment; n++) {
        n_parted += cmaf_segmenter_segment(&s, n)->n_parts > 0;
    }
    assert_int_equal(n_parted, CMAF_PARTED_SEGMENTS);
}

/* No keyframe for long: parts beyond what a segment can have are joined to its last. */
static void test_a_segment_without_end(void **state)
{
    add_frames(0, 6 * (CMAF_PARTS_MAX + 10), 100000);
    const struct cmaf_segment *g = cmaf_segmenter_segment(&s, 0);
    assert_int_equal(g->n_parts, CMAF_PARTS_MAX);
    size_t n_bytes = 0;
    for (unsigned i = 0; i < g->n_parts; i++) {
        n_bytes += g->parts[i].bytes->size;
    }
    assert_int_equal(n_bytes, 6 * (CMAF_PARTS_MAX + 10) * 4);
    assert_int_equal(s.n_bytes, n_bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_parts_are_there_with_their_last_frame),
        TEST(test_segments_end_at_keyframes_after_two_seconds),
        TEST(test_a_keyframe_between_begins_a_part),
        TEST(test_slow_frames_make_no_part_too_long),
        TEST(test_slower_than_a_part),
        TEST(test_nothing_before_a_keyframe),
        TEST(test_another_track_and_a_gap_are_discontinuous),
        TEST(test_what_is_kept_is_bounded),
        TEST(test_a_segment_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
