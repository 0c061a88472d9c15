/*
 * Watches whether a stream outputs pictures in another order than it sends them.
 *
 * Two pictures before one already sent say so: one alone may be a memory management reset, which
 * is not read here. Order type 2 cannot reorder; for type 1, B slices are taken as the sign.
 *
 * Ownership: a value; all zero is the start.
 * Thread:    one owner.
 * Spec:      H.264 §8.2.1 (decoding process for picture order count).
 */
#ifndef AVOCET_BITSTREAM_H264_ORDER_H
#define AVOCET_BITSTREAM_H264_ORDER_H

#include "bitstream/h264_slice.h"

struct h264_order {
    unsigned n_backward;
    int64_t last;     /* picture order count of the previous picture */
    int64_t prev_msb; /* prevPicOrderCntMsb and ...Lsb of the previous reference picture */
    uint32_t prev_lsb;
};

/* The first slice of each picture, in decoding order; second fields left out. */
void h264_order_picture(struct h264_order *o, const struct h264_slice *slice,
                        const struct h264_sps *sps);
bool h264_order_is_reordered(const struct h264_order *o);

#endif
