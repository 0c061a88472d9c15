/*
 * Picture parameter sets: the fields that slice headers depend on.
 *
 * Ownership: values.
 * Thread:    any; no shared state.
 * Errors:    -EBADMSG not a PPS, cut short or out of the ranges of the specification.
 * Spec:      H.264 §7.3.2.2, §7.4.2.2.
 */
#ifndef AVOCET_BITSTREAM_H264_PPS_H
#define AVOCET_BITSTREAM_H264_PPS_H

#include "base/bytes.h"

enum {
    H264_PPS_IDS = 256,
    H264_PPS_SIZE_MAX = 1024, /* explicit slice group maps of large pictures are refused */
    H264_REF_IDX_MAX = 32,
};

struct h264_pps {
    uint8_t id;
    uint8_t sps_id;
    bool entropy_coding_mode; /* CABAC */
    bool bottom_field_pic_order_in_frame_present;
    uint8_t n_slice_groups;
    uint8_t n_ref_idx[2]; /* num_ref_idx_l0/l1_default_active_minus1 + 1; 0: out of range */
    bool weighted_pred;
    uint8_t weighted_bipred_idc;
    int pic_init_qp; /* pic_init_qp_minus26 + 26 */
    bool deblocking_filter_control_present;
    bool redundant_pic_cnt_present;
    bool transform_8x8_mode;
};

int h264_pps_parse(struct bytes nal, struct h264_pps *out);

#endif
