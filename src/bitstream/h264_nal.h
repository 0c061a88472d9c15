/*
 * NAL units of an Annex B byte stream, and emulation prevention.
 *
 * A NAL unit here is its header byte and what follows, without start code and without the zero
 * bytes that may follow it. Three- and four-byte start codes are the same thing: the fourth byte
 * counts as a zero byte behind the previous NAL unit.
 *
 * Ownership: borrows the memory; NAL units point into it.
 * Thread:    any; no shared state.
 * Spec:      H.264 §7.3.1 (NAL unit), §7.4.1 (emulation prevention), Annex B (byte stream).
 */
#ifndef AVOCET_BITSTREAM_H264_NAL_H
#define AVOCET_BITSTREAM_H264_NAL_H

#include "base/bytes.h"

/* Table 7-1 */
enum h264_nal_type {
    H264_NAL_SLICE = 1,
    H264_NAL_PARTITION_A = 2,
    H264_NAL_PARTITION_B = 3,
    H264_NAL_PARTITION_C = 4,
    H264_NAL_IDR = 5,
    H264_NAL_SEI = 6,
    H264_NAL_SPS = 7,
    H264_NAL_PPS = 8,
    H264_NAL_AUD = 9,
    H264_NAL_END_OF_SEQUENCE = 10,
    H264_NAL_END_OF_STREAM = 11,
    H264_NAL_FILLER = 12,
    H264_NAL_PREFIX = 14,
    H264_NAL_RESERVED_18 = 18, /* last of those that begin an access unit (§7.4.1.2.3) */
    /* RFC 6184 */
    H264_NAL_STAP_A = 24,
    H264_NAL_FU_A = 28,
};

enum { H264_START_CODE_SIZE = 4 };

struct h264_nal_iterator {
    struct bytes stream;
    size_t pos; /* behind a start code, or at the end */
};

/* Of the header byte; 0 for an empty range. */
static inline unsigned h264_nal_type(struct bytes nal)
{
    return nal.size > 0 ? nal.data[0] & 0x1fu : 0;
}

static inline unsigned h264_nal_ref_idc(struct bytes nal)
{
    return nal.size > 0 ? nal.data[0] >> 5 & 3u : 0;
}

/* Types 1 to 5: coded slices and slice data partitions of the picture. */
static inline bool h264_nal_is_vcl(struct bytes nal)
{
    const unsigned type = h264_nal_type(nal);
    return type >= H264_NAL_SLICE && type <= H264_NAL_IDR;
}

/* Offset of the first 00 00 01 at or after from; the size when there is none. Fast. */
size_t h264_nal_find_start_code(struct bytes stream, size_t from);

/* Bytes before the first start code are ignored. */
void h264_nal_begin(struct h264_nal_iterator *it, struct bytes stream);
/* The next NAL unit that is not empty; false at the end. */
bool h264_nal_next(struct h264_nal_iterator *it, struct bytes *nal);

/*
 * Bytes of a NAL unit (with its header) without emulation prevention bytes. Stops when out is
 * full, which is how the beginning of a slice is read. Returns the size.
 */
size_t h264_nal_unescape(struct bytes nal, uint8_t *out, size_t capacity);
/* The reverse, for a whole NAL unit. Returns the size; 0 when it does not fit. */
size_t h264_nal_escape(struct bytes raw, uint8_t *out, size_t capacity);

/* Start code and NAL unit. */
void h264_nal_write(struct byte_writer *w, struct bytes nal);

#endif
