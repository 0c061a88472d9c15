/*
 * Whether a slice is there as a whole: its macroblocks are counted up to the end of its data.
 *
 * What came of a NAL unit is read up to its last whole macroblock; the next call goes on from
 * there. Not read, which is answered by CANNOT_TELL: field pictures, MBAFF, slice groups, redundant
 * pictures, data partitioning, SP and SI slices, 4:2:2 and 4:4:4, and what is damaged.
 *
 * A CAVLC slice does not say where it ends before the picture does: such a one is WHOLE only when
 * the caller knows that all of it is there.
 *
 * A call reads H264_SLICE_DATA_STEP_MBS macroblocks or a few more, so that the caller may look for
 * bytes in between.
 *
 * Order of calls: begin, and read until it answers otherwise than MORE; again for the next slice;
 * finish.
 *
 * Ownership: memory of 40 bytes per macroblock of the widest picture's width; the NAL unit is
 *            borrowed for the call and may move between calls.
 * Thread:    one owner.
 * Spec:      H.264 §7.3.4 (slice data), §7.3.2.10 (trailing bits).
 */
#ifndef AVOCET_BITSTREAM_H264_SLICE_DATA_H
#define AVOCET_BITSTREAM_H264_SLICE_DATA_H

#include "bitstream/h264_macroblock.h"

enum { H264_SLICE_DATA_STEP_MBS = 256 };

enum h264_slice_data_answer {
    H264_SLICE_DATA_MORE, /* needs more bytes */
    H264_SLICE_DATA_WHOLE,
    H264_SLICE_DATA_CANNOT_TELL,
};

struct h264_slice_data {
    struct h264_macroblock mb; /* mb.address: the macroblock behind the last one read */
    enum h264_slice_data_answer answer;
    bool is_begun;          /* the header is read */
    bool is_paused;         /* MORE, but not of bytes: read again */
    bool is_run_read;       /* CAVLC: mb_skip_run in front of the next macroblock */
    uint32_t n_skipped;     /* by it, while it is read */
    struct h264_cabac kept; /* where the macroblock being read began */
};

/* All zero is ready for begin. */
void h264_slice_data_begin(struct h264_slice_data *d);
void h264_slice_data_finish(struct h264_slice_data *d);
/* nal: what there is of it; is_all: that is all of it. */
enum h264_slice_data_answer h264_slice_data_read(struct h264_slice_data *d, struct bytes nal,
                                                 bool is_all, const struct h264_sets *sets);
/* WHOLE, and it is the end of the picture. */
bool h264_slice_data_is_last(const struct h264_slice_data *d);

#endif
