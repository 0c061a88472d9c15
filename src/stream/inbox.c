#include "stream/inbox.h"

#include <stdlib.h>
#include <time.h>

#include "base/text.h"

/* One second of 30: where the rate of a time line that was begun anew is not known. */
#define RESTART_STEP_NS (NS_PER_S / 30)

static void free_track(struct track **track)
{
    if (*track) {
        track_finish(*track);
        free(*track);
        *track = NULL;
    }
}

void inbox_init(struct inbox *in)
{
    *in = (struct inbox){.n_items = 0};
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&in->lock, NULL);
    pthread_cond_init(&in->room, &clock);
    pthread_condattr_destroy(&clock);
    for (int id = 0; id < N_ENCODINGS; id++) {
        in->lanes[id].last_pts_ns = TIME_NONE;
    }
}

void inbox_finish(struct inbox *in)
{
    struct inbox_item item;
    while (inbox_take_packet(in, &item)) {
        packet_unref(&item.packet);
        free_track(&item.track);
    }
    for (int id = 0; id < N_ENCODINGS; id++) {
        free_track(&in->lanes[id].track);
    }
    pthread_cond_destroy(&in->room);
    pthread_mutex_destroy(&in->lock);
}

static struct inbox_item *item_at(struct inbox *in, unsigned i)
{
    return &in->items[(in->first + i) % STREAM_INBOX_PACKETS];
}

static void replace_track(struct inbox_lane *lane, struct track *track)
{
    free_track(&lane->track);
    lane->track = track;
}

/* The lane's waiting packets go; the newest track among them stays for the packet to come. */
static void purge(struct inbox *in, enum encoding_id id)
{
    struct inbox_lane *lane = &in->lanes[id];
    struct track *next = lane->track;
    lane->track = NULL;
    unsigned n_kept = 0;
    for (unsigned i = 0; i < in->n_items; i++) {
        struct inbox_item item = *item_at(in, i);
        if (item.id != id) {
            *item_at(in, n_kept++) = item;
            continue;
        }
        in->n_bytes -= item.packet->size;
        packet_unref(&item.packet);
        lane->n_dropped++;
        if (item.track) {
            replace_track(lane, item.track);
        }
    }
    in->n_items = n_kept;
    if (next) {
        replace_track(lane, next);
    }
}

static void raise_pts(struct inbox_lane *lane, struct packet *p)
{
    if (p->pts_ns == TIME_NONE) {
        p->pts_ns = p->arrival_ns == TIME_NONE ? 0 : p->arrival_ns;
    }
    int64_t pts_ns = p->pts_ns + lane->pts_shift_ns;
    const int64_t last_ns = lane->last_pts_ns;
    if (last_ns != TIME_NONE && pts_ns <= last_ns) {
        if (last_ns - pts_ns > INBOX_PTS_JUMP_NS) {
            lane->pts_shift_ns += last_ns + RESTART_STEP_NS - pts_ns;
            pts_ns = last_ns + RESTART_STEP_NS;
        } else {
            pts_ns = last_ns + INBOX_PTS_STEP_NS;
        }
    }
    p->pts_ns = pts_ns;
    lane->last_pts_ns = pts_ns;
}

static bool is_full(const struct inbox *in, const struct packet *next)
{
    return in->n_items == STREAM_INBOX_PACKETS || in->n_bytes + next->size > STREAM_RING_BYTES;
}

/* Under the lock, which is free meanwhile. */
static void await_room(struct inbox *in, const struct packet *next)
{
    struct timespec until;
    if (!is_full(in, next) || in->is_stuck) {
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t until_ns = until.tv_nsec + INBOX_WAIT_NS;
    until.tv_sec += until_ns / NS_PER_S;
    until.tv_nsec = until_ns % NS_PER_S;
    int result = 0;
    while (is_full(in, next) && result == 0) {
        result = pthread_cond_timedwait(&in->room, &in->lock, &until);
    }
    in->is_stuck = is_full(in, next);
}

/* Room for the packet, or false when it has to go. */
static bool make_room(struct inbox *in, enum encoding_id id, struct packet *packet)
{
    struct inbox_lane *lane = &in->lanes[id];
    if (is_full(in, packet)) {
        purge(in, id);
        lane->is_dropping = true;
    }
    if (is_full(in, packet) || (lane->is_dropping && !packet_is_key(packet))) {
        lane->n_dropped++;
        return false;
    }
    if (lane->is_dropping) {
        packet->flags |= PACKET_DISCONTINUITY;
        lane->is_dropping = false;
    }
    return true;
}

static bool wake(struct inbox *in)
{
    const bool must_tell = !in->is_awake;
    in->is_awake = true;
    return must_tell;
}

bool inbox_put_packet(struct inbox *in, enum encoding_id id, struct packet *packet)
{
    bool must_tell = false;
    pthread_mutex_lock(&in->lock);
    struct inbox_lane *lane = &in->lanes[id];
    await_room(in, packet);
    if (make_room(in, id, packet)) {
        raise_pts(lane, packet);
        in->n_bytes += packet->size;
        *item_at(in, in->n_items++) =
            (struct inbox_item){.id = id, .packet = packet, .track = lane->track};
        lane->track = NULL;
        packet = NULL;
        must_tell = wake(in);
    }
    pthread_mutex_unlock(&in->lock);
    packet_unref(&packet);
    return must_tell;
}

void inbox_put_track(struct inbox *in, enum encoding_id id, const struct track *track)
{
    struct track *copy = malloc(sizeof(*copy));
    if (!copy) {
        return;
    }
    track_copy(copy, track);
    pthread_mutex_lock(&in->lock);
    replace_track(&in->lanes[id], copy);
    pthread_mutex_unlock(&in->lock);
}

bool inbox_put_state(struct inbox *in, enum stream_state state, const char *error)
{
    pthread_mutex_lock(&in->lock);
    in->has_state = true;
    in->state = state;
    text_copy(in->error, sizeof(in->error), error ? error : "");
    const bool must_tell = wake(in);
    pthread_mutex_unlock(&in->lock);
    return must_tell;
}

bool inbox_put_error(struct inbox *in, enum encoding_id id, const char *sentence)
{
    pthread_mutex_lock(&in->lock);
    struct inbox_lane *lane = &in->lanes[id];
    lane->has_error = true;
    text_copy(lane->error, sizeof(lane->error), sentence ? sentence : "");
    const bool must_tell = wake(in);
    pthread_mutex_unlock(&in->lock);
    return must_tell;
}

void inbox_begin(struct inbox *in)
{
    pthread_mutex_lock(&in->lock);
    in->is_awake = false;
    pthread_mutex_unlock(&in->lock);
}

bool inbox_take_packet(struct inbox *in, struct inbox_item *out)
{
    pthread_mutex_lock(&in->lock);
    const bool is_there = in->n_items > 0;
    if (is_there) {
        *out = *item_at(in, 0);
        in->first = (in->first + 1) % STREAM_INBOX_PACKETS;
        in->n_items--;
        in->n_bytes -= out->packet->size;
        in->is_stuck = false;
        pthread_cond_signal(&in->room);
    }
    pthread_mutex_unlock(&in->lock);
    return is_there;
}

bool inbox_take_state(struct inbox *in, enum stream_state *state, char *error)
{
    pthread_mutex_lock(&in->lock);
    const bool is_there = in->has_state;
    if (is_there) {
        *state = in->state;
        text_copy(error, STREAM_ERROR_SIZE, in->error);
        in->has_state = false;
    }
    pthread_mutex_unlock(&in->lock);
    return is_there;
}

bool inbox_take_error(struct inbox *in, enum encoding_id id, char *error)
{
    pthread_mutex_lock(&in->lock);
    struct inbox_lane *lane = &in->lanes[id];
    const bool is_there = lane->has_error;
    if (is_there) {
        text_copy(error, STREAM_ERROR_SIZE, lane->error);
        lane->has_error = false;
    }
    pthread_mutex_unlock(&in->lock);
    return is_there;
}

uint64_t inbox_take_dropped(struct inbox *in, enum encoding_id id)
{
    pthread_mutex_lock(&in->lock);
    const uint64_t n = in->lanes[id].n_dropped;
    in->lanes[id].n_dropped = 0;
    pthread_mutex_unlock(&in->lock);
    return n;
}
