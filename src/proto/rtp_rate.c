#include "proto/rtp_rate.h"

#include <string.h>

/* Window of the least round trip: what a path without queue takes. */
#define LEAST_NS (15 * NS_PER_S)
/* After lowering, nothing grows and no further sign counts for this long and a round trip. */
#define HOLD_NS (1000 * NS_PER_MS)
#define DEAF_NS (250 * NS_PER_MS)
/* Without any report for so long nothing grows. */
#define SILENCE_NS       (3 * NS_PER_S)
#define QUEUE_LONG_NS    (200 * NS_PER_MS)
#define SLOW_NS          (500 * NS_PER_MS) /* of a long queue */
#define MEASURED_NS      (3 * NS_PER_S)
#define QUEUE_ENDLESS_NS (600 * NS_PER_MS) /* no hiccup of a busy viewer */
#define QUEUE_SHORT_NS   (60 * NS_PER_MS)
#define QUEUE_NONE_NS    (25 * NS_PER_MS) /* the receiver's clockwork */
#define HURT_NS          (2 * NS_PER_S)
/* Congestion is noticed about this long after it began. */
#define NOTICE_NS      (500 * NS_PER_MS)
#define GUESS_MAX_NS   (1500 * NS_PER_MS)
#define BACKLOG_MAX_NS (2500 * NS_PER_MS)

enum {
    LOSS_HIGH = 64,      /* a quarter: congestion, whatever else */
    LOSS_MEDIUM = 26,    /* a tenth: congestion when something else hurts too */
    LOSS_LOW = 13,       /* above it nothing grows */
    LOSS_EVIDENT = 128,  /* half: what comes through is what the link carries */
    LOSS_BLACKOUT = 240, /* nothing came through: that is no rate */
    MISSED_MIN = 20,     /* packets, before they count */
    MISSED_SLOTS = 3,
    GROW_PERCENT = 100,
    GROW_NEAR_PERCENT = 10,
    TRAIN_PERCENT = 80,
    TRAIN_NEAR_PERCENT = 15,
    /* from one report to the next: REMB would tell of trouble at once, a report each second */
    GROW_MOST_PERCENT = 25,
    GROW_MOST_REMB_PERCENT = 100,
    FORGET_PERCENT = 12,
    GROW_PROVEN_PERCENT = 250, /* of what the link was seen to carry */
    PAUSE_TIMES = 4, /* so much faster than the link is believed to be, its queue was none */
};

void rtp_rate_init(struct rtp_rate *r, int64_t now_ns)
{
    *r = (struct rtp_rate){
        .rate_bps = RTP_RATE_START_BPS,
        .lowered_ns = TIME_NONE,
        .congested_ns = TIME_NONE,
        .heard_ns = TIME_NONE,
        .hurt_ns = TIME_NONE,
        .slow_ns = TIME_NONE,
        .measured_ns = TIME_NONE,
        .forgotten_ns = now_ns,
        .round_trip_ns = TIME_NONE,
        .least_round_trip_ns = {INT64_MAX, INT64_MAX},
        .least_since_ns = now_ns,
    };
    rtp_meter_init(&r->meter, now_ns);
}

int64_t rtp_rate_sent_bps(struct rtp_rate *r, int64_t now_ns)
{
    return rtp_meter_mean_bps(&r->meter, now_ns);
}

/* What the link was really asked to carry: a paced viewer sends in bursts, at its rate. */
static int64_t asked_bps(struct rtp_rate *r, int64_t now_ns)
{
    if (!rtp_rate_is_limited(r)) {
        return rtp_meter_mean_bps(&r->meter, now_ns);
    }
    const int64_t most_bps = rtp_meter_most_bps(&r->meter, now_ns);
    return most_bps < r->rate_bps ? most_bps : r->rate_bps;
}

/* ---- down ---- */

static bool was_lowered_within(const struct rtp_rate *r, int64_t age_ns, int64_t now_ns)
{
    return r->lowered_ns != TIME_NONE && now_ns - r->lowered_ns < age_ns;
}

/* What of it will arrive, by the last report. */
static int64_t arrived(const struct rtp_rate *r, int64_t n_bytes)
{
    return n_bytes * (256 - r->fraction_lost) / 256;
}

/* What went in faster than it came out, since the congestion began. */
static int64_t believed_backlog_ns(const struct rtp_rate *r, enum rtp_sign sign, int64_t asked)
{
    const int64_t excess_bps = asked - r->capacity_bps;
    const int64_t excess_ns =
        excess_bps > 0 ? time_rescale(NOTICE_NS, excess_bps, r->capacity_bps) : 0;
    int64_t ns = excess_ns < GUESS_MAX_NS ? excess_ns : GUESS_MAX_NS;
    if (sign == RTP_SIGN_LOSS) {
        ns = r->missed_wait_ns; /* what is lost does not wait */
    }
    ns = r->queue_ns > ns ? r->queue_ns : ns;
    if (sign == RTP_SIGN_QUEUE) {
        const int64_t unheard_ns =
            time_rescale(arrived(r, r->unheard_bytes), 8 * NS_PER_S, r->capacity_bps);
        ns = unheard_ns > ns ? unheard_ns : ns;
    }
    return ns > BACKLOG_MAX_NS ? BACKLOG_MAX_NS : ns;
}

/* A train has measured the link while it was congested: no guess is needed. */
static bool is_measured(const struct rtp_rate *r, int64_t now_ns)
{
    return r->measured_ns != TIME_NONE && now_ns - r->measured_ns < MEASURED_NS;
}

/* The viewer may just have been busy with something else, or the link away for a moment. */
static void note_undo(struct rtp_rate *r, enum rtp_sign sign)
{
    const bool may_be_pause = sign == RTP_SIGN_QUEUE && !r->is_capacity_known;
    r->undo_bps = !may_be_pause ? 0 : r->undo_bps > r->rate_bps ? r->undo_bps : r->rate_bps;
    r->undo_bytes = 0;
}

/* The link carries capacity_bps only. */
static void lower(struct rtp_rate *r, enum rtp_sign sign, int64_t capacity_bps, int64_t now_ns)
{
    const int64_t asked = asked_bps(r, now_ns);
    if (was_lowered_within(r, DEAF_NS + rtp_rate_round_trip_ns(r), now_ns)) {
        return;
    }
    /* A paced viewer pauses between frames, which makes the receiver's mean too small. */
    if (sign != RTP_SIGN_LOSS && rtp_rate_is_limited(r) && capacity_bps < r->rate_bps * 6 / 10) {
        capacity_bps = r->rate_bps * 6 / 10;
    }
    r->is_capacity_known = is_measured(r, now_ns);
    if (r->is_capacity_known) {
        capacity_bps = r->measured_bps;
    }
    if (capacity_bps < RTP_RATE_MIN_BPS) {
        capacity_bps = RTP_RATE_MIN_BPS;
    }
    r->capacity_bps = capacity_bps;
    r->train_bps = 0;
    note_undo(r, sign);
    /* A guess of a link that changed much may be too high; the next frame shall come through, and
     * measure it. */
    const bool is_guess = !r->is_capacity_known && asked > 2 * capacity_bps;
    const int64_t rate_bps = capacity_bps * (is_guess ? 6 : 9) / 10;
    if (rate_bps < r->rate_bps) {
        r->rate_bps = rate_bps < RTP_RATE_MIN_BPS ? RTP_RATE_MIN_BPS : rate_bps;
    }
    r->lowered_ns = r->congested_ns = now_ns;
    r->sign = sign;
    const int64_t backlog_ns = believed_backlog_ns(r, sign, asked);
    r->backlog_bytes = time_rescale(r->rate_bps, backlog_ns, 8 * NS_PER_S);
    r->drained_ns = now_ns + backlog_ns;
    rtp_meter_forget_packets(&r->meter);
}

/* ---- signs ---- */

static void hear(struct rtp_rate *r, int64_t now_ns)
{
    const int percent = r->remb_bps > 0 ? GROW_MOST_REMB_PERCENT : GROW_MOST_PERCENT;
    int64_t proven = r->delivered_bps > r->capacity_bps ? r->delivered_bps : r->capacity_bps;
    proven = r->train_bps > proven ? r->train_bps : proven;
    r->heard_ns = now_ns;
    r->most_bps = r->rate_bps + r->rate_bps * percent / 100;
    if (r->lowered_ns != TIME_NONE && r->most_bps > proven * GROW_PROVEN_PERCENT / 100) {
        r->most_bps = proven * GROW_PROVEN_PERCENT / 100;
    }
}

void rtp_rate_on_sent(struct rtp_rate *r, size_t n_bytes, int64_t now_ns)
{
    rtp_meter_note_sent(&r->meter, n_bytes, now_ns);
}

/* By the last report. */
static bool has_trouble(const struct rtp_rate *r)
{
    return r->queue_ns > QUEUE_SHORT_NS || r->fraction_lost > LOSS_LOW;
}

/* A receiver estimates what it gets, hardly more; so neither the first estimate nor one that stays
 * low is a sign. One that falls says 0.85 times of what came through; that is congestion only when
 * it is clearly less than what was sent, and of a limited rate, with its pauses, when there is
 * trouble too. */
void rtp_rate_on_remb(struct rtp_rate *r, int64_t bps, int64_t now_ns)
{
    const int64_t sent_bps = rtp_rate_sent_bps(r, now_ns);
    if (bps < r->remb_bps * 95 / 100 && bps < sent_bps * 75 / 100 &&
        (!rtp_rate_is_limited(r) || has_trouble(r))) {
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
    int64_t bps = time_rescale(asked_bps(r, now_ns), num, den);
    if (!rtp_rate_is_limited(r) && r->delivered_bps > 0 && r->delivered_bps < bps) {
        bps = r->delivered_bps; /* without pauses in between */
    }
    lower(r, sign, bps, now_ns);
}

/* Loss by itself may be a bad radio link, which slower sending does not mend. */
static void judge_loss(struct rtp_rate *r, unsigned fraction_lost, int64_t now_ns)
{
    const bool is_congested =
        fraction_lost >= LOSS_HIGH ||
        (fraction_lost >= LOSS_MEDIUM && (r->queue_ns > QUEUE_SHORT_NS || is_hurt(r, now_ns)));
    if (is_congested && fraction_lost >= LOSS_EVIDENT && fraction_lost < LOSS_BLACKOUT) {
        lower_by(r, RTP_SIGN_LOSS, 256 - (int)fraction_lost, 256, now_ns);
    } else if (is_congested) {
        lower_by(r, RTP_SIGN_LOSS, 512 - (int)fraction_lost, 512, now_ns);
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

/* Part of what passed only filled the queue. */
static unsigned with_queue(const struct rtp_rate *r, unsigned fraction_lost)
{
    const int64_t window_ns = MISSED_SLOTS * RTP_METER_SLOT_NS;
    const int64_t passed = (256 - fraction_lost) * window_ns / (window_ns + r->missed_wait_ns);
    return passed > 256 - LOSS_BLACKOUT ? (unsigned)(256 - passed) : fraction_lost;
}

/* Half of what was sent lately is missing; or a quarter, and it stood in a queue. Fewer may be
 * reordering. */
static void judge_missed(struct rtp_rate *r, int64_t sent_ns, int64_t now_ns)
{
    const unsigned n_packets = rtp_meter_n_packets(&r->meter, sent_ns, MISSED_SLOTS);
    const unsigned n_missed = rtp_meter_n_missed(&r->meter, sent_ns, MISSED_SLOTS);
    const unsigned fraction = n_packets > n_missed ? n_missed * 256 / n_packets : 255;
    const unsigned least = r->missed_wait_ns > QUEUE_SHORT_NS ? LOSS_HIGH : LOSS_EVIDENT;
    if (n_missed >= MISSED_MIN && fraction >= least) {
        judge_loss(r, with_queue(r, fraction), now_ns);
    }
}

static int64_t least_round_trip(const struct rtp_rate *r)
{
    const int64_t a = r->least_round_trip_ns[0];
    const int64_t b = r->least_round_trip_ns[1];
    return a < b ? a : b;
}

/* A request is made when a later packet comes: it waited as long as the lost one would have. */
int64_t rtp_rate_wait_ns(const struct rtp_rate *r, int64_t sent_ns, int64_t now_ns)
{
    const int64_t wait_ns = now_ns - sent_ns - least_round_trip(r);
    return wait_ns > 0 ? wait_ns : 0;
}

/* A request may have been lost itself, and come a round trip later. */
static void note_missed_wait(struct rtp_rate *r, int64_t wait_ns)
{
    r->missed_wait_ns += wait_ns < r->missed_wait_ns ? wait_ns - r->missed_wait_ns
                                                     : (wait_ns - r->missed_wait_ns) / 8;
}

void rtp_rate_on_missed(struct rtp_rate *r, int64_t sent_ns, int64_t now_ns)
{
    if (r->lowered_ns != TIME_NONE && sent_ns < r->lowered_ns) {
        return; /* known */
    }
    note_missed_wait(r, rtp_rate_wait_ns(r, sent_ns, now_ns));
    rtp_meter_note_missed(&r->meter, sent_ns, now_ns);
    judge_missed(r, sent_ns, now_ns);
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
    const int64_t known = least_round_trip(r);
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

/* All that was thought to stand in a queue came at once, and not as fast as the link would carry
 * it: it was a pause. */
static void undo_pause(struct rtp_rate *r, const struct rtp_rate_report *report, int64_t now_ns)
{
    if (r->undo_bps == 0 || now_ns <= r->lowered_ns) {
        return;
    }
    r->undo_bytes += report->arrived_bytes;
    if (report->unheard_at_ns != TIME_NONE && report->unheard_at_ns < r->lowered_ns) {
        return;
    }
    const int64_t bps = time_rescale(r->undo_bytes, 8 * NS_PER_S, now_ns - r->lowered_ns);
    if (bps > PAUSE_TIMES * r->capacity_bps) {
        r->rate_bps = r->undo_bps;
        r->capacity_bps = 0;
        r->drained_ns = r->lowered_ns;
        r->congested_ns = TIME_NONE;
    }
    r->undo_bps = 0;
}

static void judge_queue(struct rtp_rate *r, int64_t now_ns)
{
    if (r->queue_ns <= QUEUE_LONG_NS) {
        r->slow_ns = TIME_NONE;
        return;
    }
    r->slow_ns = r->slow_ns == TIME_NONE ? now_ns : r->slow_ns;
    if (now_ns - r->slow_ns > SLOW_NS || r->queue_ns > QUEUE_ENDLESS_NS) {
        r->slow_ns = TIME_NONE;
        lower_by(r, RTP_SIGN_QUEUE, 7, 10, now_ns);
    }
}

static void limit_to_measured(struct rtp_rate *r, int64_t now_ns)
{
    r->capacity_bps = r->measured_bps;
    r->is_capacity_known = true;
    r->train_bps = 0;
    if (r->rate_bps > r->capacity_bps * 9 / 10) {
        r->rate_bps = r->capacity_bps * 9 / 10;
        r->lowered_ns = r->drained_ns = now_ns;
        r->sign = RTP_SIGN_QUEUE;
    }
}

static bool was_link_free(const struct rtp_rate *r, int64_t began_ns)
{
    return began_ns >= r->drained_ns + QUEUE_SHORT_NS;
}

static void note_measured(struct rtp_rate *r, int64_t bps, int64_t now_ns)
{
    r->measured_bps = bps < RTP_RATE_MIN_BPS ? RTP_RATE_MIN_BPS : bps;
    r->measured_ns = now_ns;
    if (rtp_rate_is_limited(r)) {
        limit_to_measured(r, now_ns);
    }
}

void rtp_rate_on_lossy_train(struct rtp_rate *r, const struct rtp_train *t, int64_t began_ns,
                             int64_t now_ns)
{
    if (t->wait_ns > QUEUE_SHORT_NS && was_link_free(r, began_ns)) {
        note_measured(
            r, time_rescale(t->n_bytes - t->lost_bytes, 8 * NS_PER_S, t->duration_ns + t->wait_ns),
            now_ns);
    }
}

/* A train spreads to the rate of the link: over what it took to leave, and the queue that it left.
 * Without a queue the next one goes faster. */
static void judge_train(struct rtp_rate *r, const struct rtp_rate_report *report, int64_t now_ns)
{
    const struct rtp_train *t = &report->train;
    if (t->n_bytes == 0 || report->round_trip_ns == TIME_NONE ||
        !was_link_free(r, report->round_trip_at_ns - t->duration_ns)) {
        return;
    }
    const int64_t queue_ns = report->round_trip_ns - least_round_trip(r);
    const bool is_free = queue_ns < QUEUE_NONE_NS;
    const int64_t spread_ns = t->duration_ns + (is_free ? QUEUE_NONE_NS : queue_ns);
    const int64_t bps = time_rescale(t->n_bytes, 8 * NS_PER_S, spread_ns);
    if (!is_free) {
        note_measured(r, bps, now_ns);
        return;
    }
    r->train_bps = bps;
    if (bps > r->capacity_bps * 11 / 10) {
        r->capacity_bps = 0; /* of a link that has changed */
    }
}

/* What the link carried once is worth less with each second without trouble. */
static void forget_capacity(struct rtp_rate *r, int64_t now_ns)
{
    if (!has_trouble(r)) {
        const int64_t age_ns = now_ns - r->forgotten_ns;
        const int64_t elapsed_ns = age_ns < NS_PER_S ? age_ns : NS_PER_S;
        r->capacity_bps +=
            time_rescale(r->capacity_bps, FORGET_PERCENT * elapsed_ns, 100 * NS_PER_S);
    }
    r->forgotten_ns = now_ns;
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

static void grow(struct rtp_rate *r, int64_t more_bps)
{
    const int64_t most = r->most_bps < RTP_RATE_MAX_BPS ? r->most_bps : RTP_RATE_MAX_BPS;
    const int64_t grown = r->rate_bps + more_bps;
    if (r->rate_bps < most) {
        r->rate_bps = grown < most ? grown : most;
    }
}

/* Trains are rare, and so is their growth: to the capacity that is believed in, on from there in
 * small steps, and beyond it in large ones. */
static void grow_by_train(struct rtp_rate *r, const struct rtp_rate_report *report, int64_t now_ns)
{
    if (report->train.n_bytes == 0 || r->train_bps == 0 || !may_grow(r, now_ns)) {
        return;
    }
    const int64_t step_bps = r->rate_bps * TRAIN_NEAR_PERCENT / 100;
    int64_t more_bps = r->rate_bps * TRAIN_PERCENT / 100;
    if (r->rate_bps < r->capacity_bps * 12 / 10 && r->rate_bps + more_bps > r->capacity_bps) {
        const int64_t left_bps = r->capacity_bps - r->rate_bps;
        more_bps = left_bps > step_bps ? left_bps : step_bps;
    }
    grow(r, more_bps);
}

static void take_counts(struct rtp_rate *r, const struct rtp_rate_report *report, int64_t now_ns)
{
    if (r->lowered_ns == TIME_NONE || report->from_ns >= r->lowered_ns) {
        forget_capacity(r, now_ns);
        r->delivered_bps = report->delivered_bps;
        r->fraction_lost = report->fraction_lost;
        judge_loss(r, report->fraction_lost, now_ns);
    }
}

void rtp_rate_on_report(struct rtp_rate *r, const struct rtp_rate_report *report, int64_t now_ns)
{
    if (report->round_trip_ns != TIME_NONE) {
        r->round_trip_ns = report->round_trip_ns;
        note_least(r, report->round_trip_ns, now_ns);
    }
    undo_pause(r, report, now_ns);
    r->queue_ns = see_queue(r, report, now_ns);
    r->unheard_bytes = report->unheard_bytes;
    judge_train(r, report, now_ns);
    if (report->has_counts) {
        take_counts(r, report, now_ns);
    }
    judge_queue(r, now_ns);
    hear(r, now_ns);
    grow_by_train(r, report, now_ns);
}

void rtp_rate_on_hurt(struct rtp_rate *r, int64_t now_ns)
{
    r->hurt_ns = now_ns;
}

void rtp_rate_on_busy(struct rtp_rate *r, int64_t busy_ns, int64_t now_ns)
{
    if (!may_grow(r, now_ns)) {
        return;
    }
    const int64_t percent = is_near_capacity(r) ? GROW_NEAR_PERCENT : GROW_PERCENT;
    grow(r, time_rescale(r->rate_bps, percent * busy_ns, 100 * NS_PER_S));
}

int64_t rtp_rate_take_backlog(struct rtp_rate *r)
{
    const int64_t n_bytes = r->backlog_bytes;
    r->backlog_bytes = 0;
    return n_bytes;
}
