/*
 * The tables of CABAC, as far as frames without MBAFF need them.
 *
 * Spec: H.264 Tables 9-12 to 9-33, 9-43 to 9-45.
 */
#ifndef AVOCET_BITSTREAM_H264_CABAC_TABLES_H
#define AVOCET_BITSTREAM_H264_CABAC_TABLES_H

#include <stdint.h>

/* ctxIdx 0 to 275, and 399 to 435 right behind them. */
enum { H264_CONTEXTS = 313, H264_CONTEXTS_8X8 = 276, H264_CTX_IDX_8X8 = 399 };

extern const int8_t h264_context_init[4][H264_CONTEXTS][2]; /* m, n: I, cabac_init_idc 0 to 2 */
extern const uint8_t h264_range_lps[64][4];
extern const uint8_t h264_transition_lps[64];
extern const uint8_t h264_context_8x8[2][63];

#endif
