#include "sink/hls_stream.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define ASK_KEYFRAME_NS (CMAF_SEGMENT_NS + 100 * NS_PER_MS)

enum { MEDIA_MAX_AGE_S = 3600, REASON_SIZE = 200 };

static const char playlist_type[] = "application/vnd.apple.mpegurl";
static const char manifest_type[] = "application/dash+xml";
static const char media_type[] = "video/mp4";

struct hls_stream {
    struct list link; /* the sink's list */
    struct sink *sink;
    struct reader reader;
    bool is_reading;
    struct cmaf_segmenter segments;
    bool has_segments; /* the segmenter is begun */
    struct hls_presentation presentation;
    struct list waiters; /* hls_waiter::link */
    unsigned n_waiters;
    struct loop_timer idle;
    struct buf *playlist;      /* as the segments are now; NULL: not written yet */
    char refusal[REASON_SIZE]; /* it cannot be cut, and why */
};

struct hls_waiter {
    struct list link;
    struct hls_stream *stream;
    struct http_exchange *exchange;
    struct hls_query query;
    struct loop_timer patience;
};

static int64_t now(const struct hls_stream *h)
{
    return loop_now_ns(h->sink->env->loop);
}

static const struct track *track_of(const struct hls_stream *h)
{
    return stream_track(h->reader.stream, ENCODING_H264);
}

/* ---- answers ---- */

static void respond(struct http_exchange *x, const char *type, int max_age_s, struct buf *body)
{
    char cache[40];
    snprintf(cache, sizeof(cache), "public, max-age=%d", max_age_s);
    http_add_header(x, "Cache-Control", cache);
    http_respond_buf(x, 200, type, body);
}

static void respond_text(struct http_exchange *x, const char *type, int max_age_s,
                         struct text *text)
{
    struct buf *b = text->error ? NULL : buf_copy(text_bytes(text));
    text_finish(text);
    if (b) {
        respond(x, type, max_age_s, b);
    } else {
        http_respond_error(x, 503, "out of memory");
    }
    buf_unref(&b);
}

static void refuse(struct http_exchange *x, int status, int max_age_s, const char *why)
{
    char cache[40];
    snprintf(cache, sizeof(cache), max_age_s > 0 ? "public, max-age=%d" : "no-store", max_age_s);
    http_add_header(x, "Cache-Control", cache);
    http_respond_error(x, status, "%s", why);
}

/* A playlist changes with each part: an answer that was waited for is that of its query for ever;
 * one that was not is old when half a target duration has gone (Appendix B.1 of the draft). */
static int playlist_max_age_s(const struct hls_stream *h, const struct hls_query *q)
{
    return q->has_msn ? 6 * h->presentation.target_s : h->presentation.target_s / 2;
}

static void respond_media_playlist(struct hls_stream *h, struct http_exchange *x,
                                   const struct hls_query *q)
{
    if (!h->playlist) {
        struct text text = {0};
        hls_write_media(&h->presentation, &text);
        h->playlist = text.error ? NULL : buf_copy(text_bytes(&text));
        text_finish(&text);
    }
    if (h->playlist) {
        respond(x, playlist_type, playlist_max_age_s(h, q), h->playlist);
    } else {
        http_respond_error(x, 503, "out of memory");
    }
}

static void respond_multivariant(struct hls_stream *h, struct http_exchange *x)
{
    struct text text = {0};
    h->presentation.track = track_of(h);
    hls_write_multivariant(&h->presentation, &text);
    respond_text(x, playlist_type, h->presentation.target_s / 2, &text);
}

static void respond_manifest(struct hls_stream *h, struct http_exchange *x)
{
    struct text text = {0};
    h->presentation.track = track_of(h);
    hls_write_manifest(&h->presentation, time_real_ns(), &text);
    respond_text(x, manifest_type, h->presentation.target_s / 2, &text);
}

/* ---- what is there ---- */

enum verdict { ANSWERED, NOT_YET };

static const struct cmaf_segment *segment(const struct hls_stream *h, uint64_t number)
{
    return cmaf_segmenter_segment(&h->segments, number);
}

static bool has_parts(const struct hls_stream *h)
{
    return h->has_segments && h->segments.next_part > 0;
}

/* The playlist has this segment whole, or this part of it; parts that a whole segment lacks are
 * the next one's first (§6.2.5.2). */
static bool has_position(const struct hls_stream *h, const struct hls_query *q)
{
    const struct cmaf_segment *g = segment(h, q->number);
    if (!g || (!g->is_whole && !q->has_part)) {
        return q->number < h->segments.first_segment;
    }
    if (!g->is_whole || !q->has_part) {
        return g->is_whole || g->n_parts > q->part;
    }
    const struct cmaf_segment *next = segment(h, q->number + 1);
    return g->n_parts == 0 || q->part < g->n_parts || (next && next->n_parts > 0);
}

/* Players that know nothing of parts take a playlist without a segment for the end. */
static bool has_whole_segment(const struct hls_stream *h)
{
    const uint64_t n_held = h->segments.end_segment - h->segments.first_segment;
    return h->has_segments &&
           (n_held > 1 || (n_held == 1 && segment(h, h->segments.first_segment)->is_whole));
}

static enum verdict try_media_playlist(struct hls_stream *h, struct http_exchange *x,
                                       const struct hls_query *q)
{
    if (!has_parts(h) || (!q->has_msn && !has_whole_segment(h))) {
        return NOT_YET;
    }
    if (q->has_msn && q->number + 1 > h->segments.end_segment + HLS_AHEAD_MAX) {
        refuse(x, 400, h->presentation.target_s, "_HLS_msn is too far ahead");
        return ANSWERED;
    }
    if (q->has_msn && !has_position(h, q)) {
        return NOT_YET;
    }
    respond_media_playlist(h, x, q);
    return ANSWERED;
}

static enum verdict try_part(struct hls_stream *h, struct http_exchange *x, uint64_t number)
{
    const struct cmaf_part *part = cmaf_segmenter_part(&h->segments, number);
    if (part) {
        respond(x, media_type, MEDIA_MAX_AGE_S, part->bytes);
    } else if (number == h->segments.next_part) {
        return NOT_YET;
    } else {
        refuse(x, 404, 4 * h->presentation.target_s,
               "this part is not here: load the playlist anew");
    }
    return ANSWERED;
}

static enum verdict try_segment(struct hls_stream *h, struct http_exchange *x, uint64_t number)
{
    const struct cmaf_segment *g = segment(h, number);
    if (g && g->is_whole && g->bytes) {
        respond(x, media_type, MEDIA_MAX_AGE_S, g->bytes);
    } else if (g && !g->is_whole) {
        return NOT_YET;
    } else {
        refuse(x, 404, h->presentation.target_s,
               "this segment is not here: load the playlist anew");
    }
    return ANSWERED;
}

static enum verdict try_init(struct hls_stream *h, struct http_exchange *x, uint64_t number)
{
    for (uint64_t n = h->segments.first_segment; n < h->segments.end_segment; n++) {
        const struct cmaf_segment *g = segment(h, n);
        if (g->init_number == number) {
            respond(x, media_type, MEDIA_MAX_AGE_S, g->init);
            return ANSWERED;
        }
    }
    refuse(x, 404, h->presentation.target_s, "this is not here: load the playlist anew");
    return ANSWERED;
}

static enum verdict try_manifest(struct hls_stream *h, struct http_exchange *x)
{
    if (!has_whole_segment(h)) {
        return NOT_YET;
    }
    respond_manifest(h, x);
    return ANSWERED;
}

static bool is_media(enum hls_kind kind)
{
    return kind == HLS_INIT || kind == HLS_SEGMENT || kind == HLS_PART;
}

static enum verdict try_answer(struct hls_stream *h, struct http_exchange *x,
                               const struct hls_query *q)
{
    if (h->refusal[0] != '\0') {
        refuse(x, 503, 0, h->refusal);
        return ANSWERED;
    }
    if (is_media(q->kind) && strcmp(q->boot, h->presentation.boot) != 0) {
        refuse(x, 404, h->presentation.target_s, "this is of an earlier time: load the playlist");
        return ANSWERED;
    }
    switch (q->kind) {
    case HLS_MULTIVARIANT:
        if (!has_parts(h)) {
            return NOT_YET;
        }
        respond_multivariant(h, x);
        return ANSWERED;
    case HLS_MEDIA:
        return try_media_playlist(h, x, q);
    case HLS_MANIFEST:
        return try_manifest(h, x);
    case HLS_INIT:
        return try_init(h, x, q->number);
    case HLS_SEGMENT:
        return try_segment(h, x, q->number);
    case HLS_PART:
        return try_part(h, x, q->number);
    }
    return ANSWERED;
}

/* ---- waiting ---- */

static void free_waiter(struct hls_waiter *w)
{
    loop_timer_finish(&w->patience);
    list_remove(&w->link);
    w->stream->n_waiters--;
    free(w);
}

static void on_exchange_close(struct http_exchange *x, void *arg)
{
    free_waiter(arg);
}

static void give_up(struct hls_waiter *w, const char *why)
{
    http_set_close(w->exchange, NULL, NULL);
    refuse(w->exchange, 503, 0, why);
    free_waiter(w);
}

static void on_patience(struct loop_timer *t)
{
    struct hls_waiter *w = list_entry(t, struct hls_waiter, patience);
    const char *error = stream_error(w->stream->reader.stream);
    give_up(w, error ? error : "nothing new came from the source: try again");
}

/* The whole time a playlist may be waited for is three target durations (§6.2.5.2). */
static int64_t patience_ns(const struct hls_stream *h)
{
    return has_parts(h) ? 3 * h->presentation.target_s * NS_PER_S : HLS_PATIENCE_NS;
}

static void wait_for(struct hls_stream *h, struct http_exchange *x, const struct hls_query *q)
{
    struct hls_waiter *w = h->n_waiters < HLS_WAITERS_MAX ? calloc(1, sizeof(*w)) : NULL;
    if (!w) {
        refuse(x, 503, 0, "too many requests wait for this stream: try again");
        return;
    }
    *w = (struct hls_waiter){.stream = h, .exchange = x, .query = *q};
    list_append(&h->waiters, &w->link);
    h->n_waiters++;
    http_set_close(x, on_exchange_close, w);
    loop_timer_init(&w->patience, h->sink->env->loop, on_patience);
    loop_timer_start(&w->patience, patience_ns(h));
}

static void answer_waiters(struct hls_stream *h)
{
    struct hls_waiter *w;
    struct hls_waiter *next;
    list_for_each_safe(w, next, &h->waiters, link)
    {
        http_set_close(w->exchange, NULL, NULL);
        if (try_answer(h, w->exchange, &w->query) == ANSWERED) {
            free_waiter(w);
        } else {
            http_set_close(w->exchange, on_exchange_close, w);
        }
    }
}

static void dismiss_waiters(struct hls_stream *h, const char *why)
{
    struct hls_waiter *w;
    struct hls_waiter *next;
    list_for_each_safe(w, next, &h->waiters, link)
    {
        give_up(w, why);
    }
}

/* ---- what comes from the stream ---- */

static void stop_reading(struct hls_stream *h)
{
    if (h->is_reading) {
        h->is_reading = false;
        reader_close(&h->reader, now(h));
    }
}

static void destroy(struct hls_stream *h)
{
    stop_reading(h);
    loop_timer_finish(&h->idle);
    cmaf_segmenter_finish(&h->segments);
    buf_unref(&h->playlist);
    list_remove(&h->link);
    free(h);
}

static bool can_make_keyframes(const struct hls_stream *h)
{
    return stream_can(h->reader.stream, ENCODING_H264, PRODUCER_CAN_KEYFRAME);
}

static void begin_segments(struct hls_stream *h, const struct packet *first)
{
    const int64_t captured_ns = first->capture_ns != TIME_NONE ? first->capture_ns : time_real_ns();
    cmaf_segmenter_init(&h->segments, track_frame_duration_ns(track_of(h)));
    h->has_segments = true;
    h->presentation.segments = &h->segments;
    h->presentation.begun_real_ns = captured_ns - first->pts_ns;
}

/* Segments end at keyframes: one is asked for in time, or there is no HLS of this stream. */
static void heed_length(struct hls_stream *h)
{
    const int64_t length_ns = cmaf_segmenter_growth_ns(&h->segments);
    if (can_make_keyframes(h)) {
        if (length_ns > ASK_KEYFRAME_NS) {
            reader_wish_keyframe(&h->reader, now(h));
        }
    } else if (length_ns > h->presentation.target_s * NS_PER_S) {
        snprintf(h->refusal, sizeof(h->refusal),
                 "keyframes of this stream are more than %d s apart, which HLS and DASH cannot "
                 "carry: make the source send one every %d s or less",
                 h->presentation.target_s, (int)(CMAF_SEGMENT_NS / NS_PER_S));
        log_warn(&h->sink->log, "stream '%s': %s", stream_name(h->reader.stream), h->refusal);
        stop_reading(h);
        answer_waiters(h);
    }
}

static void take(struct hls_stream *h, const struct chunk *c)
{
    const struct cmaf_fragment fragment = {
        .bytes = c->buf,
        .init = c->preamble,
        .pts_ns = c->packet->pts_ns,
        .capture_ns = c->packet->capture_ns,
        .is_key = packet_is_key(c->packet),
    };
    if (!h->has_segments) {
        begin_segments(h, c->packet);
    }
    const bool has_part = cmaf_segmenter_add(&h->segments, &fragment);
    reader_note_sent(&h->reader, c->packet, c->buf->size, now(h));
    if (has_part && h->segments.next_part == 1) { /* by now it is known what the source can */
        h->presentation.target_s = can_make_keyframes(h) ? HLS_TARGET_S : HLS_TARGET_LONG_S;
    }
    if (has_part) {
        buf_unref(&h->playlist);
        answer_waiters(h);
    }
    heed_length(h);
}

static void on_ready(struct reader *r)
{
    struct hls_stream *h = list_entry(r, struct hls_stream, reader);
    struct chunk chunk;
    while (h->is_reading && reader_next(r, now(h), &chunk)) {
        take(h, &chunk);
    }
}

static void on_end(struct reader *r, const char *why)
{
    struct hls_stream *h = list_entry(r, struct hls_stream, reader);
    h->is_reading = false;
    dismiss_waiters(h, why);
    destroy(h);
}

static const struct reader_ops reader_ops = {.on_ready = on_ready, .on_end = on_end};

/* ---- life ---- */

static void on_idle(struct loop_timer *t)
{
    struct hls_stream *h = list_entry(t, struct hls_stream, idle);
    if (h->n_waiters > 0) {
        loop_timer_start(t, HLS_IDLE_NS);
    } else {
        destroy(h);
    }
}

static bool make_boot(char out[HLS_BOOT_SIZE])
{
    uint8_t random[HLS_BOOT_SIZE / 2];
    const bool has_random = RAND_bytes(random, sizeof(random)) == 1;
    for (unsigned i = 0; i < sizeof(random); i++) {
        snprintf(out + 2 * i, 3, "%02x", random[i]);
    }
    return has_random;
}

static struct hls_stream *begin(struct sink *sink, struct list *streams, struct http_exchange *x,
                                struct stream *s)
{
    struct hls_stream *h = calloc(1, sizeof(*h));
    if (!h || !make_boot(h->presentation.boot)) {
        free(h);
        http_respond_error(x, 503, "out of memory");
        return NULL;
    }
    h->sink = sink;
    h->presentation.target_s = HLS_TARGET_S;
    list_init(&h->waiters);
    list_init(&h->link);
    loop_timer_init(&h->idle, sink->env->loop, on_idle);
    const int result = reader_open(&h->reader, s, ENCODING_H264, &mux_mp4, MODE_SMOOTH,
                                   sink->type->name, &reader_ops, now(h));
    if (result < 0) {
        const char *error = stream_encoding_error(s, ENCODING_H264);
        refuse(x, 503, 0, error ? error : "there is no H.264 to be had here");
        destroy(h);
        return NULL;
    }
    h->is_reading = true;
    list_append(streams, &h->link);
    return h;
}

static struct hls_stream *find(const struct list *streams, const struct stream *s)
{
    struct hls_stream *h;
    list_for_each(h, streams, link)
    {
        if (h->reader.stream == s) {
            return h;
        }
    }
    return NULL;
}

void hls_ask(struct sink *sink, struct list *streams, struct http_exchange *x, struct stream *s,
             const struct hls_query *query)
{
    struct hls_stream *h = find(streams, s);
    if (!h && is_media(query->kind)) {
        refuse(x, 404, HLS_TARGET_S, "nobody plays this stream by HLS now: load the playlist");
        return;
    }
    if (!h) {
        h = begin(sink, streams, x, s);
    }
    if (h) {
        loop_timer_start(&h->idle, HLS_IDLE_NS);
        if (try_answer(h, x, query) == NOT_YET) {
            wait_for(h, x, query);
        }
    }
}

void hls_streams_close(struct list *streams)
{
    struct hls_stream *h;
    struct hls_stream *next;
    list_for_each_safe(h, next, streams, link)
    {
        dismiss_waiters(h, "the server is ending");
        destroy(h);
    }
}
