#include "bitstream/h264_sps.h"

#include <errno.h>
#include <limits.h>

#include "base/bits.h"
#include "bitstream/h264_nal.h"

enum {
    MAX_RATE_FPS = 1000,
    CPB_CNT_MAX = 32,
    EXTENDED_SAR = 255,
    HEADER_BITS = 8, /* the NAL unit's first byte stays in front of the RBSP */
};

/* A reader whose sticky error also says "out of range". */
static uint32_t ue_max(struct bit_reader *r, uint32_t max)
{
    const uint32_t value = bit_reader_ue(r);
    r->error = r->error || value > max;
    return r->error ? 0 : value;
}

static bool has_chroma_fields(uint8_t profile_idc)
{
    static const uint8_t profiles[] = {100, 110, 122, 244, 44,  83, 86,
                                       118, 128, 138, 139, 134, 135};
    return memchr(profiles, profile_idc, sizeof(profiles)) != NULL;
}

static void skip_scaling_list(struct bit_reader *r, unsigned size)
{
    int32_t last = 8;
    int32_t next = 8;
    for (unsigned j = 0; j < size && !r->error; j++) {
        if (next != 0) {
            const int32_t delta_scale = bit_reader_se(r);
            r->error = r->error || delta_scale < -128 || delta_scale > 127;
            next = r->error ? 0 : (last + delta_scale + 256) % 256;
        }
        last = next == 0 ? last : next;
    }
}

static void skip_seq_scaling_matrix(struct bit_reader *r, unsigned chroma_format_idc)
{
    const unsigned n_lists = chroma_format_idc != 3 ? 8 : 12;
    for (unsigned i = 0; i < n_lists && !r->error; i++) {
        if (bit_reader_flag(r)) {
            skip_scaling_list(r, i < 6 ? 16 : 64);
        }
    }
}

static void read_chroma_fields(struct bit_reader *r, struct h264_sps *sps)
{
    sps->chroma_format_idc = (uint8_t)ue_max(r, 3);
    if (sps->chroma_format_idc == 3) {
        sps->separate_colour_plane = bit_reader_flag(r);
    }
    sps->bit_depth_luma = (uint8_t)(8 + ue_max(r, 6));
    sps->bit_depth_chroma = (uint8_t)(8 + ue_max(r, 6));
    bit_reader_flag(r); /* qpprime_y_zero_transform_bypass_flag */
    if (bit_reader_flag(r)) {
        skip_seq_scaling_matrix(r, sps->chroma_format_idc);
    }
}

static void read_pic_order_cnt(struct bit_reader *r, struct h264_sps *sps)
{
    sps->pic_order_cnt_type = (uint8_t)ue_max(r, 2);
    if (sps->pic_order_cnt_type == 0) {
        sps->log2_max_pic_order_cnt_lsb = (uint8_t)(4 + ue_max(r, 12));
    } else if (sps->pic_order_cnt_type == 1) {
        sps->delta_pic_order_always_zero = bit_reader_flag(r);
        bit_reader_se(r); /* offset_for_non_ref_pic */
        bit_reader_se(r); /* offset_for_top_to_bottom_field */
        const uint32_t n_offsets = ue_max(r, 255);
        for (uint32_t i = 0; i < n_offsets && !r->error; i++) {
            bit_reader_se(r); /* offset_for_ref_frame */
        }
    }
}

/* Picture size in macroblocks, then the cropping rectangle (§7.4.2.1.1, equations 7-13 to 7-22). */
static int read_size(struct bit_reader *r, struct h264_sps *sps)
{
    enum { SIDE_MAX_MBS = H264_SPS_SIDE_MAX / 16 };
    const uint32_t width_mbs = 1 + ue_max(r, UINT16_MAX);
    const uint32_t height_units = 1 + ue_max(r, UINT16_MAX);
    sps->frame_mbs_only = bit_reader_flag(r);
    const uint32_t height_mbs = height_units * (sps->frame_mbs_only ? 1 : 2);
    if (!r->error && (width_mbs > SIDE_MAX_MBS || height_mbs > SIDE_MAX_MBS ||
                      width_mbs * height_mbs > H264_SPS_MBS_MAX)) {
        return -ENOTSUP;
    }
    if (!sps->frame_mbs_only) {
        sps->mb_adaptive_frame_field = bit_reader_flag(r);
    }
    sps->direct_8x8_inference = bit_reader_flag(r);
    sps->coded_size = (struct picture_size){(int32_t)width_mbs * 16, (int32_t)height_mbs * 16};
    sps->size = sps->coded_size;
    if (bit_reader_flag(r)) {
        const bool is_monochrome = sps->chroma_format_idc == 0 || sps->separate_colour_plane;
        const uint32_t sub_width = is_monochrome || sps->chroma_format_idc == 3 ? 1 : 2;
        const uint32_t sub_height = !is_monochrome && sps->chroma_format_idc == 1 ? 2 : 1;
        const uint32_t unit_height = sub_height * (sps->frame_mbs_only ? 1 : 2);
        const uint32_t left = ue_max(r, H264_SPS_SIDE_MAX);
        const uint32_t right = ue_max(r, H264_SPS_SIDE_MAX);
        const uint32_t top = ue_max(r, H264_SPS_SIDE_MAX);
        const uint32_t bottom = ue_max(r, H264_SPS_SIDE_MAX);
        sps->size.width -= (int32_t)((left + right) * sub_width);
        sps->size.height -= (int32_t)((top + bottom) * unit_height);
        r->error = r->error || sps->size.width <= 0 || sps->size.height <= 0;
    }
    return r->error ? -EBADMSG : 0;
}

static void read_sample_aspect(struct bit_reader *r, struct h264_sps *sps)
{
    /* Table E-1 */
    static const uint8_t table[][2] = {{0, 1},   {1, 1},    {12, 11}, {10, 11}, {16, 11}, {40, 33},
                                       {24, 11}, {20, 11},  {32, 11}, {80, 33}, {18, 11}, {15, 11},
                                       {64, 33}, {160, 99}, {4, 3},   {3, 2},   {2, 1}};
    const uint32_t idc = bit_reader_u(r, 8);
    if (idc == EXTENDED_SAR) {
        const int32_t num = (int32_t)bit_reader_u(r, 16);
        const int32_t den = (int32_t)bit_reader_u(r, 16);
        if (num > 0 && den > 0) {
            sps->sample_aspect = (struct rational){num, den};
        }
    } else if (idc < sizeof(table) / sizeof(table[0])) {
        sps->sample_aspect = (struct rational){table[idc][0], table[idc][1]};
    }
}

/* time_scale / num_units_in_tick counts fields; two make a frame (§E.2.1). */
static struct rational rate_of_timing(uint32_t num_units_in_tick, uint32_t time_scale)
{
    const struct rational unknown = {0, 1};
    uint64_t num = time_scale;
    uint64_t den = (uint64_t)num_units_in_tick * 2;
    if (num == 0 || den == 0 || num > den * MAX_RATE_FPS || den > num * 60) {
        return unknown;
    }
    uint64_t a = num;
    for (uint64_t b = den; b != 0;) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    num /= a;
    den /= a;
    if (num > INT32_MAX || den > INT32_MAX) {
        return unknown;
    }
    return (struct rational){(int32_t)num, (int32_t)den};
}

static void read_timing(struct bit_reader *r, struct h264_sps *sps)
{
    const uint32_t num_units_in_tick = bit_reader_u(r, 32);
    const uint32_t time_scale = bit_reader_u(r, 32);
    bit_reader_flag(r); /* fixed_frame_rate_flag */
    sps->rate = rate_of_timing(num_units_in_tick, time_scale);
}

static void skip_hrd_parameters(struct bit_reader *r)
{
    const uint32_t cpb_cnt = 1 + ue_max(r, CPB_CNT_MAX - 1);
    bit_reader_u(r, 8); /* bit_rate_scale, cpb_size_scale */
    for (uint32_t i = 0; i < cpb_cnt && !r->error; i++) {
        bit_reader_ue(r); /* bit_rate_value_minus1 */
        bit_reader_ue(r); /* cpb_size_value_minus1 */
        bit_reader_flag(r);
    }
    bit_reader_u(r, 20); /* four lengths of five bits */
}

static void read_bitstream_restriction(struct bit_reader *r, struct h264_sps *sps)
{
    bit_reader_flag(r); /* motion_vectors_over_pic_boundaries_flag */
    ue_max(r, 16);      /* max_bytes_per_pic_denom */
    ue_max(r, 16);      /* max_bits_per_mb_denom */
    ue_max(r, 16);      /* log2_max_mv_length_horizontal */
    ue_max(r, 16);      /* log2_max_mv_length_vertical */
    sps->max_num_reorder_frames = (uint8_t)ue_max(r, H264_REF_FRAMES_MAX);
    sps->max_dec_frame_buffering = (uint8_t)ue_max(r, H264_REF_FRAMES_MAX);
}

static void read_video_signal_type(struct bit_reader *r)
{
    bit_reader_u(r, 4); /* video_format, video_full_range_flag */
    if (bit_reader_flag(r)) {
        bit_reader_u(r, 24); /* colour_primaries, transfer_characteristics, matrix_coefficients */
    }
}

/* §E.1.1 */
static void read_vui(struct bit_reader *r, struct h264_sps *sps)
{
    if (bit_reader_flag(r)) {
        read_sample_aspect(r, sps);
    }
    if (bit_reader_flag(r)) {
        bit_reader_flag(r); /* overscan_appropriate_flag */
    }
    if (bit_reader_flag(r)) {
        read_video_signal_type(r);
    }
    if (bit_reader_flag(r)) {
        ue_max(r, 5); /* chroma_sample_loc_type_top_field */
        ue_max(r, 5); /* chroma_sample_loc_type_bottom_field */
    }
    if (bit_reader_flag(r)) {
        read_timing(r, sps);
    }
    const bool has_nal_hrd = bit_reader_flag(r);
    if (has_nal_hrd) {
        skip_hrd_parameters(r);
    }
    const bool has_vcl_hrd = bit_reader_flag(r);
    if (has_vcl_hrd) {
        skip_hrd_parameters(r);
    }
    if (has_nal_hrd || has_vcl_hrd) {
        bit_reader_flag(r); /* low_delay_hrd_flag */
    }
    bit_reader_flag(r); /* pic_struct_present_flag */
    sps->restriction_flag_pos_bits = r->pos_bits;
    sps->has_bitstream_restriction = bit_reader_flag(r);
    if (sps->has_bitstream_restriction) {
        read_bitstream_restriction(r, sps);
    }
}

static void read_profile(struct bit_reader *r, struct h264_sps *sps)
{
    sps->profile_idc = (uint8_t)bit_reader_u(r, 8);
    sps->constraint_flags = (uint8_t)bit_reader_u(r, 8);
    sps->level_idc = (uint8_t)bit_reader_u(r, 8);
    sps->id = (uint8_t)ue_max(r, H264_SPS_IDS - 1);
    sps->chroma_format_idc = 1;
    sps->bit_depth_luma = 8;
    sps->bit_depth_chroma = 8;
    if (has_chroma_fields(sps->profile_idc)) {
        read_chroma_fields(r, sps);
    }
}

/* Cameras cut their VUI often enough; the rest of the SPS is still good. */
static void read_optional_vui(struct bit_reader *r, struct h264_sps *sps)
{
    struct h264_sps with_vui = *sps;
    read_vui(r, &with_vui);
    if (r->error) {
        sps->has_broken_vui = true;
        return;
    }
    *sps = with_vui;
}

int h264_sps_parse(struct bytes nal, struct h264_sps *out)
{
    if (h264_nal_type(nal) != H264_NAL_SPS || nal.size > H264_SPS_SIZE_MAX) {
        return -EBADMSG;
    }
    uint8_t raw[H264_SPS_SIZE_MAX];
    struct bit_reader r;
    bit_reader_init(&r, bytes_of(raw, h264_nal_unescape(nal, raw, sizeof(raw))));
    bit_reader_u(&r, HEADER_BITS);
    struct h264_sps sps = {.rate = {0, 1}, .sample_aspect = {0, 1}};
    read_profile(&r, &sps);
    sps.log2_max_frame_num = (uint8_t)(4 + ue_max(&r, 12));
    read_pic_order_cnt(&r, &sps);
    sps.max_num_ref_frames = (uint8_t)ue_max(&r, H264_REF_FRAMES_MAX);
    bit_reader_flag(&r); /* gaps_in_frame_num_value_allowed_flag */
    const int rc = read_size(&r, &sps);
    if (rc < 0) {
        return rc;
    }
    sps.vui_flag_pos_bits = r.pos_bits;
    sps.has_vui = bit_reader_flag(&r);
    if (r.error) {
        return -EBADMSG;
    }
    if (sps.has_vui) {
        read_optional_vui(&r, &sps);
    }
    *out = sps;
    return 0;
}

static void copy_bits(struct bit_writer *w, struct bytes in, size_t n_bits)
{
    struct bit_reader r;
    bit_reader_init(&r, in);
    for (; n_bits >= 8; n_bits -= 8) {
        bit_writer_u(w, bit_reader_u(&r, 8), 8);
    }
    bit_writer_u(w, bit_reader_u(&r, (unsigned)n_bits), (unsigned)n_bits);
}

/* bitstream_restriction_flag and its fields; what does not matter has its inferred value. */
static void write_bitstream_restriction(struct bit_writer *w, const struct h264_sps *sps)
{
    bit_writer_u(w, 1, 1);
    bit_writer_u(w, 1, 1);                     /* motion_vectors_over_pic_boundaries_flag */
    bit_writer_ue(w, 2);                       /* max_bytes_per_pic_denom */
    bit_writer_ue(w, 1);                       /* max_bits_per_mb_denom */
    bit_writer_ue(w, 15);                      /* log2_max_mv_length_horizontal */
    bit_writer_ue(w, 15);                      /* log2_max_mv_length_vertical */
    bit_writer_ue(w, 0);                       /* max_num_reorder_frames */
    bit_writer_ue(w, sps->max_num_ref_frames); /* max_dec_frame_buffering: not below (§E.2.1) */
}

int h264_sps_rewrite(struct bytes nal, const struct h264_sps *sps, uint8_t *out, size_t capacity,
                     size_t *size)
{
    if (sps->has_broken_vui || nal.size > H264_SPS_SIZE_MAX) {
        return -ENOTSUP;
    }
    uint8_t raw[H264_SPS_SIZE_MAX];
    const struct bytes in = bytes_of(raw, h264_nal_unescape(nal, raw, sizeof(raw)));
    uint8_t rewritten[H264_SPS_SIZE_MAX + 16];
    struct bit_writer w;
    bit_writer_init(&w, rewritten, sizeof(rewritten));
    if (sps->has_vui) {
        copy_bits(&w, in, sps->restriction_flag_pos_bits);
    } else {
        copy_bits(&w, in, sps->vui_flag_pos_bits);
        bit_writer_u(&w, 1, 1); /* vui_parameters_present_flag */
        bit_writer_u(&w, 0, 8); /* none of the eight flags before bitstream_restriction_flag */
    }
    write_bitstream_restriction(&w, sps);
    const size_t rewritten_size = bit_writer_finish(&w);
    const size_t escaped = h264_nal_escape(bytes_of(rewritten, rewritten_size), out, capacity);
    if (w.error || escaped == 0) {
        return -ENOSPC;
    }
    *size = escaped;
    return 0;
}
