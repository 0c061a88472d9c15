/*
 * The boxes of fragmented MP4 for one H.264 track: init segment, and one fragment per frame.
 *
 * A fragment says its duration at once, from the track's rate, so that nobody waits for the next
 * frame. Where frames really come slower (a camera in the dark), the last distance is said instead:
 * a browser drops everything up to the next keyframe when a frame comes later than twice the
 * duration of the one before.
 *
 * Parameter sets are in avcC; in band they are left out before key pictures.
 *
 * Units:     decode times and durations in 1/90000 s; decode time 0 is pts_ns 0.
 * Ownership: mp4_segment_open() takes what it needs from the track; finish() frees.
 * Thread:    one owner.
 * Errors:    -ENOTSUP not H.264, -EBADMSG parameter sets or access units not in normal form,
 *            -ENOMEM.
 * Spec:      ISO/IEC 14496-12 (boxes; §8.16.5 prft), 14496-15 §5.3, §5.4 (avc1).
 */
#ifndef AVOCET_MUX_MP4_SEGMENT_H
#define AVOCET_MUX_MP4_SEGMENT_H

#include "media/packet.h"
#include "media/track.h"

struct mp4_segment {
    struct buf *avcc;
    struct picture_size size;
    struct rational sample_aspect; /* num 0: unknown */
    uint32_t nominal_duration;
    bool has_last;
    int64_t last_time;
};

struct mp4_fragment {
    struct bytes payload; /* Annex B, four-byte start codes, without leading parameter sets */
    int64_t time;         /* decode time = presentation time */
    uint32_t duration;
    int64_t capture_ns;
    bool is_key;
    uint32_t sequence;
    size_t size; /* of all boxes */
};

int mp4_segment_open(struct mp4_segment *s, const struct track *track);
void mp4_segment_finish(struct mp4_segment *s);

/* ftyp and moov in a new buffer. */
int mp4_segment_create_init(const struct mp4_segment *s, struct buf **out);

/* Plan the fragment of a packet, which stays borrowed; it counts as sent. */
int mp4_segment_plan(struct mp4_segment *s, const struct packet *packet, uint32_t sequence,
                     struct mp4_fragment *out);
/* f->size bytes: [prft] moof mdat. */
void mp4_segment_write(const struct mp4_fragment *f, struct byte_writer *w);

#endif
