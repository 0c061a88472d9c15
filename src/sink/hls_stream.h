/*
 * One stream cut into parts and segments for HLS and DASH, while anybody asks for them: a reader of
 * the fMP4 feed, the segmenter, and the requests that wait for what is not there yet.
 *
 * Begun by the first request; HLS_IDLE_NS after the last one everything is let go.
 *
 * Ownership: frees itself; hls_streams_close() ends all.
 * Thread:    loop only.
 * Spec:      draft-pantos-hls-rfc8216bis §6.2.5 (blocking reload, blocked part requests).
 */
#ifndef AVOCET_SINK_HLS_STREAM_H
#define AVOCET_SINK_HLS_STREAM_H

#include "sink/hls_playlist.h"
#include "sink/sink.h"

#define HLS_IDLE_NS     (12 * NS_PER_S)
#define HLS_PATIENCE_NS (10 * NS_PER_S) /* until something comes from a source that starts */

enum {
    HLS_WAITERS_MAX = 4096, /* of one stream */
    HLS_AHEAD_MAX = 2,      /* segments beyond the last that a playlist may be asked for */
};

enum hls_kind { HLS_MULTIVARIANT, HLS_MEDIA, HLS_MANIFEST, HLS_INIT, HLS_SEGMENT, HLS_PART };

/* What a request asks for. */
struct hls_query {
    enum hls_kind kind;
    char boot[HLS_BOOT_SIZE]; /* of media */
    uint64_t number;          /* of media; of HLS_MEDIA: _HLS_msn */
    uint64_t part;            /* _HLS_part */
    bool has_msn;
    bool has_part;
};

/* Answers x, now or later. streams: list head of the sink's hls_stream::link. */
void hls_ask(struct sink *sink, struct list *streams, struct http_exchange *x, struct stream *s,
             const struct hls_query *query);
void hls_streams_close(struct list *streams);

#endif
