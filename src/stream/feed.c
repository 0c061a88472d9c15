#include "stream/feed.h"

#include <errno.h>
#include <stdlib.h>

static struct feed *feed_create(struct encoding *e, const struct mux_type *mux)
{
    struct feed *f = calloc(1, sizeof(*f));
    if (!f) {
        return NULL;
    }
    *f = (struct feed){.encoding = e, .mux = mux, .trimmed = e->ring.first, .next = e->ring.first};
    list_init(&f->readers);
    list_init(&f->untold);
    if (mux) {
        f->mux_state = calloc(1, mux->state_size > 0 ? mux->state_size : 1);
        if (!f->mux_state) {
            free(f);
            return NULL;
        }
    }
    list_append(&e->feeds, &f->link);
    return f;
}

struct feed *feed_get(struct encoding *e, const struct mux_type *mux)
{
    struct feed *f;
    list_for_each(f, &e->feeds, link)
    {
        if (f->mux == mux) {
            return f;
        }
    }
    return feed_create(e, mux);
}

static void close_mux(struct feed *f)
{
    if (f->is_open && f->mux->close) {
        f->mux->close(f->mux_state);
    }
    f->is_open = false;
    buf_unref(&f->preamble);
}

void feed_release(struct feed *f)
{
    if (f->n_readers > 0 || f->encoding->n_visits > 0) {
        return;
    }
    list_remove(&f->link);
    feed_trim(f, f->encoding->ring.end);
    close_mux(f);
    free(f->mux_state);
    free(f->slots);
    free(f);
}

/* Zeroed again, because an earlier track may have left something there; but what the mux keeps. */
static int open_mux(struct feed *f)
{
    const struct encoding *e = f->encoding;
    const size_t kept = f->mux->kept_size;
    close_mux(f);
    memset((uint8_t *)f->mux_state + kept, 0, f->mux->state_size - kept);
    const int r = f->mux->open ? f->mux->open(f->mux_state, &e->track) : 0;
    if (r < 0) {
        return r;
    }
    f->is_open = true;
    f->track_version = e->track_version;
    return f->mux->header ? f->mux->header(f->mux_state, &f->preamble) : 0;
}

int feed_check_track(struct feed *f)
{
    const struct encoding *e = f->encoding;
    if (!f->mux || !e->has_track || (f->is_open && f->track_version == e->track_version)) {
        return 0;
    }
    return open_mux(f);
}

static struct feed_slot *slot_at(const struct feed *f, uint64_t sequence)
{
    return &f->slots[sequence & (f->capacity - 1)];
}

static void empty_slot(struct feed_slot *slot)
{
    buf_unref(&slot->buf);
    buf_unref(&slot->preamble);
    slot->is_muxed = false;
}

/* As many slots as the ring has: then no two held packets share one. */
static int fit_slots(struct feed *f)
{
    const unsigned capacity = f->encoding->ring.capacity;
    if (f->capacity == capacity) {
        return 0;
    }
    struct feed_slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots) {
        return -ENOMEM;
    }
    for (uint64_t n = f->trimmed; n < f->next; n++) {
        slots[n & (capacity - 1)] = *slot_at(f, n);
    }
    free(f->slots);
    f->slots = slots;
    f->capacity = capacity;
    return 0;
}

static void mux_one(struct feed *f, uint64_t sequence)
{
    struct encoding *e = f->encoding;
    const struct ring_entry *entry = ring_at(&e->ring, sequence);
    struct feed_slot *slot = slot_at(f, sequence);
    empty_slot(slot);
    slot->sequence = sequence;
    int r = entry->track_version == e->track_version ? feed_check_track(f) : -ENOTSUP;
    if (r == 0) {
        r = f->mux->packet(f->mux_state, entry->packet, (uint32_t)sequence, &slot->buf);
    }
    slot->is_muxed = r == 0 && slot->buf;
    if (slot->is_muxed) {
        slot->preamble = buf_ref(f->preamble);
    } else {
        e->stats.n_dropped[DROP_MUX]++;
    }
}

static uint64_t lowest_cursor(const struct list *readers, uint64_t otherwise)
{
    const struct reader *r;
    list_for_each(r, readers, link)
    {
        otherwise = r->cursor < otherwise ? r->cursor : otherwise;
    }
    return otherwise;
}

/* The first packet that some reader, or one that joins now, may still ask for. */
static uint64_t first_wanted(const struct feed *f)
{
    const struct ring *ring = &f->encoding->ring;
    const uint64_t joining = ring->has_key ? ring->key : ring->end;
    return lowest_cursor(&f->readers, lowest_cursor(&f->untold, joining));
}

/* What all skipped is not muxed for nothing; looking for that is worth it only after a skip. */
static void mux_through(struct feed *f, uint64_t last)
{
    const uint64_t held = f->encoding->ring.first;
    f->next = f->next > held ? f->next : held;
    if (last > f->next) {
        const uint64_t wanted = first_wanted(f);
        f->next = wanted < f->next ? f->next : wanted < last ? wanted : last;
    }
    for (; f->next <= last; f->next++) {
        mux_one(f, f->next);
    }
}

bool feed_chunk(struct feed *f, uint64_t sequence, struct chunk *out)
{
    struct packet *packet = ring_at(&f->encoding->ring, sequence)->packet;
    if (!f->mux) {
        *out = (struct chunk){.packet = packet, .sequence = (uint32_t)sequence};
        return true;
    }
    if (fit_slots(f) < 0) {
        return false;
    }
    if (sequence >= f->next) {
        mux_through(f, sequence);
    }
    const struct feed_slot *slot = slot_at(f, sequence);
    if (!slot->is_muxed || slot->sequence != sequence) {
        return false;
    }
    *out = (struct chunk){.packet = packet,
                          .buf = slot->buf,
                          .preamble = slot->preamble,
                          .sequence = (uint32_t)sequence};
    return true;
}

void feed_flush(struct feed *f)
{
    const struct ring *ring = &f->encoding->ring;
    if (f->mux && f->n_readers > 0 && ring->first < ring->end && fit_slots(f) == 0) {
        if (first_wanted(f) < ring->end) {
            mux_through(f, ring->end - 1);
        }
    }
}

void feed_trim(struct feed *f, uint64_t first)
{
    const uint64_t end = first < f->next ? first : f->next;
    for (; f->trimmed < end; f->trimmed++) {
        struct feed_slot *slot = slot_at(f, f->trimmed);
        if (slot->sequence == f->trimmed) {
            empty_slot(slot);
        }
    }
    f->trimmed = first > f->trimmed ? first : f->trimmed;
    f->next = f->next > first ? f->next : first;
}

void feed_visit(struct feed *f, void (*call)(struct reader *r, void *arg), void *arg)
{
    list_move_all(&f->untold, &f->readers);
    while (!list_is_empty(&f->untold)) {
        struct reader *r = list_entry(f->untold.next, struct reader, link);
        list_remove(&r->link);
        list_append(&f->readers, &r->link);
        call(r, arg);
    }
}
