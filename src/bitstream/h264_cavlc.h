/*
 * The codes of CAVLC that are neither fixed-length nor Exp-Golomb.
 *
 * Ownership: as h264_rbsp.
 * Thread:    one owner.
 * Errors:    false or -1: no such code.
 * Spec:      H.264 §7.3.5.3.2, §9.1.2 (me(v)), §9.2 (transform coefficient levels).
 */
#ifndef AVOCET_BITSTREAM_H264_CAVLC_H
#define AVOCET_BITSTREAM_H264_CAVLC_H

#include "bitstream/h264_rbsp.h"

enum { H264_NC_CHROMA_DC = -1 };

/* residual_block_cavlc(); returns TotalCoeff(coeff_token). */
int h264_cavlc_residual(struct h264_rbsp *r, int nc, unsigned max_coeffs);
/* coded_block_pattern: the luma bits, then CodedBlockPatternChroma << 4. */
int h264_cavlc_coded_block_pattern(struct h264_rbsp *r, bool is_intra, bool has_chroma);

#endif
