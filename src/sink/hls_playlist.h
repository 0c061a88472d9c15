/*
 * The texts of HLS and DASH for one stream: multivariant playlist, media playlist, manifest.
 *
 * Names: media is at hls/BOOT-N.m4s (segment), hls/BOOT-pN.m4s (part), hls/BOOT-iN.mp4 (what
 * decodes it). BOOT is another one each time a stream's segments begin anew, so that a cache can
 * never give out a part of an earlier life.
 *
 * Thread: pure.
 * Spec:   RFC 8216, draft-pantos-hls-rfc8216bis (§4.4.3.7 parts, §4.4.3.8 server control, §4.4.5.3
 *         preload hint); ISO/IEC 23009-1 §5.3.9.6 (SegmentTimeline).
 */
#ifndef AVOCET_SINK_HLS_PLAYLIST_H
#define AVOCET_SINK_HLS_PLAYLIST_H

#include "base/text.h"
#include "media/track.h"
#include "mux/cmaf_segmenter.h"

enum {
    HLS_BOOT_SIZE = 13,
    HLS_LISTED_SEGMENTS = 7, /* whole ones */
    HLS_PARTED_SEGMENTS = 3, /* the newest, with the one that is growing */
    /* Of a playlist: no segment is longer. */
    HLS_TARGET_S = 4,      /* where a keyframe is made when it is wished for */
    HLS_TARGET_LONG_S = 8, /* where keyframes come as they come */
};

struct hls_presentation {
    const struct cmaf_segmenter *segments;
    const struct track *track;
    char boot[HLS_BOOT_SIZE];
    int target_s;
    int64_t begun_real_ns; /* real clock at pts 0 */
};

/* /NAME/index.m3u8 */
void hls_write_multivariant(const struct hls_presentation *p, struct text *out);
/* /NAME/hls/video.m3u8 */
void hls_write_media(const struct hls_presentation *p, struct text *out);
/* /NAME/manifest.mpd; whole segments only */
void hls_write_manifest(const struct hls_presentation *p, int64_t real_now_ns, struct text *out);

#endif
