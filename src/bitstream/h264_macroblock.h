/*
 * Reads macroblocks past: every syntax element, nothing reconstructed. Kept is what the contexts
 * of later macroblocks depend on.
 *
 * h264_macroblock_read() reads one; when that ran out of bytes (h264_macroblock_is_overrun()) the
 * caller goes back to a copy of `entropy` and reads it again later, else it commits.
 *
 * Ownership: h264_macroblock_finish() frees the columns.
 * Thread:    one owner.
 * Spec:      H.264 §7.3.5, §7.4.5, §6.4.11 (neighbours).
 */
#ifndef AVOCET_BITSTREAM_H264_MACROBLOCK_H
#define AVOCET_BITSTREAM_H264_MACROBLOCK_H

#include "bitstream/h264_cabac.h"
#include "bitstream/h264_slice_header.h"

enum h264_mb_kind {
    H264_MB_UNAVAILABLE, /* as a neighbour: not in this slice */
    H264_MB_SKIP,
    H264_MB_DIRECT, /* B_Direct_16x16 */
    H264_MB_INTER,
    H264_MB_I_NXN,
    H264_MB_I_16X16,
    H264_MB_I_PCM,
};

/* Grids of 4x4 and of 2x2 blocks: total_coeff (with CABAC coded_block_flag) of luma and of Cb and
 * Cr; absolute mvd, up to what contexts tell apart, by list and component; ref_idx > 0 by list. */
enum { H264_LUMA, H264_MVD, H264_FINE_GRIDS = H264_MVD + 4 };
enum { H264_CHROMA, H264_REF_IDX = 2, H264_COARSE_GRIDS = H264_REF_IDX + 2 };

/* In front of them are the column left and the row above; [0] is the corner. */
enum { H264_FINE_STRIDE = 5, H264_COARSE_STRIDE = 3, H264_NO_BLOCK = 0xff };

struct h264_mb_facts {
    uint8_t kind;
    uint8_t cbp; /* CodedBlockPatternChroma << 4 | CodedBlockPatternLuma */
    uint8_t dc;  /* coded_block_flag of DC blocks: bit 0 luma, 1 Cb, 2 Cr */
    bool is_8x8; /* transform_size_8x8_flag */
    bool has_chroma_pred_mode;
    bool has_qp_delta; /* mb_qp_delta is not 0 */
};

/* The blocks along one side of a macroblock. */
struct h264_mb_edge {
    struct h264_mb_facts facts;
    uint8_t fine[H264_FINE_GRIDS][4];
    uint8_t coarse[H264_COARSE_GRIDS][2];
};

struct h264_macroblock {
    struct h264_slice_header header;
    struct h264_cabac entropy; /* CAVLC: its `in` */
    struct h264_mb_edge *columns;
    size_t n_columns; /* allocated */
    struct h264_mb_edge left;
    bool previous_has_qp_delta; /* in decoding order */
    uint32_t address;           /* of the next macroblock: CurrMbAddr */
    /* of the one being read */
    const struct h264_mb_edge *a; /* left */
    const struct h264_mb_edge *b; /* above */
    bool is_bad;
    struct h264_mb_facts facts;
    uint8_t fine[H264_FINE_GRIDS][H264_FINE_STRIDE * H264_FINE_STRIDE];
    uint8_t coarse[H264_COARSE_GRIDS][H264_COARSE_STRIDE * H264_COARSE_STRIDE];
};

/* All zero is ready for begin; header and entropy.in are set then. -ENOMEM. */
int h264_macroblock_begin(struct h264_macroblock *m);
void h264_macroblock_finish(struct h264_macroblock *m);

/* mb_skip_flag where CABAC has one, and macroblock_layer(); is_bad: no such code, or out of range.
 */
void h264_macroblock_read(struct h264_macroblock *m);
/* P_Skip or B_Skip of an mb_skip_run. */
void h264_macroblock_skip(struct h264_macroblock *m);
void h264_macroblock_commit(struct h264_macroblock *m);
bool h264_macroblock_is_overrun(const struct h264_macroblock *m);

#endif
