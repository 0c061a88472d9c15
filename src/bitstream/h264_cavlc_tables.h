/*
 * The code tables of CAVLC, arranged for a look-up by leading zero bits.
 *
 * The rows of a code are those from its `first` to the next one's, a row per number of leading zero
 * bits; a column per value of the bits behind the one bit that follows them. A shorter code stands
 * in all columns that it is the beginning of, which tells its length. The last row is for so many
 * zero bits and nothing else.
 *
 * Spec: H.264 Tables 9-4, 9-5, 9-7 to 9-10.
 */
#ifndef AVOCET_BITSTREAM_H264_CAVLC_TABLES_H
#define AVOCET_BITSTREAM_H264_CAVLC_TABLES_H

#include <stdint.h>

enum { H264_NO_CODE = 255 };

extern const uint8_t h264_coeff_token_first[5];
extern const uint8_t h264_coeff_token[49][8];
extern const uint8_t h264_total_zeros_first[19]; /* tzVlcIndex 1 to 15, then chroma DC 1 to 3 */
extern const uint8_t h264_total_zeros[98][4];
extern const uint8_t h264_run_before[6][8];
extern const uint8_t h264_coded_block_pattern[2][48];
extern const uint8_t h264_coded_block_pattern_luma[2][16];

#endif
