#include "stream/encoding.h"

#include <stdio.h>

#include "stream/feed.h"

void encoding_init(struct encoding *e, struct stream *s, enum encoding_id id)
{
    *e = (struct encoding){
        .stream = s,
        .id = id,
        .keep_until_ns = INT64_MIN,
        .needs_key = true,
        .next_wish_ns = INT64_MIN,
    };
    list_init(&e->feeds);
}

void encoding_finish(struct encoding *e)
{
    ring_finish(&e->ring);
    track_finish(&e->track);
}

bool encoding_can(const struct encoding *e, enum producer_can what)
{
    const struct producer *p = e->stream->producer;
    return p && p->type->can && (p->type->can(p, e->id) & what) != 0;
}

const char *encoding_join_error(const struct encoding *e)
{
    return e->is_key_gone && !encoding_can(e, PRODUCER_CAN_KEYFRAME)
               ? "the source's last keyframe is more than " STREAM_RING_WORDS
                 " ago: who joins waits for the next one, so have its encoder make one every few "
                 "seconds"
               : NULL;
}

/* ---- visiting readers ---- */

static void begin_visit(struct encoding *e)
{
    e->n_visits++;
}

static void end_visit(struct encoding *e)
{
    e->n_visits--;
    struct feed *f;
    struct feed *next;
    list_for_each_safe(f, next, &e->feeds, link)
    {
        feed_release(f);
    }
}

static void call_ready(struct reader *r, void *arg)
{
    (void)arg;
    if (reader_is_ready(r)) {
        r->ops->on_ready(r);
    }
}

void encoding_tell(struct encoding *e)
{
    begin_visit(e);
    list_rotate(&e->feeds);
    struct feed *f;
    list_for_each(f, &e->feeds, link)
    {
        if (f->has_news) {
            f->has_news = false;
            list_rotate(&f->readers);
            feed_visit(f, call_ready, NULL);
        }
    }
    end_visit(e);
}

static void call_state(struct reader *r, void *arg)
{
    const enum stream_state *state = arg;
    if (r->ops->on_state) {
        r->ops->on_state(r, *state);
    }
}

void encoding_tell_state(struct encoding *e, enum stream_state state)
{
    begin_visit(e);
    struct feed *f;
    list_for_each(f, &e->feeds, link)
    {
        feed_visit(f, call_state, &state);
    }
    end_visit(e);
}

struct ending {
    enum encoding_end which;
    const char *why;
    int64_t now_ns;
};

static void call_end(struct reader *r, void *arg)
{
    const struct ending *ending = arg;
    if (ending->which == END_ALL || !r->is_started) {
        reader_close(r, ending->now_ns);
        r->ops->on_end(r, ending->why);
    }
}

void encoding_end_readers(struct encoding *e, enum encoding_end which, const char *why,
                          int64_t now_ns)
{
    begin_visit(e);
    struct feed *f;
    list_for_each(f, &e->feeds, link)
    {
        feed_visit(f, call_end, &(struct ending){which, why, now_ns});
    }
    end_visit(e);
}

/* ---- what comes in ---- */

static void note_frame(struct encoding *e, const struct packet *p, int64_t now_ns)
{
    struct stage_histogram *stages = e->stream->stages;
    e->stats.n_packets++;
    e->stats.n_bytes += p->size;
    e->stats.n_keyframes += packet_is_key(p);
    meter_note(&e->meter, p->size, now_ns);
    stage_note_capture(&stages[STAGE_CAPTURE], p->capture_ns, p->arrival_ns);
    stage_note(&stages[STAGE_ENCODE], p->encoded_ns - p->arrival_ns);
}

/* Formats that have no place for the new track lose their readers. */
static void judge_track(struct encoding *e, int64_t now_ns)
{
    begin_visit(e);
    struct feed *f;
    list_for_each(f, &e->feeds, link)
    {
        if (f->n_readers > 0 && feed_check_track(f) < 0) {
            char why[STREAM_ERROR_SIZE];
            snprintf(why, sizeof(why), "the format %s cannot carry this %s stream", f->mux->name,
                     codec_name(e->track.codec));
            feed_visit(f, call_end, &(struct ending){END_ALL, why, now_ns});
        }
    }
    end_visit(e);
}

static void change_track(struct encoding *e, const struct track *track, int64_t now_ns)
{
    const bool is_same = e->has_track && track_is_compatible(&e->track, track);
    struct feed *f;
    if (!is_same) {
        list_for_each(f, &e->feeds, link)
        {
            feed_flush(f);
        }
    }
    struct track copy;
    track_copy(&copy, track);
    track_finish(&e->track);
    e->track = copy;
    if (!is_same) {
        e->has_track = true;
        e->track_version++;
        e->needs_key = true;
        judge_track(e, now_ns);
    }
}

static void fill_times(struct packet *p, int64_t now_ns)
{
    if (p->arrival_ns == TIME_NONE) {
        p->arrival_ns = now_ns;
    }
    if (p->encoded_ns == TIME_NONE) {
        p->encoded_ns = p->arrival_ns;
    }
}

/* Of a group of pictures beyond the ring's bounds the beginning is gone. */
static void note_key(struct encoding *e, bool is_key, bool had_key)
{
    if (is_key) {
        e->is_loss_told = e->is_loss_told && e->is_key_gone;
        e->is_key_gone = false;
    } else if (had_key && !e->ring.has_key) {
        e->is_key_gone = true;
    }
    const char *error = encoding_join_error(e);
    if (error && !e->is_loss_told) {
        log_warn(&e->stream->log, "%s", error);
        e->is_loss_told = true;
    }
}

static void ingest_packet(struct encoding *e, struct packet *packet, int64_t now_ns)
{
    fill_times(packet, now_ns);
    note_frame(e, packet, now_ns);
    const bool is_key = packet_is_key(packet);
    const bool is_broken = !is_key && (packet->flags & PACKET_DISCONTINUITY) != 0;
    const bool had_key = e->ring.has_key;
    if (ring_push(&e->ring, packet, e->track_version) < 0) {
        e->needs_key = true;
        e->stats.n_dropped[DROP_RING]++;
        return;
    }
    note_key(e, is_key, had_key);
    if (is_key) {
        e->is_key_wished = false;
    } else if (is_broken && e->n_readers > 0) {
        encoding_wish_keyframe(e, INT64_MIN, now_ns);
    }
    struct feed *f;
    list_for_each(f, &e->feeds, link)
    {
        f->has_news = true;
    }
}

void encoding_ingest(struct encoding *e, struct packet *packet, struct track *track, int64_t now_ns)
{
    if (track) {
        change_track(e, track, now_ns);
    }
    if (e->needs_key && !packet_is_key(packet)) {
        packet_unref(&packet);
        return;
    }
    e->needs_key = false;
    ingest_packet(e, packet, now_ns);
}

/* ---- what goes ---- */

static uint64_t first_wanted(const struct encoding *e, int64_t now_ns)
{
    uint64_t first = UINT64_MAX;
    const struct feed *f;
    list_for_each(f, &e->feeds, link)
    {
        const struct reader *r;
        list_for_each(r, &f->readers, link)
        {
            const uint64_t wanted = reader_wanted(r, now_ns);
            first = wanted < first ? wanted : first;
        }
    }
    return first;
}

static void trim_feeds(struct encoding *e)
{
    struct feed *f;
    list_for_each(f, &e->feeds, link)
    {
        feed_trim(f, e->ring.first);
    }
}

static bool is_first_droppable(const struct encoding *e, int64_t since_ns)
{
    return e->ring.has_key && e->ring.first < e->ring.key &&
           ring_at(&e->ring, e->ring.first)->packet->arrival_ns < since_ns;
}

/* Of pictures that stand alone none is needed for a retransmission. */
void encoding_trim(struct encoding *e, int64_t now_ns)
{
    const int64_t since_ns = e->id == ENCODING_JPEG ? INT64_MAX : now_ns - ENCODING_KEEP_NS;
    if (!e->ring.has_key || is_first_droppable(e, since_ns)) {
        ring_trim(&e->ring, first_wanted(e, now_ns), since_ns);
    }
    trim_feeds(e);
}

void encoding_clear(struct encoding *e)
{
    ring_clear(&e->ring);
    e->is_key_gone = false;
    trim_feeds(e);
    e->needs_key = true;
}

/* ---- wishes ---- */

static bool pass_key_wish(struct encoding *e, int64_t now_ns)
{
    struct producer *p = e->stream->producer;
    if (!encoding_can(e, PRODUCER_CAN_KEYFRAME) || !p->type->wish) {
        e->is_key_wished = false;
        return false;
    }
    e->is_key_wished = true;
    e->next_wish_ns = now_ns + STREAM_KEYFRAME_INTERVAL_NS;
    e->wish_due_ns = e->next_wish_ns;
    e->stats.n_keyframe_wishes++;
    p->type->wish(p, &(struct wish){.type = WISH_KEYFRAME, .encoding = e->id});
    return true;
}

bool encoding_wish_keyframe(struct encoding *e, int64_t not_before_ns, int64_t now_ns)
{
    const int64_t due_ns = e->next_wish_ns > not_before_ns ? e->next_wish_ns : not_before_ns;
    if (now_ns >= due_ns) {
        return pass_key_wish(e, now_ns);
    }
    if (!e->is_key_wished || due_ns < e->wish_due_ns) {
        e->is_key_wished = true;
        e->wish_due_ns = due_ns;
        e->stream->wake(e->stream->wake_arg);
    }
    return false;
}

int64_t encoding_deadline_ns(const struct encoding *e)
{
    return e->is_key_wished && e->n_readers > 0 ? e->wish_due_ns : INT64_MAX;
}

void encoding_on_timer(struct encoding *e, int64_t now_ns)
{
    if (encoding_deadline_ns(e) <= now_ns) {
        pass_key_wish(e, now_ns);
    }
}
