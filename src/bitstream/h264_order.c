#include "bitstream/h264_order.h"

enum { BACKWARD_PROOFS = 2 };

/* §8.2.1.1 */
static int64_t pic_order_cnt_msb(const struct h264_order *o, uint32_t lsb, uint32_t max_lsb)
{
    if (lsb < o->prev_lsb && o->prev_lsb - lsb >= max_lsb / 2) {
        return o->prev_msb + max_lsb;
    }
    if (lsb > o->prev_lsb && lsb - o->prev_lsb > max_lsb / 2) {
        return o->prev_msb - max_lsb;
    }
    return o->prev_msb;
}

static void count_type_0(struct h264_order *o, const struct h264_slice *slice,
                         const struct h264_sps *sps)
{
    if (slice->is_idr) {
        o->prev_msb = 0;
        o->prev_lsb = 0;
    }
    const uint32_t lsb = slice->pic_order_cnt_lsb;
    const int64_t msb = pic_order_cnt_msb(o, lsb, 1u << sps->log2_max_pic_order_cnt_lsb);
    const int64_t count = msb + lsb;
    if (!slice->is_idr && count < o->last && o->n_backward < BACKWARD_PROOFS) {
        o->n_backward++;
    }
    o->last = count;
    if (slice->nal_ref_idc != 0) {
        o->prev_msb = msb;
        o->prev_lsb = lsb;
    }
}

void h264_order_picture(struct h264_order *o, const struct h264_slice *slice,
                        const struct h264_sps *sps)
{
    if (sps->pic_order_cnt_type == 0) {
        count_type_0(o, slice, sps);
    } else if (sps->pic_order_cnt_type == 1 && slice->type == H264_SLICE_B &&
               o->n_backward < BACKWARD_PROOFS) {
        o->n_backward++;
    }
}

bool h264_order_is_reordered(const struct h264_order *o)
{
    return o->n_backward >= BACKWARD_PROOFS;
}
