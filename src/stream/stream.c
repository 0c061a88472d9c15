#include "stream/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "stream/encoding.h"
#include "stream/feed.h"
#include "stream/reader.h"

struct stream *stream_create(const struct stream_config *config, stream_wake_fn *wake, void *arg)
{
    struct stream *s = calloc(1, sizeof(*s));
    if (!s) {
        return NULL;
    }
    s->config = *config;
    s->wake = wake;
    s->wake_arg = arg;
    log_init(&s->log, NULL, "stream/%s", config->name);
    inbox_init(&s->inbox);
    for (int id = 0; id < N_ENCODINGS; id++) {
        encoding_init(&s->encodings[id], s, (enum encoding_id)id);
    }
    for (int i = 0; i < N_STAGES; i++) {
        s->stages[i].recent_ns = TIME_NONE;
    }
    return s;
}

void stream_quit(struct stream *s)
{
    if (s->producer && s->producer->type->quit) {
        s->producer->type->quit(s->producer);
    }
}

void stream_destroy(struct stream *s, int64_t now_ns)
{
    if (!s) {
        return;
    }
    s->is_ending = true;
    for (int id = 0; id < N_ENCODINGS; id++) {
        encoding_end_readers(&s->encodings[id], END_ALL, "the stream has ended", now_ns);
    }
    if (s->producer) {
        s->producer->type->destroy(s->producer);
    }
    for (int id = 0; id < N_ENCODINGS; id++) {
        encoding_finish(&s->encodings[id]);
    }
    inbox_finish(&s->inbox);
    free(s);
}

void stream_set_producer(struct stream *s, struct producer *p, int64_t now_ns)
{
    assert(!s->producer);
    s->producer = p;
    s->demanded = 0;
    p->type->demand(p, 0);
    stream_update_demand(s, now_ns);
}

/* ---- any thread ---- */

static void wake_if(struct stream *s, bool must_tell)
{
    if (must_tell) {
        s->wake(s->wake_arg);
    }
}

void stream_set_track(struct stream *s, enum encoding_id id, const struct track *track)
{
    inbox_put_track(&s->inbox, id, track);
}

void stream_publish(struct stream *s, enum encoding_id id, struct packet *packet)
{
    wake_if(s, inbox_put_packet(&s->inbox, id, packet));
}

void stream_set_state(struct stream *s, enum stream_state state, const char *error)
{
    wake_if(s, inbox_put_state(&s->inbox, state, error));
}

void stream_set_encoding_error(struct stream *s, enum encoding_id id, const char *sentence)
{
    wake_if(s, inbox_put_error(&s->inbox, id, sentence));
}

/* ---- demand ---- */

static bool is_always(const struct stream *s, enum encoding_id id)
{
    return s->config.always && (s->config.always_wanted & 1U << id) != 0;
}

static bool is_wanted(const struct stream *s, enum encoding_id id, int64_t now_ns)
{
    const struct encoding *e = &s->encodings[id];
    return e->n_readers > 0 || now_ns < e->keep_until_ns || is_always(s, id);
}

/* A refusal counts while somebody wants the encoding; who comes later makes it be tried anew. */
static encoding_set find_wanted(struct stream *s, int64_t now_ns)
{
    encoding_set wanted = 0;
    for (int id = 0; id < N_ENCODINGS; id++) {
        if (is_wanted(s, (enum encoding_id)id, now_ns)) {
            wanted |= 1U << id;
        } else {
            s->encodings[id].error[0] = '\0';
        }
    }
    return wanted;
}

static bool is_flowing(const struct encoding *e, int64_t now_ns)
{
    const struct ring *ring = &e->ring;
    return ring_n_packets(ring) > 0 &&
           now_ns - ring_at(ring, ring->end - 1)->packet->arrival_ns < READER_JOIN_AGE_NS;
}

/* What was seen before a sleep is no picture of now. */
static void forget_stale(struct stream *s, encoding_set which, int64_t now_ns)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        struct encoding *e = &s->encodings[id];
        const bool is_kept = is_flowing(e, now_ns) || encoding_can(e, PRODUCER_NEVER_SLEEPS);
        if ((which & 1U << id) != 0 && !is_kept) {
            encoding_clear(e);
        }
    }
}

void stream_update_demand(struct stream *s, int64_t now_ns)
{
    if (!s->producer || s->is_ending) {
        return;
    }
    const encoding_set wanted = find_wanted(s, now_ns);
    if (wanted != s->demanded) {
        forget_stale(s, wanted & ~s->demanded, now_ns);
        s->demanded = wanted;
        s->producer->type->demand(s->producer, wanted);
    } else {
        s->wake(s->wake_arg); /* a deadline may have come nearer */
    }
}

int64_t stream_deadline_ns(const struct stream *s)
{
    int64_t deadline_ns = INT64_MAX;
    for (int id = 0; id < N_ENCODINGS; id++) {
        const struct encoding *e = &s->encodings[id];
        int64_t at_ns = encoding_deadline_ns(e);
        const bool is_kept = (s->demanded & 1U << id) != 0 && e->n_readers == 0;
        if (is_kept && !is_always(s, (enum encoding_id)id) && e->keep_until_ns < at_ns) {
            at_ns = e->keep_until_ns;
        }
        deadline_ns = at_ns < deadline_ns ? at_ns : deadline_ns;
    }
    return deadline_ns;
}

void stream_on_timer(struct stream *s, int64_t now_ns)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        encoding_on_timer(&s->encodings[id], now_ns);
    }
    if (s->producer && find_wanted(s, now_ns) != s->demanded) {
        stream_update_demand(s, now_ns);
    }
}

void stream_check_producer(struct stream *s, int64_t now_ns)
{
    if (s->producer && s->producer->type->check) {
        s->producer->type->check(s->producer, now_ns);
    }
}

/* ---- dispatch ---- */

/* At most as many as the inbox holds: a producer faster than this loop must not occupy it. */
static void take_packets(struct stream *s, int64_t now_ns)
{
    struct inbox_item item;
    for (int i = 0; i < STREAM_INBOX_PACKETS && inbox_take_packet(&s->inbox, &item); i++) {
        encoding_ingest(&s->encodings[item.id], item.packet, item.track, now_ns);
        if (item.track) {
            track_finish(item.track);
            free(item.track);
        }
    }
}

/* A sleeping stream needs no memory. */
static void forget_all(struct stream *s)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        if (!encoding_can(&s->encodings[id], PRODUCER_NEVER_SLEEPS)) {
            encoding_clear(&s->encodings[id]);
        }
    }
}

static void take_state(struct stream *s)
{
    enum stream_state state;
    if (!inbox_take_state(&s->inbox, &state, s->error) || state == s->state) {
        return;
    }
    s->state = state;
    if (state == STREAM_IDLE) {
        forget_all(s);
    }
    for (int id = 0; id < N_ENCODINGS; id++) {
        encoding_tell_state(&s->encodings[id], state);
    }
}

static void take_error(struct stream *s, enum encoding_id id, int64_t now_ns)
{
    struct encoding *e = &s->encodings[id];
    char sentence[STREAM_ERROR_SIZE];
    if (!inbox_take_error(&s->inbox, id, sentence)) {
        return;
    }
    text_copy(e->error, sizeof(e->error), is_wanted(s, id, now_ns) ? sentence : "");
    if (e->error[0] != '\0') {
        encoding_end_readers(e, END_NOT_STARTED, sentence, now_ns);
    }
    encoding_tell_state(e, s->state); /* those that wait for its return want to know why */
}

static void take_dropped(struct stream *s, enum encoding_id id)
{
    const uint64_t n = inbox_take_dropped(&s->inbox, id);
    if (n > 0) {
        s->encodings[id].stats.n_dropped[DROP_INBOX] += n;
        log_warn(&s->log, "the network thread was busy, %llu frames skipped",
                 (unsigned long long)n);
    }
}

void stream_dispatch(struct stream *s, int64_t now_ns)
{
    inbox_begin(&s->inbox);
    take_packets(s, now_ns);
    take_state(s);
    for (int id = 0; id < N_ENCODINGS; id++) {
        struct encoding *e = &s->encodings[id];
        take_error(s, (enum encoding_id)id, now_ns);
        take_dropped(s, (enum encoding_id)id);
        encoding_tell(e);
        encoding_trim(e, now_ns);
    }
    stream_on_timer(s, now_ns);
}

/* ---- wishes and questions ---- */

static bool can_fulfil(const struct encoding *e, const struct wish *wish)
{
    return wish->type != WISH_BITRATE || encoding_can(e, PRODUCER_CAN_BITRATE);
}

bool stream_wish(struct stream *s, const struct wish *wish, int64_t now_ns)
{
    struct encoding *e = &s->encodings[wish->encoding];
    if (wish->type == WISH_KEYFRAME) {
        return encoding_wish_keyframe(e, INT64_MIN, now_ns);
    }
    struct producer *p = s->producer;
    if (!p || !p->type->wish || !can_fulfil(e, wish)) {
        return false;
    }
    if (wish->type == WISH_BITRATE) {
        e->track.bitrate_bps = wish->bitrate_bps; /* the target, also while nothing runs */
    }
    p->type->wish(p, wish);
    return true;
}

bool stream_can(const struct stream *s, enum encoding_id id, enum producer_can what)
{
    return encoding_can(&s->encodings[id], what);
}

const char *stream_name(const struct stream *s)
{
    return s->config.name;
}

enum stream_mode stream_default_mode(const struct stream *s)
{
    return s->config.mode;
}

enum stream_state stream_get_state(const struct stream *s)
{
    return s->state;
}

const char *stream_error(const struct stream *s)
{
    return s->error[0] != '\0' ? s->error : NULL;
}

const char *stream_encoding_error(const struct stream *s, enum encoding_id id)
{
    return s->encodings[id].error[0] != '\0' ? s->encodings[id].error : NULL;
}

const char *stream_join_error(const struct stream *s, enum encoding_id id)
{
    return encoding_join_error(&s->encodings[id]);
}

const struct track *stream_track(const struct stream *s, enum encoding_id id)
{
    return &s->encodings[id].track;
}

void stream_expect_track(struct stream *s, enum encoding_id id, const struct track *track)
{
    struct encoding *e = &s->encodings[id];
    if (!e->has_track) {
        struct track copy;
        track_copy(&copy, track);
        track_finish(&e->track);
        e->track = copy;
        e->track.codec = CODEC_NONE; /* nobody takes it for one that has been */
        e->expected_codec = track->codec;
    }
}

enum codec stream_codec(const struct stream *s, enum encoding_id id)
{
    const struct encoding *e = &s->encodings[id];
    return e->track.codec != CODEC_NONE ? e->track.codec : e->expected_codec;
}

unsigned stream_n_readers(const struct stream *s)
{
    unsigned n = 0;
    for (int id = 0; id < N_ENCODINGS; id++) {
        n += s->encodings[id].n_readers;
    }
    return n;
}

unsigned stream_n_viewers(const struct stream *s)
{
    unsigned n = 0;
    for (int id = 0; id < N_ENCODINGS; id++) {
        const struct feed *f;
        list_for_each(f, &s->encodings[id].feeds, link)
        {
            n += f->mux ? f->n_readers : 0;
        }
    }
    return n;
}

struct packet *stream_newest_key(const struct stream *s, enum encoding_id id)
{
    const struct ring *ring = &s->encodings[id].ring;
    return ring->has_key ? ring_at(ring, ring->key)->packet : NULL;
}

const struct stage_histogram *stream_stage(const struct stream *s, enum stream_stage stage)
{
    return &s->stages[stage];
}

const struct encoding_stats *stream_encoding_stats(const struct stream *s, enum encoding_id id)
{
    return &s->encodings[id].stats;
}

/* ---- words ---- */

static const struct {
    const char *name;
    int64_t budget_ns;
} modes[N_MODES] = {
    [MODE_DRIVE] = {"drive", 200 * NS_PER_MS},
    [MODE_WATCH] = {"watch", NS_PER_S},
    [MODE_SMOOTH] = {"smooth", 5 * NS_PER_S},
};

int stream_mode_parse(const char *word, enum stream_mode *out)
{
    for (int i = 0; i < N_MODES; i++) {
        if (strcmp(word, modes[i].name) == 0) {
            *out = (enum stream_mode)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *stream_mode_name(enum stream_mode mode)
{
    return modes[mode].name;
}

int64_t stream_mode_budget_ns(enum stream_mode mode)
{
    return modes[mode].budget_ns;
}

const char *stream_state_name(enum stream_state state)
{
    static const char *const names[N_STREAM_STATES] = {
        [STREAM_IDLE] = "idle",       [STREAM_STARTING] = "starting", [STREAM_LIVE] = "live",
        [STREAM_STALLED] = "stalled", [STREAM_STOPPING] = "stopping",
    };
    return names[state];
}
