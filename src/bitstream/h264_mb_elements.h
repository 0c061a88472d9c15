/*
 * Single syntax elements of macroblocks, by whichever entropy coding the slice has; they set
 * is_bad when they meet what cannot be.
 *
 * Thread: one owner.
 * Spec:   H.264 §7.3.5, §9.1, §9.3.2 (binarization), §9.3.3.1 (ctxIdx).
 */
#ifndef AVOCET_BITSTREAM_H264_MB_ELEMENTS_H
#define AVOCET_BITSTREAM_H264_MB_ELEMENTS_H

#include "bitstream/h264_macroblock.h"

enum { H264_B_8X8 = 22, H264_P_INTRA = 5, H264_B_INTRA = 23, H264_I_PCM = 25 };

bool h264_mb_is_intra(const struct h264_macroblock *m);

bool h264_mb_skip_flag(struct h264_macroblock *m);
/* As in Tables 7-11, 7-13 and 7-14, intra types of P and B slices behind the others. */
unsigned h264_mb_type(struct h264_macroblock *m);
unsigned h264_sub_mb_type(struct h264_macroblock *m);
bool h264_transform_size_8x8_flag(struct h264_macroblock *m);
/* prev_intra4x4_pred_mode_flag, rem_intra4x4_pred_mode, and those of 8x8 */
void h264_intra_pred_mode(struct h264_macroblock *m);
bool h264_intra_chroma_pred_mode(struct h264_macroblock *m); /* it is not 0 */
/* at: the first block of the partition in the grid of its list */
unsigned h264_ref_idx(struct h264_macroblock *m, unsigned list, const uint8_t *at);
/* The absolute value, up to what contexts tell apart. */
uint8_t h264_mvd(struct h264_macroblock *m, unsigned component, const uint8_t *at);
uint8_t h264_coded_block_pattern_of(struct h264_macroblock *m);
bool h264_mb_qp_delta(struct h264_macroblock *m); /* it is not 0 */

/* residual_block() of a DC block: 0 luma, 1 Cb, 2 Cr. */
void h264_residual_dc(struct h264_macroblock *m, unsigned component);
/* residual_block() of a block in a grid; sets it. */
void h264_residual_block(struct h264_macroblock *m, unsigned ctx_block_cat, unsigned max_coeffs,
                         uint8_t *at, unsigned stride);

#endif
