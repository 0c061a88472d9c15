/*
 * Normal form: one access unit from anywhere (a V4L2 buffer, an encoder, a pipe) becomes a packet
 * as media/packet.h wants it, and the stream's track stays up to date.
 *
 * In: Annex B with any start codes, with or without parameter sets and delimiters.
 * Out: four-byte start codes; no access unit delimiter, filler, end of sequence, nor NAL units of
 * scalable and multiview extensions; the latest SPS and its PPSs directly before each key picture;
 * PACKET_KEY; PACKET_DISCONTINUITY on the first packet after a loss. The caller sets the times.
 *
 * Parameter sets elsewhere than before a key picture are taken note of and left out, but for a PPS
 * that changed. An SPS without bitstream_restriction is rewritten to "no reordering" until the
 * stream is seen to reorder its pictures.
 *
 * A key picture is an IDR picture; while a stream has none (for H264_NORMAL_IDR_PATIENCE
 * pictures), also an intra picture whose recovery point SEI says recovery_frame_cnt = 0.
 *
 * Order of calls: init; make for each access unit; finish. `track` and `n_tracks` may be read after
 * each make: n_tracks counts the changes of codec string, size, rate or parameter sets, from 0 =
 * no track yet, and the packet that the make gave is the first of the new track. The track's
 * is_reordered changes in between, with the second picture that is shown before an earlier one.
 *
 * Ownership: the track is the normaliser's (track_copy() to keep it); a packet is the caller's.
 * Thread:    one owner.
 * Errors:    -EAGAIN nothing to send: no picture in it (its parameter sets are kept), or a
 *            keyframe is awaited; -EBADMSG a damaged picture: it is dropped and a keyframe awaited;
 *            -ENOMEM, also above PACKET_SIZE_MAX, likewise.
 * Spec:      H.264 §7.4.1.2.3 (order of NAL units), §8.2.1 (picture order count).
 */
#ifndef AVOCET_BITSTREAM_H264_NORMAL_H
#define AVOCET_BITSTREAM_H264_NORMAL_H

#include "bitstream/h264_order.h"
#include "bitstream/h264_sets.h"
#include "bitstream/h264_slice.h"
#include "media/packet.h"
#include "media/track.h"

enum { H264_NORMAL_IDR_PATIENCE = 300 };

struct h264_normal {
    struct track track;
    unsigned n_tracks;
    struct h264_sets sets;
    struct h264_order order;
    bool awaits_key;
    bool is_discontinuity; /* pending */
    unsigned n_since_idr;  /* pictures, up to the patience */
};

void h264_normal_init(struct h264_normal *n);
void h264_normal_finish(struct h264_normal *n);

/* Take note of an SPS or PPS ahead of its access unit; as h264_sets_put(). */
int h264_normal_put_set(struct h264_normal *n, struct bytes nal);
int h264_normal_make(struct h264_normal *n, struct bytes access_unit, struct packet **out);
/* Access units were lost before the next one: drop until a key picture and mark that one. */
void h264_normal_mark_lost(struct h264_normal *n);

#endif
