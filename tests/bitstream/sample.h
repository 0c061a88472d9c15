/*
 * The sample streams of tests/bitstream/samples/, all made by x264 (see its README), and variants
 * of their parameter sets that x264 would not write.
 */
#ifndef AVOCET_TESTS_BITSTREAM_SAMPLE_H
#define AVOCET_TESTS_BITSTREAM_SAMPLE_H

#include "base/buf.h"

/* The whole file; aborts the test program when it is not there. free with buf_unref(). */
struct buf *sample_read(const char *name);
/* The index-th NAL unit of a type; aborts when there are fewer. */
struct bytes sample_nal(struct bytes annexb, unsigned type, unsigned index);

enum sample_sps { SAMPLE_SPS_WITHOUT_VUI, SAMPLE_SPS_WITHOUT_RESTRICTION };

/* An SPS NAL unit cut at its VUI, or at the bitstream restriction in it. Returns the size. */
size_t sample_cut_sps(struct bytes nal, enum sample_sps kind, uint8_t *out, size_t capacity);
/* The stream with each SPS cut so. */
struct buf *sample_with_cut_sps(struct bytes annexb, enum sample_sps kind);

/* Whether the bytes are as media/packet.h wants an access unit. */
bool sample_is_normal(struct bytes packet, bool is_key);
/* Append the coded slices of Annex B bytes to out, each with a start code. */
void sample_append_slices(struct byte_writer *out, struct bytes annexb);

#endif
