/*
 * The first fields of slice headers, as far as they tell pictures apart.
 *
 * Ownership: values.
 * Thread:    any; no shared state.
 * Errors:    -EAGAIN the bytes end before the fields do; -ENOENT its parameter sets are unknown;
 *            -EBADMSG not a slice or out of range.
 * Spec:      H.264 §7.3.3 (slice header), §7.4.1.2.4 (first slice of a primary coded picture).
 */
#ifndef AVOCET_BITSTREAM_H264_SLICE_H
#define AVOCET_BITSTREAM_H264_SLICE_H

#include "bitstream/h264_sets.h"

/* The fields are within so many bytes of the NAL unit, emulation prevention included. */
enum { H264_SLICE_HEAD_SIZE = 96 };

/* Table 7-6, modulo 5 */
enum h264_slice_type {
    H264_SLICE_P,
    H264_SLICE_B,
    H264_SLICE_I,
    H264_SLICE_SP,
    H264_SLICE_SI,
};

struct h264_slice {
    uint8_t nal_ref_idc;
    bool is_idr;
    uint32_t first_mb; /* first_mb_in_slice */
    enum h264_slice_type type;
    uint8_t pps_id;
    uint8_t sps_id;
    uint8_t pic_order_cnt_type; /* of its SPS */
    uint32_t frame_num;
    bool is_field; /* field_pic_flag */
    bool is_bottom;
    uint32_t idr_pic_id;
    uint32_t pic_order_cnt_lsb;
    int32_t delta_pic_order_cnt_bottom;
    int32_t delta_pic_order_cnt[2];
    uint32_t redundant_pic_cnt; /* above 0: not of the primary coded picture */
    uint16_t n_bits;            /* of the unescaped NAL unit, its header included, up to here */
};

int h264_slice_parse(struct bytes nal, const struct h264_sets *sets, struct h264_slice *out);

/* b begins another primary coded picture than a; both have redundant_pic_cnt 0. */
bool h264_slice_begins_picture(const struct h264_slice *a, const struct h264_slice *b);
/* b, of another picture than a, is the second field of the frame whose first field a is. */
bool h264_slice_is_second_field(const struct h264_slice *a, const struct h264_slice *b);

#endif
