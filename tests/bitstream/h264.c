#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/bits.h"
#include "bitstream/h264.h"
#include "sample.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static void test_nal_iterator(void **state)
{
    static const struct {
        const char *name;
        uint8_t in[24];
        size_t size;
        const char *expected; /* the NAL units, in hexadecimal, each followed by a space */
    } rows[] = {
        {"nothing", {0}, 0, ""},
        {"no start code", {1, 2, 3, 4}, 4, ""},
        {"three bytes", {0, 0, 1, 0x67, 5}, 5, "6705 "},
        {"four bytes", {0, 0, 0, 1, 0x67, 5}, 6, "6705 "},
        {"garbage first", {9, 1, 0, 0, 1, 0x67}, 6, "67 "},
        {"mixed", {0, 0, 1, 0x67, 0, 0, 0, 1, 0x68, 0, 0, 1, 0x65, 7}, 14, "67 68 6507 "},
        {"trailing zeros", {0, 0, 1, 0x67, 5, 0, 0, 0, 0, 0, 1, 0x68, 0, 0, 0}, 15, "6705 68 "},
        {"empty ones", {0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0x68}, 11, "68 "},
        {"start code at the end", {0, 0, 1, 0x68, 0, 0, 1}, 7, "68 "},
        {"ones inside",
         {0, 0, 1, 0x41, 1, 0, 1, 1, 0, 0, 3, 1},
         12,
         "4101000101000003"
         "01 "},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        char out[80] = "";
        size_t length = 0;
        struct h264_nal_iterator it;
        struct bytes nal;
        for (h264_nal_begin(&it, bytes_of(rows[i].in, rows[i].size)); h264_nal_next(&it, &nal);) {
            for (size_t j = 0; j < nal.size; j++) {
                length += (size_t)sprintf(out + length, "%02x", nal.data[j]);
            }
            length += (size_t)sprintf(out + length, " ");
        }
        assert_string_equal(out, rows[i].expected);
    }
}

static void test_emulation_prevention(void **state)
{
    static const struct {
        uint8_t raw[8];
        size_t raw_size;
        uint8_t escaped[12];
        size_t escaped_size;
    } rows[] = {
        {{0x67, 0, 0, 0}, 4, {0x67, 0, 0, 3, 0}, 5},
        {{0x67, 0, 0, 1}, 4, {0x67, 0, 0, 3, 1}, 5},
        {{0x67, 0, 0, 3}, 4, {0x67, 0, 0, 3, 3}, 5},
        {{0x67, 0, 0, 4}, 4, {0x67, 0, 0, 4}, 4},
        {{0x67, 0, 0, 0, 0, 0, 1}, 7, {0x67, 0, 0, 3, 0, 0, 3, 0, 1}, 9},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        uint8_t out[16];
        const size_t escaped = h264_nal_escape(bytes_of(rows[i].raw, rows[i].raw_size), out, 16);
        assert_int_equal(escaped, rows[i].escaped_size);
        assert_memory_equal(out, rows[i].escaped, escaped);
        const size_t raw = h264_nal_unescape(bytes_of(rows[i].escaped, escaped), out, 16);
        assert_int_equal(raw, rows[i].raw_size);
        assert_memory_equal(out, rows[i].raw, raw);
    }
    uint8_t small[3];
    assert_int_equal(h264_nal_escape(bytes_of(rows[0].raw, 4), small, sizeof(small)), 0);
    assert_int_equal(h264_nal_unescape(bytes_of(rows[0].escaped, 5), small, sizeof(small)), 3);
}

static void test_sps_of_x264(void **state)
{
    static const struct {
        const char *name;
        const char *codec_string;
        struct picture_size coded_size, size;
        struct rational rate, aspect;
        unsigned pic_order_cnt_type, n_reorder, n_buffered;
        bool frame_mbs_only;
    } rows[] = {
        {"baseline.h264", "avc1.42c00a", {64, 48}, {64, 48}, {30, 1}, {1, 1}, 2, 0, 3, true},
        {"high.h264", "avc1.64000a", {64, 48}, {64, 48}, {30, 1}, {1, 1}, 2, 0, 3, true},
        {"reordered.h264", "avc1.64000a", {64, 48}, {64, 48}, {30, 1}, {1, 1}, 0, 2, 4, true},
        {"slices.h264", "avc1.4d500b", {64, 48}, {64, 48}, {30, 1}, {1, 1}, 2, 0, 3, true},
        {"cropped_1080p.h264",
         "avc1.640028",
         {1920, 1088},
         {1920, 1080},
         {25, 1},
         {1, 1},
         2,
         0,
         3,
         true},
        {"interlaced.h264", "avc1.640015", {64, 64}, {64, 64}, {25, 1}, {1, 1}, 0, 0, 3, false},
        {"interlaced_1080.h264",
         "avc1.640028",
         {1920, 1088},
         {1920, 1080},
         {25, 1},
         {1, 1},
         0,
         0,
         3,
         false},
        {"high422.h264", "avc1.7a000a", {64, 48}, {50, 38}, {50, 1}, {1, 1}, 2, 0, 3, true},
        {"high444.h264", "avc1.f4000a", {64, 48}, {50, 38}, {50, 1}, {1, 1}, 2, 0, 3, true},
        {"gray.h264", "avc1.64000a", {64, 48}, {50, 38}, {50, 1}, {1, 1}, 0, 1, 3, true},
        {"sar.h264", "avc1.4d400a", {64, 48}, {64, 48}, {30000, 1001}, {16, 11}, 2, 0, 3, true},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf *stream = sample_read(rows[i].name);
        const struct bytes nal = sample_nal(buf_bytes(stream), H264_NAL_SPS, 0);
        struct h264_sps sps;
        assert_int_equal(h264_sps_parse(nal, &sps), 0);
        char codec_string[TRACK_CODEC_STRING_SIZE];
        h264_config_codec_string(nal, codec_string);
        assert_string_equal(codec_string, rows[i].codec_string);
        assert_int_equal(sps.coded_size.width, rows[i].coded_size.width);
        assert_int_equal(sps.coded_size.height, rows[i].coded_size.height);
        assert_int_equal(sps.size.width, rows[i].size.width);
        assert_int_equal(sps.size.height, rows[i].size.height);
        assert_int_equal(sps.rate.num, rows[i].rate.num);
        assert_int_equal(sps.rate.den, rows[i].rate.den);
        assert_int_equal(sps.sample_aspect.num, rows[i].aspect.num);
        assert_int_equal(sps.sample_aspect.den, rows[i].aspect.den);
        assert_int_equal(sps.pic_order_cnt_type, rows[i].pic_order_cnt_type);
        assert_true(sps.has_bitstream_restriction);
        assert_int_equal(sps.max_num_reorder_frames, rows[i].n_reorder);
        assert_int_equal(sps.max_dec_frame_buffering, rows[i].n_buffered);
        assert_int_equal(sps.frame_mbs_only, rows[i].frame_mbs_only);
        buf_unref(&stream);
    }
}

/* Every sample, its SPS cut at the VUI or the restriction, rewritten: all else is as it was. */
static void test_sps_rewrite(void **state)
{
    static const char *const names[] = {"baseline.h264", "high.h264",       "reordered.h264",
                                        "slices.h264",   "interlaced.h264", "cropped_1080p.h264"};
    for (size_t i = 0; i < 2 * N_OF(names); i++) {
        const enum sample_sps kind =
            i % 2 ? SAMPLE_SPS_WITHOUT_VUI : SAMPLE_SPS_WITHOUT_RESTRICTION;
        struct buf *stream = sample_read(names[i / 2]);
        const struct bytes whole = sample_nal(buf_bytes(stream), H264_NAL_SPS, 0);
        uint8_t cut[H264_SPS_SIZE_MAX];
        uint8_t out[H264_SPS_SIZE_MAX];
        const struct bytes nal = bytes_of(cut, sample_cut_sps(whole, kind, cut, sizeof(cut)));
        struct h264_sps before, after;
        assert_int_equal(h264_sps_parse(nal, &before), 0);
        assert_false(before.has_bitstream_restriction);
        size_t size = 0;
        assert_int_equal(h264_sps_rewrite(nal, &before, out, sizeof(out), &size), 0);
        assert_int_equal(h264_sps_parse(bytes_of(out, size), &after), 0);
        assert_true(after.has_bitstream_restriction && !after.has_broken_vui);
        assert_int_equal(after.max_num_reorder_frames, 0);
        assert_int_equal(after.max_dec_frame_buffering, before.max_num_ref_frames);
        const size_t same_bits = kind == SAMPLE_SPS_WITHOUT_VUI ? before.vui_flag_pos_bits
                                                                : before.restriction_flag_pos_bits;
        uint8_t a[H264_SPS_SIZE_MAX], b[H264_SPS_SIZE_MAX];
        h264_nal_unescape(nal, a, sizeof(a));
        h264_nal_unescape(bytes_of(out, size), b, sizeof(b));
        assert_memory_equal(a, b, same_bits / 8);
        assert_int_equal(a[same_bits / 8] >> (8 - same_bits % 8),
                         b[same_bits / 8] >> (8 - same_bits % 8));
        assert_int_equal(after.rate.num, kind == SAMPLE_SPS_WITHOUT_VUI ? 0 : before.rate.num);
        assert_int_equal(h264_sps_rewrite(nal, &before, out, 10, &size), -ENOSPC);
        buf_unref(&stream);
    }
}

static void test_sps_cut_anywhere_is_refused_or_partly_read(void **state)
{
    struct buf *stream = sample_read("high.h264");
    const struct bytes nal = sample_nal(buf_bytes(stream), H264_NAL_SPS, 0);
    struct h264_sps whole, sps;
    assert_int_equal(h264_sps_parse(nal, &whole), 0);
    for (size_t size = 0; size < nal.size; size++) {
        const int rc = h264_sps_parse(bytes_of(nal.data, size), &sps);
        assert_true(rc == -EBADMSG || (rc == 0 && sps.size.width == 64));
        if (rc == 0 && size < nal.size - 3) {
            assert_true(sps.has_broken_vui);
            uint8_t out[H264_SPS_SIZE_MAX];
            size_t rewritten;
            assert_int_equal(h264_sps_rewrite(nal, &sps, out, sizeof(out), &rewritten), -ENOTSUP);
        }
    }
    buf_unref(&stream);
}

/* Baseline, level 1, ids and order type 2 as their shortest codes, then the size in macroblocks. */
static size_t write_sps_of_size(uint32_t width_mbs, uint32_t height_mbs, uint8_t *out, size_t size)
{
    struct bit_writer w;
    bit_writer_init(&w, out, size);
    bit_writer_u(&w, 0x6742c00a, 32);
    bit_writer_ue(&w, 0); /* seq_parameter_set_id */
    bit_writer_ue(&w, 0); /* log2_max_frame_num_minus4 */
    bit_writer_ue(&w, 2); /* pic_order_cnt_type */
    bit_writer_ue(&w, 1); /* max_num_ref_frames */
    bit_writer_u(&w, 0, 1);
    bit_writer_ue(&w, width_mbs - 1);
    bit_writer_ue(&w, height_mbs - 1);
    bit_writer_u(&w, 1, 1); /* frame_mbs_only_flag */
    bit_writer_u(&w, 4, 3); /* direct_8x8_inference_flag, no cropping, no VUI */
    return bit_writer_finish(&w);
}

static void test_absurd_sizes(void **state)
{
    static const struct {
        uint32_t width_mbs, height_mbs;
        int expected;
    } rows[] = {{80, 45, 0},         {1, 1, 0},
                {1024, 1, 0},        {1025, 1, -ENOTSUP},
                {1, 1025, -ENOTSUP}, {512, 273, -ENOTSUP},
                {512, 272, 0},       {65536, 65536, -ENOTSUP},
                {65537, 1, -EBADMSG}};
    for (size_t i = 0; i < N_OF(rows); i++) {
        uint8_t raw[64], nal[64];
        const size_t raw_size =
            write_sps_of_size(rows[i].width_mbs, rows[i].height_mbs, raw, sizeof(raw));
        const size_t size = h264_nal_escape(bytes_of(raw, raw_size), nal, sizeof(nal));
        struct h264_sps sps;
        assert_int_equal(h264_sps_parse(bytes_of(nal, size), &sps), rows[i].expected);
    }
}

/* §7.3.2.1.1.1: a list of deltas; one that leads to 0 ends it. */
static void write_scaling_lists(struct bit_writer *w, unsigned n_lists)
{
    for (unsigned i = 0; i < n_lists; i++) {
        bit_writer_u(w, i % 3 != 2, 1); /* seq_scaling_list_present_flag */
        if (i % 3 == 0) {
            for (unsigned j = 0; j < (i < 6 ? 16u : 64u); j++) {
                bit_writer_se(w, j % 2 ? 3 : -3);
            }
        } else if (i % 3 == 1) {
            bit_writer_se(w, i == 1 ? -8 : 1); /* at once, or after one entry */
            if (i != 1) {
                bit_writer_se(w, -9);
            }
        }
    }
}

static void test_sps_with_rare_fields(void **state)
{
    static const struct {
        const char *name;
        unsigned chroma_format_idc, pic_order_cnt_type;
    } rows[] = {{"8 lists, order type 0", 1, 0},
                {"12 lists, order type 1", 3, 1},
                {"8 lists, order type 1", 0, 1}};
    for (size_t i = 0; i < N_OF(rows); i++) {
        uint8_t raw[512], nal[512];
        struct bit_writer w;
        bit_writer_init(&w, raw, sizeof(raw));
        bit_writer_u(&w, 0x67f40028, 32);
        bit_writer_ue(&w, 31); /* seq_parameter_set_id */
        bit_writer_ue(&w, rows[i].chroma_format_idc);
        if (rows[i].chroma_format_idc == 3) {
            bit_writer_u(&w, 1, 1); /* separate_colour_plane_flag */
        }
        bit_writer_ue(&w, 2); /* bit_depth_luma_minus8 */
        bit_writer_ue(&w, 0);
        bit_writer_u(&w, 1, 2); /* qpprime_y_zero_transform_bypass, seq_scaling_matrix_present */
        write_scaling_lists(&w, rows[i].chroma_format_idc == 3 ? 12 : 8);
        bit_writer_ue(&w, 12); /* log2_max_frame_num_minus4 */
        bit_writer_ue(&w, rows[i].pic_order_cnt_type);
        if (rows[i].pic_order_cnt_type == 0) {
            bit_writer_ue(&w, 5);
        } else {
            bit_writer_u(&w, 0, 1); /* delta_pic_order_always_zero_flag */
            bit_writer_se(&w, -100);
            bit_writer_se(&w, 100);
            bit_writer_ue(&w, 3);
            for (int32_t offset = -1; offset <= 1; offset++) {
                bit_writer_se(&w, offset);
            }
        }
        bit_writer_ue(&w, 4); /* max_num_ref_frames */
        bit_writer_u(&w, 0, 1);
        bit_writer_ue(&w, 39); /* 640x480 */
        bit_writer_ue(&w, 29);
        bit_writer_u(&w, 5, 3); /* frame_mbs_only, direct_8x8_inference 0, cropping */
        bit_writer_ue(&w, 1);
        bit_writer_ue(&w, 2);
        bit_writer_ue(&w, 3);
        bit_writer_ue(&w, 4);
        bit_writer_u(&w, 0, 1); /* no VUI */
        const size_t raw_size = bit_writer_finish(&w);
        const size_t size = h264_nal_escape(bytes_of(raw, raw_size), nal, sizeof(nal));
        struct h264_sps sps;
        assert_int_equal(h264_sps_parse(bytes_of(nal, size), &sps), 0);
        assert_int_equal(sps.id, 31);
        assert_int_equal(sps.bit_depth_luma, 10);
        assert_int_equal(sps.log2_max_frame_num, 16);
        assert_int_equal(sps.max_num_ref_frames, 4);
        const int32_t unit = rows[i].chroma_format_idc == 1 ? 2 : 1;
        assert_int_equal(sps.size.width, 640 - 3 * unit);
        assert_int_equal(sps.size.height, 480 - 7 * unit);
        assert_int_equal(sps.rate.num, 0);
    }
}

static void test_pps(void **state)
{
    static const struct {
        const char *name;
        bool is_cabac;
    } rows[] = {{"baseline.h264", false}, {"high.h264", true}, {"interlaced.h264", true}};
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf *stream = sample_read(rows[i].name);
        const struct bytes nal = sample_nal(buf_bytes(stream), H264_NAL_PPS, 0);
        struct h264_pps pps;
        assert_int_equal(h264_pps_parse(nal, &pps), 0);
        assert_int_equal(pps.id, 0);
        assert_int_equal(pps.entropy_coding_mode, rows[i].is_cabac);
        assert_int_equal(pps.n_slice_groups, 1);
        assert_int_equal(h264_pps_parse(bytes_of(nal.data, 2), &pps), -EBADMSG);
        buf_unref(&stream);
    }
}

static void test_sets_keep_the_latest(void **state)
{
    struct buf *stream = sample_read("baseline.h264");
    struct buf *other = sample_read("high.h264");
    const struct bytes sps = sample_nal(buf_bytes(stream), H264_NAL_SPS, 0);
    const struct bytes pps = sample_nal(buf_bytes(stream), H264_NAL_PPS, 0);
    const struct bytes idr = sample_nal(buf_bytes(stream), H264_NAL_IDR, 0);
    struct h264_sets sets = {0};
    struct h264_slice slice;
    assert_int_equal(h264_slice_parse(idr, &sets, &slice), -ENOENT);
    assert_int_equal(h264_sets_put(&sets, pps), 1);
    assert_int_equal(h264_slice_parse(idr, &sets, &slice), -ENOENT);
    assert_int_equal(h264_sets_put(&sets, sps), 1);
    assert_int_equal(h264_slice_parse(idr, &sets, &slice), 0);
    assert_true(slice.is_idr && slice.first_mb == 0 && slice.type == H264_SLICE_I);
    assert_int_equal(h264_sets_put(&sets, sps), 0);
    assert_int_equal(h264_sets_put(&sets, bytes_of(sps.data, 3)), -EBADMSG);
    assert_int_equal(h264_sets_put(&sets, idr), 0);
    assert_int_equal(h264_sets_put(&sets, sample_nal(buf_bytes(other), H264_NAL_SPS, 0)), 1);
    assert_int_equal(sets.sps[0]->sps.profile_idc, 100);
    for (size_t size = 0; size < idr.size; size++) {
        const int rc = h264_slice_parse(bytes_of(idr.data, size), &sets, &slice);
        assert_true(rc == -EAGAIN || (rc == 0 && size > 1));
    }
    h264_sets_finish(&sets);
    buf_unref(&stream);
    buf_unref(&other);
}

static void test_slice_begins_picture(void **state)
{
    const struct h264_slice base = {
        .nal_ref_idc = 2, .is_idr = true, .first_mb = 0, .frame_num = 1};
    struct h264_slice rows[10];
    for (size_t i = 0; i < N_OF(rows); i++) {
        rows[i] = base;
    }
    rows[0].frame_num = 2;
    rows[1].pps_id = 1;
    rows[2].is_field = true;
    rows[3].is_bottom = true;
    rows[4].nal_ref_idc = 0;
    rows[5].is_idr = false;
    rows[6].idr_pic_id = 1;
    rows[7].pic_order_cnt_lsb = 2;
    rows[8].delta_pic_order_cnt_bottom = -1;
    rows[9].delta_pic_order_cnt[1] = 1;
    for (size_t i = 0; i < N_OF(rows); i++) {
        assert_true(h264_slice_begins_picture(&base, &rows[i]));
    }
    struct h264_slice same = base;
    same.nal_ref_idc = 3;
    same.first_mb = 40;
    same.type = H264_SLICE_I;
    assert_false(h264_slice_begins_picture(&base, &same));
}

/* Pictures in sending order by pic_order_cnt_lsb, 4 bits. */
static void test_order(void **state)
{
    static const struct {
        const char *name;
        int lsb[20]; /* -1: IDR picture; below 64: reference; else 64 + lsb, not a reference */
        size_t n;
        bool expected;
    } rows[] = {
        {"in order, over the wrap",
         {-1, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14, 0},
         17,
         false},
        {"two B-frames once", {-1, 6, 64 + 2, 64 + 4, 12, 14}, 6, false},
        {"B-frames", {-1, 4, 64 + 2, 8, 64 + 6}, 5, true},
        {"B-frames over the wrap", {-1, 8, 14, 4, 64 + 2, 10, 64 + 8}, 7, true},
        {"back over the wrap", {-1, 8, 0, 64 + 14, 8, 0, 64 + 14}, 7, true},
        {"IDR pictures begin anew", {-1, 2, 4, -1, 2, 4, -1, 2, -1, 2}, 10, false},
        {"no references between", {-1, 64 + 2, 64 + 4, 64 + 6, 8, 64 + 10}, 6, false},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        const struct h264_sps sps = {.log2_max_pic_order_cnt_lsb = 4};
        struct h264_order order = {0};
        for (size_t n = 0; n < rows[i].n; n++) {
            const int lsb = rows[i].lsb[n];
            const struct h264_slice slice = {.is_idr = lsb < 0,
                                             .nal_ref_idc = lsb < 64,
                                             .pic_order_cnt_lsb = lsb < 0 ? 0 : (uint32_t)lsb % 64};
            h264_order_picture(&order, &slice, &sps);
        }
        assert_int_equal(h264_order_is_reordered(&order), rows[i].expected);
    }
}

static void test_avcc(void **state)
{
    struct buf *stream = sample_read("high.h264");
    const struct bytes sps = sample_nal(buf_bytes(stream), H264_NAL_SPS, 0);
    const struct bytes pps = sample_nal(buf_bytes(stream), H264_NAL_PPS, 0);
    struct track track = {.bitrate_bps = 5};
    assert_int_equal(h264_config_track(buf_bytes(stream), &track), 0);
    assert_string_equal(track.codec_string, "avc1.64000a");
    assert_int_equal(track.rate.num, 30);
    assert_int_equal(track.bitrate_bps, 5);
    struct buf *avcc = NULL;
    /* the sample has two IDR pictures, each with its sets; a track of a stream has one */
    struct buf *sets = buf_create(1024);
    struct byte_writer w;
    byte_writer_init(&w, sets->data, sets->capacity);
    h264_nal_write(&w, sps);
    h264_nal_write(&w, pps);
    sets->size = byte_writer_size(&w);
    assert_int_equal(h264_config_avcc(buf_bytes(sets), &avcc), 0);
    struct byte_reader r;
    byte_reader_init(&r, buf_bytes(avcc));
    assert_int_equal(byte_reader_u8(&r), 1);         /* configurationVersion */
    assert_int_equal(byte_reader_u24(&r), 0x64000a); /* profile, compatibility, level */
    assert_int_equal(byte_reader_u8(&r), 0xff);      /* lengthSizeMinusOne = 3 */
    assert_int_equal(byte_reader_u8(&r), 0xe1);      /* one SPS */
    assert_true(bytes_equal(byte_reader_bytes(&r, byte_reader_u16(&r)), sps));
    assert_int_equal(byte_reader_u8(&r), 1); /* one PPS */
    assert_true(bytes_equal(byte_reader_bytes(&r, byte_reader_u16(&r)), pps));
    assert_int_equal(byte_reader_u32(&r), 0xfdf8f800); /* 4:2:0, 8 bits, 8 bits, no extension */
    assert_false(r.error);
    assert_int_equal(byte_reader_left(&r), 0);
    assert_int_equal(h264_config_avcc(bytes_of(sets->data, 10), &avcc), -EBADMSG);
    buf_unref(&avcc);
    buf_unref(&sets);
    track_finish(&track);
    buf_unref(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nal_iterator),
        cmocka_unit_test(test_emulation_prevention),
        cmocka_unit_test(test_sps_of_x264),
        cmocka_unit_test(test_sps_rewrite),
        cmocka_unit_test(test_sps_cut_anywhere_is_refused_or_partly_read),
        cmocka_unit_test(test_absurd_sizes),
        cmocka_unit_test(test_sps_with_rare_fields),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_pps),
        cmocka_unit_test(test_sets_keep_the_latest),
        cmocka_unit_test(test_slice_begins_picture),
        cmocka_unit_test(test_avcc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
