#include "bitstream/h264_slice.h"

#include <errno.h>

#include "base/bits.h"
#include "bitstream/h264_nal.h"

enum { NAL_HEADER_BITS = 8, SLICE_TYPES = 5, IDR_PIC_ID_MAX = 65535, REDUNDANT_PIC_CNT_MAX = 127 };

static void read_field_flags(struct bit_reader *r, const struct h264_sps *sps,
                             struct h264_slice *slice)
{
    if (!sps->frame_mbs_only) {
        slice->is_field = bit_reader_flag(r);
        if (slice->is_field) {
            slice->is_bottom = bit_reader_flag(r);
        }
    }
}

static void read_pic_order_cnt(struct bit_reader *r, const struct h264_sps *sps,
                               const struct h264_pps *pps, struct h264_slice *slice)
{
    const bool has_bottom = pps->bottom_field_pic_order_in_frame_present && !slice->is_field;
    if (sps->pic_order_cnt_type == 0) {
        slice->pic_order_cnt_lsb = bit_reader_u(r, sps->log2_max_pic_order_cnt_lsb);
        if (has_bottom) {
            slice->delta_pic_order_cnt_bottom = bit_reader_se(r);
        }
    } else if (sps->pic_order_cnt_type == 1 && !sps->delta_pic_order_always_zero) {
        slice->delta_pic_order_cnt[0] = bit_reader_se(r);
        if (has_bottom) {
            slice->delta_pic_order_cnt[1] = bit_reader_se(r);
        }
    }
}

/* §7.3.3, from frame_num to redundant_pic_cnt */
static void read_fields(struct bit_reader *r, const struct h264_sps *sps,
                        const struct h264_pps *pps, struct h264_slice *slice)
{
    if (sps->separate_colour_plane) {
        bit_reader_u(r, 2); /* colour_plane_id */
    }
    slice->frame_num = bit_reader_u(r, sps->log2_max_frame_num);
    read_field_flags(r, sps, slice);
    if (slice->is_idr) {
        slice->idr_pic_id = bit_reader_ue(r);
    }
    read_pic_order_cnt(r, sps, pps, slice);
    if (pps->redundant_pic_cnt_present) {
        slice->redundant_pic_cnt = bit_reader_ue(r);
    }
}

static bool is_slice(unsigned nal_type)
{
    return nal_type == H264_NAL_SLICE || nal_type == H264_NAL_PARTITION_A ||
           nal_type == H264_NAL_IDR;
}

int h264_slice_parse(struct bytes nal, const struct h264_sets *sets, struct h264_slice *out)
{
    if (nal.size == 0) {
        return -EAGAIN;
    }
    if (!is_slice(h264_nal_type(nal))) {
        return -EBADMSG;
    }
    uint8_t raw[H264_SLICE_HEAD_SIZE];
    struct bit_reader r;
    bit_reader_init(&r, bytes_of(raw, h264_nal_unescape(nal, raw, sizeof(raw))));
    bit_reader_u(&r, NAL_HEADER_BITS);
    const uint32_t first_mb = bit_reader_ue(&r);
    const uint32_t slice_type = bit_reader_ue(&r);
    const uint32_t pps_id = bit_reader_ue(&r);
    const bool is_whole = nal.size >= H264_SLICE_HEAD_SIZE;
    if (r.error) {
        return is_whole ? -EBADMSG : -EAGAIN;
    }
    if (first_mb >= H264_SPS_MBS_MAX || slice_type >= 2 * SLICE_TYPES || pps_id >= H264_PPS_IDS) {
        return -EBADMSG;
    }
    const struct h264_sps *sps;
    const struct h264_pps *pps;
    if (!h264_sets_find(sets, pps_id, &sps, &pps)) {
        return -ENOENT;
    }
    struct h264_slice slice = {
        .nal_ref_idc = (uint8_t)h264_nal_ref_idc(nal),
        .is_idr = h264_nal_type(nal) == H264_NAL_IDR,
        .first_mb = first_mb,
        .type = slice_type % SLICE_TYPES,
        .pps_id = (uint8_t)pps_id,
        .sps_id = sps->id,
        .pic_order_cnt_type = sps->pic_order_cnt_type,
    };
    read_fields(&r, sps, pps, &slice);
    if (r.error) {
        return is_whole ? -EBADMSG : -EAGAIN;
    }
    if (slice.idr_pic_id > IDR_PIC_ID_MAX || slice.redundant_pic_cnt > REDUNDANT_PIC_CNT_MAX) {
        return -EBADMSG;
    }
    slice.n_bits = (uint16_t)r.pos_bits;
    *out = slice;
    return 0;
}

/* The list of §7.4.1.2.4, in its order. */
bool h264_slice_begins_picture(const struct h264_slice *a, const struct h264_slice *b)
{
    return a->frame_num != b->frame_num || a->pps_id != b->pps_id || a->sps_id != b->sps_id ||
           a->is_field != b->is_field || a->is_bottom != b->is_bottom ||
           (a->nal_ref_idc == 0) != (b->nal_ref_idc == 0) ||
           a->pic_order_cnt_type != b->pic_order_cnt_type ||
           a->pic_order_cnt_lsb != b->pic_order_cnt_lsb ||
           a->delta_pic_order_cnt_bottom != b->delta_pic_order_cnt_bottom ||
           a->delta_pic_order_cnt[0] != b->delta_pic_order_cnt[0] ||
           a->delta_pic_order_cnt[1] != b->delta_pic_order_cnt[1] || a->is_idr != b->is_idr ||
           (a->is_idr && a->idr_pic_id != b->idr_pic_id);
}

/* §3.30 (complementary field pairs): the second one is neither IDR nor of the same parity. */
bool h264_slice_is_second_field(const struct h264_slice *a, const struct h264_slice *b)
{
    return a->is_field && b->is_field && a->is_bottom != b->is_bottom &&
           a->frame_num == b->frame_num && !b->is_idr &&
           (a->nal_ref_idc == 0) == (b->nal_ref_idc == 0);
}
