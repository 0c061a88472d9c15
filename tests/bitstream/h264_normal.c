#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "bitstream/h264.h"
#include "sample.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* An access unit put together from NAL units, with three-byte start codes. */
struct unit {
    uint8_t data[8192];
    size_t size;
};

static void add(struct unit *u, struct bytes nal)
{
    static const uint8_t code[] = {0, 0, 1};
    memcpy(u->data + u->size, code, sizeof(code));
    memcpy(u->data + u->size + sizeof(code), nal.data, nal.size);
    u->size += sizeof(code) + nal.size;
}

static int make(struct h264_normal *n, const struct unit *u, struct packet **out)
{
    return h264_normal_make(n, bytes_of(u->data, u->size), out);
}

/* Sets in a buffer of their own, as V4L2 encoders give them; noise around the slices. */
static void test_sets_apart_and_noise(void **state)
{
    struct buf *stream = sample_read("baseline.h264");
    const struct bytes in = buf_bytes(stream);
    const struct bytes sps = sample_nal(in, H264_NAL_SPS, 0);
    const struct bytes pps = sample_nal(in, H264_NAL_PPS, 0);
    const struct bytes idr = sample_nal(in, H264_NAL_IDR, 0);
    const uint8_t aud[] = {9, 0xf0}, filler[] = {12, 0xff, 0x80}, end[] = {10},
                  sei[] = {6, 5, 1, 9, 0x80};
    const uint8_t prefix[] = {14, 1, 2, 0x80};

    struct h264_normal n;
    h264_normal_init(&n);
    struct packet *p = NULL;
    struct unit u = {.size = 0};
    add(&u, sps);
    add(&u, pps);
    assert_int_equal(make(&n, &u, &p), -EAGAIN);
    assert_int_equal(n.n_tracks, 0);
    u.size = 0;
    add(&u, bytes_of(aud, sizeof(aud)));
    add(&u, bytes_of(sei, sizeof(sei)));
    add(&u, bytes_of(prefix, sizeof(prefix)));
    add(&u, idr);
    add(&u, bytes_of(filler, sizeof(filler)));
    add(&u, bytes_of(end, sizeof(end)));
    assert_int_equal(make(&n, &u, &p), 0);
    assert_int_equal(n.n_tracks, 1);
    assert_int_equal(p->flags, PACKET_KEY);
    assert_true(sample_is_normal(packet_bytes(p), true));
    struct unit expected = {.size = 0};
    struct byte_writer w;
    byte_writer_init(&w, expected.data, sizeof(expected.data));
    h264_nal_write(&w, sps);
    h264_nal_write(&w, pps);
    h264_nal_write(&w, bytes_of(sei, sizeof(sei)));
    h264_nal_write(&w, idr);
    assert_true(bytes_equal(packet_bytes(p), bytes_of(expected.data, byte_writer_size(&w))));
    assert_string_equal(n.track.codec_string, "avc1.42c00a");
    assert_int_equal(n.track.size.width, 64);
    assert_int_equal(n.track.rate.num, 30);
    const size_t sets_size = 2 * H264_START_CODE_SIZE + sps.size + pps.size;
    assert_true(bytes_equal(buf_bytes(n.track.parameter_sets), bytes_of(expected.data, sets_size)));
    packet_unref(&p);
    h264_normal_finish(&n);
    buf_unref(&stream);
}

static void test_losses(void **state)
{
    struct buf *stream = sample_read("baseline.h264");
    const struct bytes in = buf_bytes(stream);
    struct unit key = {.size = 0}, delta = {.size = 0}, broken = {.size = 0};
    add(&key, sample_nal(in, H264_NAL_SPS, 0));
    add(&key, sample_nal(in, H264_NAL_PPS, 0));
    add(&key, sample_nal(in, H264_NAL_IDR, 0));
    add(&delta, sample_nal(in, H264_NAL_SLICE, 0));
    const uint8_t zeros[] = {0x41, 0, 0, 3, 0, 1};
    add(&broken, bytes_of(zeros, sizeof(zeros)));
    struct unit tail = {.size = 0};
    const uint8_t second_slice[] = {0x41, 0x4a, 0x88, 0x80, 0x80, 0x81}; /* first_mb_in_slice 1 */
    add(&tail, bytes_of(second_slice, sizeof(second_slice)));

    struct h264_normal n;
    h264_normal_init(&n);
    const struct {
        const struct unit *in;
        int expected;
        unsigned flags;
    } steps[] = {
        {&delta, -EAGAIN, 0},
        {&broken, -EAGAIN, 0},
        {&key, 0, PACKET_KEY},
        {&delta, 0, 0},
        {&broken, -EBADMSG, 0},
        {&delta, -EAGAIN, 0},
        {&key, 0, PACKET_KEY | PACKET_DISCONTINUITY},
        {&delta, 0, 0},
        {&tail, -EBADMSG, 0},
        {&delta, -EAGAIN, 0},
        {&key, 0, PACKET_KEY | PACKET_DISCONTINUITY},
    };
    for (size_t i = 0; i < N_OF(steps); i++) {
        struct packet *p = NULL;
        assert_int_equal(make(&n, steps[i].in, &p), steps[i].expected);
        assert_true((p != NULL) == (steps[i].expected == 0));
        if (p) {
            assert_int_equal(p->flags, steps[i].flags);
            packet_unref(&p);
        }
    }
    assert_int_equal(n.n_tracks, 1);
    h264_normal_finish(&n);
    buf_unref(&stream);
}

static void test_track_changes(void **state)
{
    static const char *const names[] = {"baseline.h264", "high.h264", "high.h264",
                                        "cropped_1080p.h264", "baseline.h264"};
    static const unsigned expected[] = {1, 2, 2, 3, 4};
    struct h264_normal n;
    h264_normal_init(&n);
    for (size_t i = 0; i < N_OF(names); i++) {
        struct buf *stream = sample_read(names[i]);
        struct unit u = {.size = 0};
        add(&u, sample_nal(buf_bytes(stream), H264_NAL_SPS, 0));
        add(&u, sample_nal(buf_bytes(stream), H264_NAL_PPS, 0));
        add(&u, sample_nal(buf_bytes(stream), H264_NAL_IDR, 0));
        struct packet *p = NULL;
        assert_int_equal(make(&n, &u, &p), 0);
        assert_int_equal(n.n_tracks, expected[i]);
        assert_memory_equal(p->data, n.track.parameter_sets->data, n.track.parameter_sets->size);
        packet_unref(&p);
        buf_unref(&stream);
    }
    h264_normal_finish(&n);
}

static void test_changed_pps_stays_in_band(void **state)
{
    struct buf *stream = sample_read("baseline.h264");
    const struct bytes in = buf_bytes(stream);
    const struct bytes pps = sample_nal(in, H264_NAL_PPS, 0);
    struct unit key = {.size = 0}, delta = {.size = 0};
    add(&key, sample_nal(in, H264_NAL_SPS, 0));
    add(&key, pps);
    add(&key, sample_nal(in, H264_NAL_IDR, 0));
    uint8_t changed[64];
    memcpy(changed, pps.data, pps.size);
    changed[pps.size - 1] ^= 0x40; /* one of the last fields */
    add(&delta, bytes_of(changed, pps.size));
    add(&delta, sample_nal(in, H264_NAL_SLICE, 0));

    struct h264_normal n;
    h264_normal_init(&n);
    struct packet *p = NULL;
    assert_int_equal(make(&n, &key, &p), 0);
    packet_unref(&p);
    assert_int_equal(make(&n, &delta, &p), 0);
    assert_true(
        bytes_equal(sample_nal(packet_bytes(p), H264_NAL_PPS, 0), bytes_of(changed, pps.size)));
    packet_unref(&p);
    assert_int_equal(make(&n, &delta, &p), 0); /* sent already */
    assert_int_equal(h264_nal_type(bytes_of(p->data + 4, 1)), H264_NAL_SLICE);
    packet_unref(&p);
    h264_normal_finish(&n);
    buf_unref(&stream);
}

/* Pictures of one NAL unit each through a normaliser, with the SPS of each key picture. */
struct run {
    unsigned n_packets, n_keys, n_tracks;
    bool is_reordered;
    unsigned restricted[8]; /* per key picture: 0 no restriction, else 1 + max_num_reorder_frames */
};

static struct run run_pictures(struct bytes in)
{
    struct run run = {0};
    struct h264_normal n;
    h264_normal_init(&n);
    struct unit u = {.size = 0};
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, in); h264_nal_next(&it, &nal);) {
        add(&u, nal);
        if (!h264_nal_is_vcl(nal)) {
            continue;
        }
        struct packet *p = NULL;
        if (make(&n, &u, &p) == 0) {
            assert_true(sample_is_normal(packet_bytes(p), packet_is_key(p)));
            run.n_packets++;
            if (packet_is_key(p)) {
                struct h264_sps sps;
                h264_sps_parse(sample_nal(packet_bytes(p), H264_NAL_SPS, 0), &sps);
                run.restricted[run.n_keys++ % 8] =
                    sps.has_bitstream_restriction ? 1u + sps.max_num_reorder_frames : 0u;
            }
            packet_unref(&p);
        }
        u.size = 0;
    }
    run.n_tracks = n.n_tracks;
    run.is_reordered = n.track.is_reordered;
    h264_normal_finish(&n);
    return run;
}

static void test_rewrite_while_in_order(void **state)
{
    static const struct {
        const char *name;
        bool is_cut;
        unsigned n_packets, n_keys, n_tracks;
        unsigned restricted[4];
    } rows[] = {
        {"high.h264", true, 12, 2, 1, {1, 1}},
        {"baseline.h264", true, 12, 3, 1, {1, 1, 1}},
        {"interlaced.h264", true, 4, 1, 1, {1}},
        {"reordered.h264", true, 16, 2, 2, {1, 0}}, /* seen in the first group of pictures */
        {"reordered.h264", false, 16, 2, 1, {3, 3}},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf *stream = sample_read(rows[i].name);
        if (rows[i].is_cut) {
            struct buf *cut = sample_with_cut_sps(buf_bytes(stream), SAMPLE_SPS_WITHOUT_VUI);
            buf_unref(&stream);
            stream = cut;
        }
        const struct run run = run_pictures(buf_bytes(stream));
        assert_int_equal(run.n_packets, rows[i].n_packets);
        assert_int_equal(run.n_keys, rows[i].n_keys);
        assert_int_equal(run.n_tracks, rows[i].n_tracks);
        assert_int_equal(run.is_reordered, strcmp(rows[i].name, "reordered.h264") == 0);
        for (unsigned k = 0; k < run.n_keys; k++) {
            assert_int_equal(run.restricted[k], rows[i].restricted[k]);
        }
        buf_unref(&stream);
    }
}

/* With an IDR picture only it is the key; a stream joined behind it begins at a recovery point. */
static void test_recovery_points(void **state)
{
    struct buf *stream = sample_read("open_gop.h264");
    const struct bytes in = buf_bytes(stream);
    const struct run whole = run_pictures(in);
    assert_int_equal(whole.n_packets, 10);
    assert_int_equal(whole.n_keys, 1);
    const struct bytes idr = sample_nal(in, H264_NAL_IDR, 0);
    const size_t after = (size_t)(idr.data - in.data) + idr.size;
    const struct run joined = run_pictures(bytes_of(in.data + after, in.size - after));
    assert_true(joined.n_packets > 0 && joined.n_packets < 10);
    assert_int_equal(joined.n_keys, 2);
    buf_unref(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_apart_and_noise),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_track_changes),
        cmocka_unit_test(test_changed_pps_stays_in_band),
        cmocka_unit_test(test_rewrite_while_in_order),
        cmocka_unit_test(test_recovery_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
