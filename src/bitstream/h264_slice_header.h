/*
 * The rest of a slice header, behind the fields of h264_slice, up to the slice data.
 *
 * Ownership: values.
 * Thread:    any; no shared state.
 * Errors:    -EAGAIN the bytes end before the header does; -EBADMSG out of range; -ENOTSUP slice
 *            data that h264_slice_data does not read.
 * Spec:      H.264 §7.3.3, §7.4.3.
 */
#ifndef AVOCET_BITSTREAM_H264_SLICE_HEADER_H
#define AVOCET_BITSTREAM_H264_SLICE_HEADER_H

#include "bitstream/h264_sets.h"
#include "bitstream/h264_slice.h"

/* What slice data depends on. */
struct h264_slice_header {
    enum h264_slice_type type;
    uint32_t first_mb;
    uint32_t n_mbs; /* of the picture: PicSizeInMbs */
    uint32_t width_mbs;
    uint8_t n_ref_idx[2];
    uint8_t cabac_init_idc;
    int qp;    /* SliceQPY */
    int n_qps; /* mb_qp_delta is below its half */
    bool is_cabac;
    bool has_chroma; /* 4:2:0 */
    bool transform_8x8_mode;
    bool direct_8x8_inference;
    uint16_t pcm_bytes; /* of an I_PCM macroblock */
    size_t n_bits;      /* of the unescaped NAL unit before the slice data */
};

/* Reads nal, the beginning of a slice whose first fields are slice. */
int h264_slice_header_read(struct bytes nal, const struct h264_slice *slice,
                           const struct h264_sets *sets, struct h264_slice_header *out);

#endif
