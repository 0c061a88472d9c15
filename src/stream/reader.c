#include "stream/reader.h"

#include <errno.h>

#include "stream/feed.h"

static struct encoding *encoding_of(const struct reader *r)
{
    return r->feed->encoding;
}

static int64_t age_ns(const struct ring *ring, uint64_t sequence, int64_t now_ns)
{
    return now_ns - ring_at(ring, sequence)->packet->arrival_ns;
}

/* When it would get through, had it been given to the link now. */
static int64_t lateness_ns(const struct reader *r, uint64_t sequence, int64_t now_ns)
{
    return age_ns(&encoding_of(r)->ring, sequence, now_ns) + r->link_ns;
}

/* What is before end is not to be read any more; each is counted once. */
static void count_drops(struct reader *r, enum drop_reason reason, uint64_t end)
{
    const uint64_t from = r->cursor > r->counted ? r->cursor : r->counted;
    if (r->is_started && end > from) {
        r->stats.n_dropped[reason] += end - from;
        r->protocol->n_dropped[reason] += end - from;
        encoding_of(r)->stats.n_dropped[reason] += end - from;
        r->counted = end;
    }
}

/* The cursor is about to move there. */
static void note_drops(struct reader *r, enum drop_reason reason, uint64_t end)
{
    count_drops(r, reason, end);
    r->is_gap = r->is_gap || (r->is_started && end > r->cursor);
}

/* ---- where to begin ---- */

static void await_key(struct reader *r)
{
    r->is_waiting_key = true;
    r->cursor = encoding_of(r)->ring.end;
}

/* From a keyframe that may be older than the budget. */
static void catch_up_from(struct reader *r, uint64_t key, int64_t now_ns)
{
    r->cursor = key;
    r->is_waiting_key = false;
    r->is_catching_up = true;
    r->catch_up_until_ns = now_ns + READER_CATCH_UP_NS + age_ns(&encoding_of(r)->ring, key, now_ns);
}

/* The newest keyframe is of the present track: its bytes can still be made. */
static bool has_usable_key(const struct encoding *e)
{
    return e->ring.has_key && ring_at(&e->ring, e->ring.key)->track_version == e->track_version;
}

static void join(struct reader *r, int64_t now_ns)
{
    struct encoding *e = encoding_of(r);
    const bool can_make = encoding_can(e, PRODUCER_CAN_KEYFRAME);
    const bool has_key = has_usable_key(e);
    if (has_key && (!can_make || age_ns(&e->ring, e->ring.key, now_ns) < READER_JOIN_AGE_NS)) {
        catch_up_from(r, e->ring.key, now_ns);
        return;
    }
    await_key(r);
    if (e->ring.has_key) {
        encoding_wish_keyframe(e, INT64_MIN, now_ns);
    }
}

static void attach(struct reader *r, struct feed *f, const char *protocol, int64_t now_ns)
{
    r->feed = f;
    f->n_readers++;
    list_append(&f->readers, &r->link);
    r->protocol = stage_protocol(r->stream, protocol);
    r->protocol->n_viewers++;
    r->protocol->n_viewers_total++;
    if (f->encoding->n_readers++ == 0) {
        stream_update_demand(r->stream, now_ns);
    }
}

int reader_open(struct reader *r, struct stream *s, enum encoding_id encoding,
                const struct mux_type *mux, enum stream_mode mode, const char *protocol,
                const struct reader_ops *ops, int64_t now_ns)
{
    struct encoding *e = &s->encodings[encoding];
    *r = (struct reader){
        .ops = ops,
        .stream = s,
        .encoding = encoding,
        .budget_ns = stream_mode_budget_ns(mode),
        .next_wish_ns = INT64_MIN,
    };
    list_init(&r->link);
    if (s->is_ending || e->error[0] != '\0') {
        return -ENOTSUP;
    }
    struct feed *f = feed_get(e, mux);
    if (!f) {
        return -ENOMEM;
    }
    const int error = feed_check_track(f);
    if (error < 0) {
        feed_release(f);
        return error;
    }
    attach(r, f, protocol, now_ns);
    join(r, now_ns);
    if (reader_is_ready(r)) {
        f->has_news = true;
        s->wake(s->wake_arg);
    }
    return 0;
}

void reader_close(struct reader *r, int64_t now_ns)
{
    struct feed *f = r->feed;
    if (!f) {
        return;
    }
    reader_count_late(r, now_ns);
    buf_unref(&r->resume);
    struct encoding *e = f->encoding;
    r->feed = NULL;
    list_remove(&r->link);
    r->protocol->n_viewers--;
    f->n_readers--;
    feed_release(f);
    if (--e->n_readers == 0) {
        e->keep_until_ns = now_ns + e->stream->config.stop_after_ns;
        e->is_key_wished = false;
        stream_update_demand(e->stream, now_ns);
    }
}

/* ---- skipping ---- */

static void wish_after_skip(struct reader *r, int64_t now_ns)
{
    encoding_wish_keyframe(encoding_of(r), r->next_wish_ns, now_ns);
    const int64_t from_ns = now_ns > r->next_wish_ns ? now_ns : r->next_wish_ns;
    r->next_wish_ns = from_ns + READER_SKIP_WISH_NS;
}

static bool is_key_near(const struct reader *r, int64_t now_ns)
{
    const struct ring *ring = &encoding_of(r)->ring;
    return lateness_ns(r, ring->key, now_ns) <= r->budget_ns || ring->key + 1 == ring->end;
}

static void jump(struct reader *r, enum drop_reason reason)
{
    const uint64_t key = encoding_of(r)->ring.key;
    note_drops(r, reason, key);
    r->cursor = key;
    r->is_waiting_key = false;
    r->is_catching_up = false;
}

/* From the cursor on to the newest keyframe at or after from, else to the next one to come. */
static void skip(struct reader *r, enum drop_reason reason, uint64_t from, int64_t now_ns)
{
    const struct encoding *e = encoding_of(r);
    const bool is_ahead = has_usable_key(e) && e->ring.key >= from;
    if (is_ahead && is_key_near(r, now_ns)) {
        jump(r, reason);
    } else if (is_ahead && !encoding_can(e, PRODUCER_CAN_KEYFRAME)) {
        jump(r, reason);
        catch_up_from(r, e->ring.key, now_ns);
    } else {
        note_drops(r, reason, e->ring.end);
        await_key(r);
        r->reason = reason;
        if (reason != DROP_RATE) { /* the sink knows when its link can take a keyframe */
            wish_after_skip(r, now_ns);
        }
    }
}

void reader_skip_to_key(struct reader *r, enum drop_reason reason, int64_t now_ns)
{
    if (r->feed && !r->is_waiting_key) {
        skip(r, reason, r->cursor, now_ns);
    }
}

void reader_wish_keyframe(struct reader *r, int64_t now_ns)
{
    if (r->feed) {
        encoding_wish_keyframe(encoding_of(r), INT64_MIN, now_ns);
    }
}

/* ---- reading ---- */

static bool has_key_come(const struct reader *r)
{
    const struct encoding *e = encoding_of(r);
    return has_usable_key(e) && e->ring.key >= r->cursor;
}

bool reader_is_ready(const struct reader *r)
{
    return r->is_waiting_key ? has_key_come(r) : r->cursor < encoding_of(r)->ring.end;
}

unsigned reader_n_waiting(const struct reader *r)
{
    if (!r->feed || !reader_is_ready(r)) {
        return 0;
    }
    const struct ring *ring = &encoding_of(r)->ring;
    const uint64_t from = r->is_waiting_key ? ring->key : r->cursor;
    return (unsigned)(ring->end - (from > ring->first ? from : ring->first));
}

/* Whether what waits at the cursor is no longer to be read. */
static bool is_late(const struct reader *r, int64_t now_ns)
{
    const struct ring *ring = &encoding_of(r)->ring;
    const bool is_newest = r->cursor + 1 == ring->end;
    const int64_t late_ns = is_newest ? r->link_ns : lateness_ns(r, r->cursor, now_ns);
    if (late_ns <= r->budget_ns) {
        return false;
    }
    if (!r->is_catching_up || now_ns > r->catch_up_until_ns) {
        return true;
    }
    return ring->has_key && ring->key > r->cursor && is_key_near(r, now_ns);
}

uint64_t reader_wanted(const struct reader *r, int64_t now_ns)
{
    const struct ring *ring = &encoding_of(r)->ring;
    const bool wants_one = !r->is_waiting_key && r->cursor >= ring->first && r->cursor < ring->end;
    return wants_one && !is_late(r, now_ns) ? r->cursor : UINT64_MAX;
}

/* Brings the cursor to what is to be read next; false: nothing is. */
static bool settle(struct reader *r, int64_t now_ns)
{
    const struct ring *ring = &encoding_of(r)->ring;
    if (!reader_is_ready(r)) {
        r->is_catching_up = false;
        return false;
    }
    if (r->is_waiting_key) {
        jump(r, r->reason);
    } else if (r->cursor < ring->first) {
        skip(r, DROP_RING, ring->first, now_ns);
    } else if (is_late(r, now_ns)) {
        skip(r, DROP_BUDGET, r->cursor + 1, now_ns);
    } else if (age_ns(ring, r->cursor, now_ns) <= r->budget_ns) {
        r->is_catching_up = false;
    }
    return !r->is_waiting_key;
}

/* What the format has to say where this chunk does not follow the last one. */
static struct buf *make_resume(struct reader *r, const struct chunk *chunk)
{
    const struct mux_type *mux = r->feed->mux;
    buf_unref(&r->resume);
    if (mux && mux->resume && r->is_started && (chunk->is_gap || chunk->is_new_track)) {
        (void)mux->resume(chunk->buf, &r->resume); /* without memory: a gap that is not marked */
    }
    return r->resume;
}

static void note_read(struct reader *r, struct chunk *out)
{
    const struct ring_entry *entry = ring_at(&encoding_of(r)->ring, r->cursor);
    out->is_gap = r->is_gap;
    out->is_new_track = !r->is_started || r->track_version != entry->track_version;
    if (!out->is_new_track || !out->preamble) {
        out->preamble = make_resume(r, out);
    }
    r->track_version = entry->track_version;
    r->is_gap = false;
    r->is_started = true;
    r->stats.n_frames++;
    r->cursor++;
}

/* All before the newest keyframe at or after from. */
static void count_skipped(struct reader *r, enum drop_reason reason, uint64_t from)
{
    const struct encoding *e = encoding_of(r);
    const bool is_ahead = has_usable_key(e) && e->ring.key >= from;
    count_drops(r, reason, is_ahead ? e->ring.key : e->ring.end);
}

/* By its age alone: the link may get better meanwhile. */
static bool is_late_for_good(struct reader *r, int64_t now_ns)
{
    const bool may_catch_up = r->is_catching_up && now_ns <= r->catch_up_until_ns;
    r->link_ns = 0;
    return r->cursor < encoding_of(r)->ring.end && !may_catch_up && is_late(r, now_ns);
}

void reader_count_late(struct reader *r, int64_t now_ns)
{
    if (!r->feed || !r->is_started) {
        return;
    }
    if (r->is_waiting_key) {
        count_skipped(r, r->reason, r->cursor);
    } else if (r->cursor < encoding_of(r)->ring.first) {
        count_skipped(r, DROP_RING, encoding_of(r)->ring.first);
    } else if (is_late_for_good(r, now_ns)) {
        count_skipped(r, DROP_BUDGET, r->cursor + 1);
    }
}

bool reader_next(struct reader *r, int64_t now_ns, struct chunk *out)
{
    while (r->feed && settle(r, now_ns)) {
        struct chunk chunk;
        if (feed_chunk(r->feed, r->cursor, &chunk)) {
            note_read(r, &chunk);
            *out = chunk;
            return true;
        }
        r->is_gap = r->is_started;
        r->cursor++;
    }
    return false;
}

/* The sequence of that number nearest before the ring's end. */
static uint64_t widen(const struct ring *ring, uint32_t sequence)
{
    return ring->end - (uint32_t)((uint32_t)ring->end - sequence);
}

bool reader_recall(const struct reader *r, uint32_t sequence, struct chunk *out)
{
    if (!r->feed) {
        return false;
    }
    const struct ring *ring = &encoding_of(r)->ring;
    const uint64_t wide = widen(ring, sequence);
    return wide >= ring->first && wide < r->cursor && wide < ring->end &&
           feed_chunk(r->feed, wide, out);
}

void reader_note_sent(struct reader *r, const struct packet *packet, size_t n_bytes, int64_t now_ns)
{
    if (r->feed) {
        if (!r->is_catching_up) { /* else the packet waited for the viewer, not for us */
            const int64_t duration_ns = now_ns - packet->encoded_ns;
            stage_note(&r->stream->stages[STAGE_SEND], duration_ns);
            stage_note(&r->protocol->send, duration_ns);
        }
        r->protocol->n_frames++;
        r->protocol->n_bytes += n_bytes;
    }
}
