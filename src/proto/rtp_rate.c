#include "proto/rtp_rate.h"

#include <string.h>

/* Window of the least round trip: what a path without queue takes. */
#define LEAST_NS (15 * NS_PER_S)
/* After lowering, nothing grows and no further sign counts for this long and a round trip. */
#define HOLD_NS (1000 * NS_PER_MS)
#define DEAF_NS (250 * NS_PER_MS)
/* Without any report for so long nothing grows. */
#define SILENCE_NS (3 * NS_PER_S)
#define QUEUE_LONG_NS (200 * NS_PER_MS)
#define QUEUE_ENDLESS_NS (600 * NS_PER_MS) /* no hiccup of a busy viewer */
#define QUEUE_SHORT_NS (60 * NS_PER_MS)
/* Reports closer together tell of the same queue. */
#define SLOW_AGAIN_NS (500 * NS_PER_MS)
#define HURT_NS (2 * NS_PER_S)
/* Congestion is noticed about this long after it began. */
#define NOTICE_NS (500 * NS_PER_MS)
#define GUESS_MAX_NS (1500 * NS_PER_MS)
#define BACKLOG_MAX_NS (4 * NS_PER_S)

enum {
    LOSS_HIGH = 64,   /* a quarter: congestion, whatever else */
    LOSS_MEDIUM = 26, /* a tenth: congestion when something else hurts too */
    LOSS_LOW = 13,    /* above it nothing grows */
    LOSS_EVIDENT = 128, /* half: also by requests alone, which reordering causes too */
    MISSED_MIN = 20,  /* packets, before they count */
    GROW_PERCENT = 100,
    GROW_NEAR_PERCENT = 10,
    /* from one report to the next: REMB would tell of trouble at once, a report each second */
    GROW_MOST_PERCENT = 25,
    GROW_MOST_REMB_PERCENT = 100,
    FORGET_PERCENT = 12,
    GROW_PROVEN_PERCENT = 250, /* of what the link was seen to carry */
};

void rtp_rate_init(struct rtp_rate *r, int64_t now_ns)
{
    *r = (struct rtp_rate){
        .rate_bps = RTP_RATE_START_BPS,
        .lowered_ns = TIME_NONE,
        .heard_ns = TIME_NONE,
        .hurt_ns = TIME_NONE,
        .round_trip_ns = TIME_NONE,
        .least_round_trip_ns = {INT64_MAX, INT64_MAX},
        .least_since_ns = now_ns,
        .meter = {.start_ns = now_ns, .slot = now_ns / RTP_RATE_SLOT_NS},
    };
}

/* ---- meter ---- */

static unsigned meter_slot(struct rtp_meter *m, int64_t now_ns)
{
    if (now_ns < m->slot_end_ns) {
        return (unsigned)(m->slot % RTP_RATE_SLOTS);
    }
    const int64_t slot = now_ns / RTP_RATE_SLOT_NS;
    m->slot_end_ns = (slot + 1) * RTP_RATE_SLOT_NS;
    if (slot - m->slot > RTP_RATE_SLOTS) {
        m->slot = slot - RTP_RATE_SLOTS;
    }
    while (m->slot < slot) {
        const unsigned i = (unsigned)(++m->slot % RTP_RATE_SLOTS);
        m->n_bytes[i] = 0;
        m->n_packets[i] = 0;
        m->n_missed[i] = 0;
    }
    return (unsigned)(m->slot % RTP_RATE_SLOTS);
}

int64_t rtp_rate_sent_bps(struct rtp_rate *r, int64_t now_ns)
{
    int64_t n_bytes = 0;
    meter_slot(&r->meter, now_ns);
    for (unsigned i = 0; i < RTP_RATE_SLOTS; i++) {
        n_bytes += r->meter.n_bytes[i];
    }
    int64_t window_ns = now_ns - r->meter.start_ns;
    window_ns = window_ns < RTP_RATE_SLOT_NS ? RTP_RATE_SLOT_NS : window_ns;
    if (window_ns > RTP_RATE_SLOTS * RTP_RATE_SLOT_NS) {
        window_ns = RTP_RATE_SLOTS * RTP_RATE_SLOT_NS;
    }
    return time_rescale(n_bytes, 8 * NS_PER_S, window_ns);
}

/* What the link was really asked to carry: a paced viewer sends in bursts, at its rate. */
static int64_t asked_bps(struct rtp_rate *r, int64_t now_ns)
{
    const int64_t mean_bps = rtp_rate_sent_bps(r, now_ns);
    int64_t most = 0;
    if (!rtp_rate_is_limited(r)) {
        return mean_bps;
    }
    for (unsigned i = 0; i < RTP_RATE_SLOTS; i++) {
        most = r->meter.n_bytes[i] > most ? r->meter.n_bytes[i] : most;
    }
    const int64_t most_bps = time_rescale(most, 8 * NS_PER_S, RTP_RATE_SLOT_NS);
    return most_bps < r->rate_bps ? most_bps : r->rate_bps;
}

/* ---- down ---- */

static bool was_lowered_within(const struct rtp_rate *r, int64_t age_ns, int64_t now_ns)
{
    return r->lowered_ns != TIME_NONE && now_ns - r->lowered_ns < age_ns;
}

/* What went in faster than it came out, since the congestion began. */
static int64_t believed_backlog(const struct rtp_rate *r, int64_t asked)
{
    const int64_t excess_bps = asked - r->capacity_bps;
    const int64_t excess_ns =
        excess_bps > 0 ? time_rescale(NOTICE_NS, excess_bps, r->capacity_bps) : 0;
    int64_t ns = excess_ns < GUESS_MAX_NS ? excess_ns : GUESS_MAX_NS;
    ns = r->queue_ns > ns ? r->queue_ns : ns;
    ns = ns > BACKLOG_MAX_NS ? BACKLOG_MAX_NS : ns;
    return time_rescale(r->capacity_bps, ns, 8 * NS_PER_S);
}

/* The link carries capacity_bps only. */
static void lower(struct rtp_rate *r, enum rtp_sign sign, int64_t capacity_bps, int64_t now_ns)
{
    const int64_t asked = asked_bps(r, now_ns);
    if (was_lowered_within(r, DEAF_NS + rtp_rate_round_trip_ns(r), now_ns)) {
        return;
    }
    /* A paced viewer pauses between frames, which makes the receiver's mean too small. */
    if (rtp_rate_is_limited(r) && capacity_bps < r->rate_bps * 6 / 10) {
        capacity_bps = r->rate_bps * 6 / 10;
    }
    if (capacity_bps < RTP_RATE_MIN_BPS) {
        capacity_bps = RTP_RATE_MIN_BPS;
    }
    r->capacity_bps = capacity_bps;
    r->backlog_bytes = believed_backlog(r, asked);
    const int64_t rate_bps = capacity_bps * 9 / 10;
    if (rate_bps < r->rate_bps) {
        r->rate_bps = rate_bps < RTP_RATE_MIN_BPS ? RTP_RATE_MIN_BPS : rate_bps;
    }
    r->lowered_ns = now_ns;
    r->sign = sign;
    r->drained_ns = now_ns + time_rescale(r->backlog_bytes, 8 * NS_PER_S, r->rate_bps);
}

/* ---- signs ---- */

static void hear(struct rtp_rate *r, int64_t now_ns)
{
    const int percent = r->remb_bps > 0 ? GROW_MOST_REMB_PERCENT : GROW_MOST_PERCENT;
    const int64_t proven =
        r->delivered_bps > r->capacity_bps ? r->delivered_bps : r->capacity_bps;
    r->heard_ns = now_ns;
    r->most_bps = r->rate_bps + r->rate_bps * percent / 100;
    if (r->lowered_ns != TIME_NONE && r->most_bps > proven * GROW_PROVEN_PERCENT / 100) {
        r->most_bps = proven * GROW_PROVEN_PERCENT / 100;
    }
}

void rtp_rate_on_sent(struct rtp_rate *r, size_t n_bytes, int64_t now_ns)
{
    const unsigned i = meter_slot(&r->meter, now_ns);
    r->meter.n_bytes[i] += (uint32_t)n_bytes;
    r->meter.n_packets[i]++;
}

/* A receiver estimates what it gets, hardly more; so neither the first estimate nor one that stays
 * low is a sign. One that falls says 0.85 times of what came through; that is congestion only when
 * it is clearly less than what was sent. */
void rtp_rate_on_remb(struct rtp_rate *r, int64_t bps, int64_t now_ns)
{
    const int64_t sent_bps = rtp_rate_sent_bps(r, now_ns);
    if (bps < r->remb_bps * 95 / 100 && bps < sent_bps * 75 / 100) {
        lower(r, RTP_SIGN_REMB, bps, now_ns);
    }
    r->remb_bps = bps;
    hear(r, now_ns);
}

static bool is_hurt(const struct rtp_rate *r, int64_t now_ns)
{
    return r->hurt_ns != TIME_NONE && now_ns - r->hurt_ns < HURT_NS;
}

/* By the share that is lost, or what the last report says was delivered. */
static void lower_by(struct rtp_rate *r, enum rtp_sign sign, int64_t num, int64_t den,
                     int64_t now_ns)
{
    const int64_t bps = time_rescale(asked_bps(r, now_ns), num, den);
    lower(r, sign, r->delivered_bps > 0 && r->delivered_bps < bps ? r->delivered_bps : bps, now_ns);
}

/* Loss by itself may be a bad radio link, which slower sending does not mend. */
static void judge_loss(struct rtp_rate *r, unsigned fraction_lost, int64_t now_ns)
{
    const bool is_congested =
        fraction_lost >= LOSS_HIGH ||
        (fraction_lost >= LOSS_MEDIUM && (r->queue_ns > QUEUE_SHORT_NS || is_hurt(r, now_ns)));
    if (is_congested) {
        lower_by(r, RTP_SIGN_LOSS, 512 - (int)fraction_lost, 512, now_ns);
    }
}

void rtp_rate_on_missed(struct rtp_rate *r, int64_t sent_ns, int64_t now_ns)
{
    if (r->lowered_ns != TIME_NONE && sent_ns < r->lowered_ns) {
        return; /* known */
    }
    const unsigned newest = meter_slot(&r->meter, now_ns);
    unsigned n_packets = 0, n_missed = 0;
    r->meter.n_missed[newest]++;
    for (unsigned i = 0; i < RTP_RATE_SLOTS / 2; i++) {
        const unsigned k = (newest + RTP_RATE_SLOTS - i) % RTP_RATE_SLOTS;
        n_packets += r->meter.n_packets[k];
        n_missed += r->meter.n_missed[k];
    }
    if (n_missed >= MISSED_MIN && n_missed * 256 >= n_packets * LOSS_EVIDENT) {
        const unsigned fraction = n_packets > n_missed ? n_missed * 256 / n_packets : 255;
        judge_loss(r, fraction, now_ns);
    }
}

static void note_least(struct rtp_rate *r, int64_t round_trip_ns, int64_t now_ns)
{
    if (now_ns - r->least_since_ns > LEAST_NS) {
        r->least_round_trip_ns[1] = r->least_round_trip_ns[0];
        r->least_round_trip_ns[0] = INT64_MAX;
        r->least_since_ns = now_ns;
    }
    if (round_trip_ns < r->least_round_trip_ns[0]) {
        r->least_round_trip_ns[0] = round_trip_ns;
    }
}

void rtp_rate_note_round_trip(struct rtp_rate *r, int64_t round_trip_ns, int64_t now_ns)
{
    r->round_trip_ns = round_trip_ns;
    note_least(r, round_trip_ns, now_ns);
}

/* Both ways to see the queue: the round trip of our report, and the age of the first packet that
 * the viewer does not know of. Those that left before the last congestion drained tell nothing. */
static int64_t see_queue(const struct rtp_rate *r, const struct rtp_rate_report *report,
                         int64_t now_ns)
{
    const int64_t a = r->least_round_trip_ns[0];
    const int64_t b = r->least_round_trip_ns[1];
    const int64_t known = a < b ? a : b;
    const int64_t least = known < RTP_RATE_ROUND_TRIP_NS ? known : RTP_RATE_ROUND_TRIP_NS;
    const int64_t since_ns = r->lowered_ns == TIME_NONE ? 0 : r->drained_ns;
    int64_t queue = 0;
    if (report->round_trip_ns != TIME_NONE && report->round_trip_at_ns >= since_ns) {
        queue = report->round_trip_ns - known;
    }
    if (report->unheard_at_ns != TIME_NONE && report->unheard_at_ns >= since_ns) {
        const int64_t unheard = now_ns - report->unheard_at_ns - least;
        queue = unheard > queue ? unheard : queue;
    }
    return queue;
}

static void judge_queue(struct rtp_rate *r, int64_t now_ns)
{
    if (r->queue_ns <= QUEUE_LONG_NS) {
        r->n_slow = 0;
    } else if (r->n_slow == 0 || now_ns - r->slow_ns > SLOW_AGAIN_NS) {
        r->n_slow++;
        r->slow_ns = now_ns;
    }
    if (r->n_slow >= 2 || r->queue_ns > QUEUE_ENDLESS_NS) {
        r->n_slow = 0;
        lower_by(r, RTP_SIGN_QUEUE, 7, 10, now_ns);
    }
}

/* What the link carried once is worth less with each report that tells of no trouble. */
static void forget_capacity(struct rtp_rate *r)
{
    if (r->queue_ns < QUEUE_SHORT_NS && r->fraction_lost <= LOSS_LOW) {
        r->capacity_bps += r->capacity_bps * FORGET_PERCENT / 100;
    }
}

static void take_counts(struct rtp_rate *r, const struct rtp_rate_report *report, int64_t now_ns)
{
    if (r->lowered_ns == TIME_NONE || report->from_ns >= r->lowered_ns) {
        r->delivered_bps = report->delivered_bps;
        r->fraction_lost = report->fraction_lost;
        forget_capacity(r);
        judge_loss(r, report->fraction_lost, now_ns);
    }
}

void rtp_rate_on_report(struct rtp_rate *r, const struct rtp_rate_report *report, int64_t now_ns)
{
    if (report->round_trip_ns != TIME_NONE) {
        r->round_trip_ns = report->round_trip_ns;
        note_least(r, report->round_trip_ns, now_ns);
    }
    r->queue_ns = see_queue(r, report, now_ns);
    if (report->has_counts) {
        take_counts(r, report, now_ns);
    }
    judge_queue(r, now_ns);
    hear(r, now_ns);
}

void rtp_rate_on_hurt(struct rtp_rate *r, int64_t now_ns)
{
    r->hurt_ns = now_ns;
}

/* ---- up ---- */

static bool may_grow(const struct rtp_rate *r, int64_t now_ns)
{
    return !was_lowered_within(r, HOLD_NS + rtp_rate_round_trip_ns(r), now_ns) &&
           r->heard_ns != TIME_NONE && now_ns - r->heard_ns < SILENCE_NS &&
           r->fraction_lost <= LOSS_LOW && r->queue_ns < QUEUE_SHORT_NS;
}

static bool is_near_capacity(const struct rtp_rate *r)
{
    return r->rate_bps > r->capacity_bps * 8 / 10 && r->rate_bps < r->capacity_bps * 12 / 10;
}

void rtp_rate_on_busy(struct rtp_rate *r, int64_t busy_ns, int64_t now_ns)
{
    if (!may_grow(r, now_ns)) {
        return;
    }
    const int64_t percent = is_near_capacity(r) ? GROW_NEAR_PERCENT : GROW_PERCENT;
    const int64_t most = r->most_bps < RTP_RATE_MAX_BPS ? r->most_bps : RTP_RATE_MAX_BPS;
    const int64_t grown =
        r->rate_bps + time_rescale(r->rate_bps, percent * busy_ns, 100 * NS_PER_S);
    if (r->rate_bps < most) {
        r->rate_bps = grown < most ? grown : most;
    }
}

int64_t rtp_rate_take_backlog(struct rtp_rate *r)
{
    const int64_t n_bytes = r->backlog_bytes;
    r->backlog_bytes = 0;
    return n_bytes;
}
