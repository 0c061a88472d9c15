/*
 * Sequence parameter sets: what they say, and the rewrite that tells decoders not to wait.
 *
 * A decoder that finds no bitstream_restriction in the VUI must expect pictures out of order and
 * holds back as many as its picture buffer takes (up to 16). h264_sps_rewrite() adds the
 * restriction "no reordering" and leaves every other bit as it was.
 *
 * Units:     sizes in luma samples.
 * Ownership: values.
 * Thread:    any; no shared state.
 * Errors:    -EBADMSG not an SPS, cut short or out of the ranges of the specification; -ENOTSUP a
 *            picture size beyond any level.
 * Spec:      H.264 §7.3.2.1.1, §7.4.2.1.1, Annex E.
 */
#ifndef AVOCET_BITSTREAM_H264_SPS_H
#define AVOCET_BITSTREAM_H264_SPS_H

#include "base/bytes.h"
#include "base/option.h"

enum {
    H264_SPS_IDS = 32,
    H264_SPS_SIZE_MAX = 1024,  /* with all scaling lists and HRDs it is below 700 */
    H264_SPS_SIDE_MAX = 16384, /* level 6.2: sqrt(8 x 139264) macroblocks, rounded down */
    H264_SPS_MBS_MAX = 139264, /* MaxFS of level 6.2 */
    H264_REF_FRAMES_MAX = 16,
};

struct h264_sps {
    uint8_t profile_idc;
    uint8_t constraint_flags; /* constraint_set0_flag is bit 7 */
    uint8_t level_idc;
    uint8_t id;
    uint8_t chroma_format_idc;
    bool separate_colour_plane;
    uint8_t bit_depth_luma;
    uint8_t bit_depth_chroma;
    uint8_t log2_max_frame_num;
    uint8_t pic_order_cnt_type;
    uint8_t log2_max_pic_order_cnt_lsb; /* type 0 */
    bool delta_pic_order_always_zero;   /* type 1 */
    uint8_t max_num_ref_frames;
    bool frame_mbs_only; /* false: fields or MBAFF are possible */
    bool mb_adaptive_frame_field;
    bool direct_8x8_inference;
    struct picture_size coded_size;
    struct picture_size size;      /* cropped: as displayed, in square samples or not */
    struct rational sample_aspect; /* num 0 unknown */
    struct rational rate;          /* frames per second by VUI timing; num 0 unknown or absurd */
    bool has_vui;
    bool has_broken_vui; /* cut short or out of range; its values are ignored */
    bool has_bitstream_restriction;
    uint8_t max_num_reorder_frames;
    uint8_t max_dec_frame_buffering;
    /* Bit positions in the unescaped NAL unit, for the rewrite. */
    size_t vui_flag_pos_bits;
    size_t restriction_flag_pos_bits; /* with VUI only */
};

int h264_sps_parse(struct bytes nal, struct h264_sps *out);

/*
 * The same SPS with a VUI that says max_num_reorder_frames = 0 and the least
 * max_dec_frame_buffering that its reference frames allow. For a VUI that is broken: -ENOTSUP.
 * -ENOSPC when it does not fit (H264_SPS_SIZE_MAX + 32 always does).
 */
int h264_sps_rewrite(struct bytes nal, const struct h264_sps *sps, uint8_t *out, size_t capacity,
                     size_t *size);

#endif
