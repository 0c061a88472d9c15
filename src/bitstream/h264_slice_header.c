#include "bitstream/h264_slice_header.h"

#include <errno.h>

#include "base/bits.h"
#include "bitstream/h264_nal.h"

enum {
    HEADER_SIZE_MAX = 1024, /* with all weights it is below 700 */
    CABAC_INIT_IDCS = 3,
    OPERATIONS_MAX = 66, /* there are never more than 2 * num_ref_frames + 2 */
};

static bool is_predicted(const struct h264_slice_header *h)
{
    return h->type == H264_SLICE_P || h->type == H264_SLICE_B;
}

static bool read_ref_counts(struct bit_reader *r, struct h264_slice_header *h)
{
    const unsigned n_lists = h->type == H264_SLICE_B ? 2 : is_predicted(h);
    const bool is_overridden = is_predicted(h) && bit_reader_flag(r);
    for (unsigned i = 0; i < n_lists; i++) {
        const uint32_t n = is_overridden ? bit_reader_ue(r) + 1 : h->n_ref_idx[i];
        if (n == 0 || n > H264_REF_IDX_MAX) {
            return false;
        }
        h->n_ref_idx[i] = (uint8_t)n;
    }
    return true;
}

/* Operations with so many operands each, up to the one that ends them; false: another one. */
static bool skip_operations(struct bit_reader *r, const uint8_t n_operands[], unsigned n_kinds,
                            unsigned end)
{
    for (unsigned i = 0; i < OPERATIONS_MAX; i++) {
        const uint32_t operation = bit_reader_ue(r);
        if (operation == end || operation >= n_kinds) {
            return operation == end;
        }
        for (unsigned n = n_operands[operation]; n > 0; n--) {
            bit_reader_ue(r);
        }
    }
    return false;
}

/* §7.3.3.1: modification_of_pic_nums_idc 0 to 3 */
static bool skip_ref_list_modification(struct bit_reader *r)
{
    static const uint8_t n_operands[] = {1, 1, 1};
    return !bit_reader_flag(r) || skip_operations(r, n_operands, sizeof(n_operands), 3);
}

static void skip_weights(struct bit_reader *r, unsigned n_components)
{
    if (bit_reader_flag(r)) {
        for (unsigned i = 0; i < 2 * n_components; i++) {
            bit_reader_se(r);
        }
    }
}

/* §7.3.3.2 */
static void skip_pred_weight_table(struct bit_reader *r, const struct h264_slice_header *h)
{
    bit_reader_ue(r); /* luma_log2_weight_denom */
    if (h->has_chroma) {
        bit_reader_ue(r); /* chroma_log2_weight_denom */
    }
    const unsigned n_lists = h->type == H264_SLICE_B ? 2 : 1;
    for (unsigned list = 0; list < n_lists; list++) {
        for (unsigned i = 0; i < h->n_ref_idx[list]; i++) {
            skip_weights(r, 1);
            if (h->has_chroma) {
                skip_weights(r, 2);
            }
        }
    }
}

/* §7.3.3.3: memory_management_control_operation 0 to 6 */
static bool skip_marking(struct bit_reader *r, bool is_idr)
{
    static const uint8_t n_operands[] = {0, 1, 1, 2, 1, 0, 1};
    if (is_idr) {
        bit_reader_u(r, 2); /* no_output_of_prior_pics_flag, long_term_reference_flag */
        return true;
    }
    return !bit_reader_flag(r) || skip_operations(r, n_operands, sizeof(n_operands), 0);
}

static bool read_deblocking(struct bit_reader *r)
{
    const uint32_t disable_deblocking_filter_idc = bit_reader_ue(r);
    if (disable_deblocking_filter_idc != 1) {
        bit_reader_se(r); /* slice_alpha_c0_offset_div2 */
        bit_reader_se(r); /* slice_beta_offset_div2 */
    }
    return disable_deblocking_filter_idc <= 2;
}

static bool is_weighted(const struct h264_pps *pps, enum h264_slice_type type)
{
    return type == H264_SLICE_P ? pps->weighted_pred
                                : type == H264_SLICE_B && pps->weighted_bipred_idc == 1;
}

/* From direct_spatial_mv_pred_flag on; false: out of range. */
static bool read_fields(struct bit_reader *r, const struct h264_slice *slice,
                        const struct h264_pps *pps, struct h264_slice_header *h)
{
    if (h->type == H264_SLICE_B) {
        bit_reader_flag(r); /* direct_spatial_mv_pred_flag */
    }
    if (!read_ref_counts(r, h) || (is_predicted(h) && !skip_ref_list_modification(r)) ||
        (h->type == H264_SLICE_B && !skip_ref_list_modification(r))) {
        return false;
    }
    if (is_weighted(pps, h->type)) {
        skip_pred_weight_table(r, h);
    }
    if (slice->nal_ref_idc != 0 && !skip_marking(r, slice->is_idr)) {
        return false;
    }
    const uint32_t cabac_init_idc = h->is_cabac && is_predicted(h) ? bit_reader_ue(r) : 0;
    h->cabac_init_idc = (uint8_t)cabac_init_idc;
    h->qp += bit_reader_se(r); /* slice_qp_delta */
    return cabac_init_idc < CABAC_INIT_IDCS && h->qp >= -h->n_qps && h->qp <= h->n_qps &&
           (!pps->deblocking_filter_control_present || read_deblocking(r));
}

static bool is_supported(const struct h264_slice *slice, const struct h264_sps *sps,
                         const struct h264_pps *pps)
{
    return slice->type <= H264_SLICE_I && !slice->is_field && !sps->mb_adaptive_frame_field &&
           !sps->separate_colour_plane && sps->chroma_format_idc <= 1 && pps->n_slice_groups == 1 &&
           !pps->redundant_pic_cnt_present;
}

static struct h264_slice_header header_of(const struct h264_slice *slice,
                                          const struct h264_sps *sps, const struct h264_pps *pps)
{
    const bool has_chroma = sps->chroma_format_idc != 0;
    return (struct h264_slice_header){
        .type = slice->type,
        .first_mb = slice->first_mb,
        .n_mbs = (uint32_t)(sps->coded_size.width / 16 * (sps->coded_size.height / 16)),
        .width_mbs = (uint32_t)sps->coded_size.width / 16,
        .n_ref_idx = {pps->n_ref_idx[0], pps->n_ref_idx[1]},
        .qp = pps->pic_init_qp,
        .n_qps = 52 + 6 * (sps->bit_depth_luma - 8),
        .is_cabac = pps->entropy_coding_mode,
        .has_chroma = has_chroma,
        .transform_8x8_mode = pps->transform_8x8_mode,
        .direct_8x8_inference = sps->direct_8x8_inference,
        .pcm_bytes =
            (uint16_t)(32 * sps->bit_depth_luma + (has_chroma ? 16 * sps->bit_depth_chroma : 0)),
    };
}

int h264_slice_header_read(struct bytes nal, const struct h264_slice *slice,
                           const struct h264_sets *sets, struct h264_slice_header *out)
{
    const struct h264_sps *sps;
    const struct h264_pps *pps;
    if (!h264_sets_find(sets, slice->pps_id, &sps, &pps) || !is_supported(slice, sps, pps)) {
        return -ENOTSUP;
    }
    struct h264_slice_header h = header_of(slice, sps, pps);
    if (h.first_mb >= h.n_mbs) {
        return -EBADMSG;
    }
    uint8_t raw[HEADER_SIZE_MAX];
    struct bit_reader r;
    bit_reader_init(&r, bytes_of(raw, h264_nal_unescape(nal, raw, sizeof(raw))));
    r.pos_bits = slice->n_bits;
    const bool is_good = read_fields(&r, slice, pps, &h);
    if (r.error && nal.size < HEADER_SIZE_MAX) {
        return -EAGAIN;
    }
    if (r.error || !is_good) {
        return -EBADMSG;
    }
    /* §7.3.4: cabac_alignment_one_bit */
    h.n_bits = h.is_cabac ? (r.pos_bits + 7) / 8 * 8 : r.pos_bits;
    if (h.n_bits > r.size_bits) {
        return -EAGAIN;
    }
    *out = h;
    return 0;
}
