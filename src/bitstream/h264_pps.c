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

static void read_slice_defaults(struct bit_reader *r, struct h264_pps *pps)
{
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t num_ref_idx_default_active_minus1 = bit_reader_ue(r);
        pps->n_ref_idx[i] = num_ref_idx_default_active_minus1 < H264_REF_IDX_MAX
                                ? (uint8_t)(num_ref_idx_default_active_minus1 + 1)
                                : 0;
    }
    pps->weighted_pred = bit_reader_flag(r);
    pps->weighted_bipred_idc = (uint8_t)bit_reader_u(r, 2);
    pps->pic_init_qp = 26 + bit_reader_se(r) % 128;
    bit_reader_se(r); /* pic_init_qs_minus26 */
    bit_reader_se(r); /* chroma_qp_index_offset */
    pps->deblocking_filter_control_present = bit_reader_flag(r);
    bit_reader_flag(r); /* constrained_intra_pred_flag */
    pps->redundant_pic_cnt_present = bit_reader_flag(r);
}

/* §7.2: there is a bit before rbsp_trailing_bits(). */
static bool more_rbsp_data(const struct bit_reader *r)
{
    size_t end = r->size_bits;
    while (end > r->pos_bits && (r->data[(end - 1) / 8] >> (7 - (end - 1) % 8) & 1) == 0) {
        end--;
    }
    return end > r->pos_bits + 1;
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
    struct h264_pps pps = {
        .id = (uint8_t)id,
        .sps_id = (uint8_t)sps_id,
        .entropy_coding_mode = entropy_coding_mode,
        .bottom_field_pic_order_in_frame_present = bottom_field_pic_order_in_frame_present,
        .n_slice_groups = (uint8_t)(num_slice_groups_minus1 + 1),
    };
    read_slice_defaults(&r, &pps);
    if (r.error) {
        return -EBADMSG;
    }
    if (more_rbsp_data(&r)) {
        pps.transform_8x8_mode = bit_reader_flag(&r);
    }
    *out = pps;
    return 0;
}
