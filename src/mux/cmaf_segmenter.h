/*
 * Parts and segments of CMAF out of the fragments that mux_mp4 makes, one per frame: what LL-HLS
 * and DASH hand out, made once for everybody.
 *
 * A part is some whole fragments, CMAF_PART_NS long or a frame less; a keyframe always begins one,
 * which is then independent. A segment is some whole parts: it ends before the first keyframe that
 * comes CMAF_SEGMENT_NS or later after its beginning. Parts are numbered through, whatever segment
 * they fall into, so that the next one's name is known before it is known where a segment ends.
 *
 * Kept are CMAF_SEGMENTS_MAX segments and at most CMAF_BYTES_MAX; the oldest go. Only the newest
 * CMAF_PARTED_SEGMENTS of them still have their parts.
 *
 * Units:     durations and times in ns; times are the stream's pts.
 * Ownership: the segmenter holds one reference of each buffer; what it returns is borrowed until
 *            the next call.
 * Thread:    one owner; no clock.
 * Errors:    -ENOMEM: the fragment is left out.
 * Spec:      ISO/IEC 23000-19 §7.3 (CMAF chunk, segment); draft-pantos-hls-rfc8216bis §4.4.4.9.
 */
#ifndef AVOCET_MUX_CMAF_SEGMENTER_H
#define AVOCET_MUX_CMAF_SEGMENTER_H

#include "base/buf.h"
#include "base/time.h"

#define CMAF_PART_NS    (200 * NS_PER_MS)
#define CMAF_SEGMENT_NS (2 * NS_PER_S)
#define CMAF_GAP_NS     NS_PER_S /* nothing for so long: a new segment begins, discontinuous */

enum {
    CMAF_SEGMENTS_MAX = 12,
    CMAF_PARTED_SEGMENTS = 4, /* with the one that is growing */
    CMAF_PARTS_MAX = 64,      /* of one segment; more are joined into its last */
    CMAF_FRAMES_MAX = 64,     /* of one part */
    CMAF_BYTES_MAX = 64 * 1024 * 1024,
};

struct cmaf_part {
    uint64_t number;
    struct buf *bytes;
    int64_t duration_ns;
    bool is_independent; /* begins with a keyframe */
};

struct cmaf_segment {
    uint64_t number;
    int64_t start_ns;   /* pts of its first frame */
    int64_t capture_ns; /* of that frame, real clock; TIME_NONE unknown */
    int64_t duration_ns;
    bool is_whole;
    bool is_discontinuous; /* another track than the segment before, or after a gap */
    struct buf *init;      /* what decodes it */
    unsigned init_number;  /* counts the tracks */
    struct cmaf_part parts[CMAF_PARTS_MAX];
    unsigned n_parts;  /* 0 when whole and old */
    struct buf *bytes; /* of a whole one */
};

struct cmaf_fragment {
    struct buf *bytes;
    struct buf *init; /* a new track's, else NULL */
    int64_t pts_ns;
    int64_t capture_ns;
    bool is_key;
};

struct cmaf_segmenter {
    int64_t frame_ns;                                /* nominal */
    int64_t part_ns;                                 /* no part is longer */
    struct cmaf_segment segments[CMAF_SEGMENTS_MAX]; /* of number n at n modulo that */
    uint64_t first_segment; /* held: first_segment .. end_segment; the last may be growing */
    uint64_t end_segment;
    uint64_t next_part;
    uint64_t n_discontinuities_gone;     /* of segments that went */
    struct buf *frames[CMAF_FRAMES_MAX]; /* of the part that is growing */
    unsigned n_frames;
    int64_t part_start_ns;
    int64_t part_end_ns; /* of its last frame, by the nominal duration */
    bool is_part_independent;
    struct buf *init;
    unsigned init_number;
    size_t n_bytes;
};

void cmaf_segmenter_init(struct cmaf_segmenter *s, int64_t frame_ns);
void cmaf_segmenter_finish(struct cmaf_segmenter *s);

/* In order. What comes before the first keyframe is left out. True: there is a new part. */
bool cmaf_segmenter_add(struct cmaf_segmenter *s, const struct cmaf_fragment *fragment);

/* The segment, whole or growing; NULL: it is gone, or not begun. */
const struct cmaf_segment *cmaf_segmenter_segment(const struct cmaf_segmenter *s, uint64_t number);
/* NULL: it is gone, or not there yet (number >= next_part). */
const struct cmaf_part *cmaf_segmenter_part(const struct cmaf_segmenter *s, uint64_t number);
/* How long the growing segment is; 0: there is none. */
int64_t cmaf_segmenter_growth_ns(const struct cmaf_segmenter *s);

#endif
