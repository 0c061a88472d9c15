#include "bitstream/h264_pps.h"

#include <errno.h>

#include "base/bits.h"
#include "bitstream/h264_nal.h"
#include "bitstream/h264_sps.h"

enum { SLICE_GROUPS_MAX = 8, NAL_HEADER_BITS = 8 };

static void skip_slice_group_ids(struct bit_reader *r, unsigned n_groups)
{
    const uint32_t n_units = bit_reader_ue(r);
    const unsigned n_bits = n_groups > 4 ? 3 : n_groups > 2 ? 2 : 1;
    r->error = r->error || n_units >= H264_SPS_MBS_MAX;
    for (uint32_t i = 0; i <= n_units && !r->error; i++) {
        bit_reader_u(r, n_bits); /* slice_group_id */
    }
}

static void skip_slice_groups(struct bit_reader *r, unsigned n_groups)
{
    const uint32_t map_type = bit_reader_ue(r);
    if (map_type == 0) {
        for (unsigned i = 0; i < n_groups; i++) {
            bit_reader_ue(r); /* run_length_minus1 */
        }
    } else if (map_type == 2) {
        for (unsigned i = 0; i + 1 < n_groups; i++) {
            bit_reader_ue(r); /* top_left */
            bit_reader_ue(r); /* bottom_right */
        }
    } else if (map_type >= 3 && map_type <= 5) {
        bit_reader_flag(r); /* slice_group_change_direction_flag */
        bit_reader_ue(r);   /* slice_group_change_rate_minus1 */
    } else if (map_type == 6) {
        skip_slice_group_ids(r, n_groups);
    } else if (map_type > 6) {
        r->error = true;
    }
}

int h264_pps_parse(struct bytes nal, struct h264_pps *out)
{
    if (h264_nal_type(nal) != H264_NAL_PPS || nal.size > H264_PPS_SIZE_MAX) {
        return -EBADMSG;
    }
    uint8_t raw[H264_PPS_SIZE_MAX];
    struct bit_reader r;
    bit_reader_init(&r, bytes_of(raw, h264_nal_unescape(nal, raw, sizeof(raw))));
    bit_reader_u(&r, NAL_HEADER_BITS);
    const uint32_t id = bit_reader_ue(&r);
    const uint32_t sps_id = bit_reader_ue(&r);
    const bool entropy_coding_mode = bit_reader_flag(&r);
    const bool bottom_field_pic_order_in_frame_present = bit_reader_flag(&r);
    const uint32_t num_slice_groups_minus1 = bit_reader_ue(&r);
    if (r.error || id >= H264_PPS_IDS || sps_id >= H264_SPS_IDS ||
        num_slice_groups_minus1 >= SLICE_GROUPS_MAX) {
        return -EBADMSG;
    }
    if (num_slice_groups_minus1 > 0) {
        skip_slice_groups(&r, num_slice_groups_minus1 + 1);
    }
    bit_reader_ue(&r);   /* num_ref_idx_l0_default_active_minus1 */
    bit_reader_ue(&r);   /* num_ref_idx_l1_default_active_minus1 */
    bit_reader_u(&r, 3); /* weighted_pred_flag, weighted_bipred_idc */
    bit_reader_se(&r);   /* pic_init_qp_minus26 */
    bit_reader_se(&r);   /* pic_init_qs_minus26 */
    bit_reader_se(&r);   /* chroma_qp_index_offset */
    bit_reader_u(&r, 2); /* deblocking_filter_control_present_flag, constrained_intra_pred_flag */
    const bool redundant_pic_cnt_present = bit_reader_flag(&r);
    if (r.error) {
        return -EBADMSG;
    }
    *out = (struct h264_pps){
        .id = (uint8_t)id,
        .sps_id = (uint8_t)sps_id,
        .entropy_coding_mode = entropy_coding_mode,
        .bottom_field_pic_order_in_frame_present = bottom_field_pic_order_in_frame_present,
        .n_slice_groups = (uint8_t)(num_slice_groups_minus1 + 1),
        .redundant_pic_cnt_present = redundant_pic_cnt_present,
    };
    return 0;
}
