#include "proto/rtp_estimator.h"

#include <math.h>
#include <string.h>

#define SLOT_NS (50 * NS_PER_MS)

void rtp_estimator_init(struct rtp_estimator *e)
{
    memset(e, 0, sizeof(*e));
    e->threshold_ms = 12.5;
    e->first_ns = TIME_NONE;
}

static double throughput_bps(const struct rtp_estimator *e)
{
    double n = 0;
    for (unsigned i = 0; i < RTP_ESTIMATOR_SLOTS; i++) {
        n += e->n_bytes[i];
    }
    return n * 8;
}

static void count(struct rtp_estimator *e, size_t size, int64_t now_ns)
{
    const int64_t slot = now_ns / SLOT_NS;
    if (slot - e->slot > RTP_ESTIMATOR_SLOTS) {
        memset(e->n_bytes, 0, sizeof(e->n_bytes));
        e->slot = slot;
    }
    while (e->slot < slot) {
        e->n_bytes[++e->slot % RTP_ESTIMATOR_SLOTS] = 0;
    }
    e->n_bytes[slot % RTP_ESTIMATOR_SLOTS] += (uint32_t)size;
}

/* Least squares slope of the smoothed delay over arrival time. */
static double slope(const struct rtp_estimator *e)
{
    double mean_t = 0, mean_d = 0, num = 0, den = 0;
    const unsigned n = e->n_points < RTP_ESTIMATOR_WINDOW ? e->n_points : RTP_ESTIMATOR_WINDOW;
    for (unsigned i = RTP_ESTIMATOR_WINDOW - n; i < RTP_ESTIMATOR_WINDOW; i++) {
        mean_t += e->times_ms[i] / n;
        mean_d += e->delays_ms[i] / n;
    }
    for (unsigned i = RTP_ESTIMATOR_WINDOW - n; i < RTP_ESTIMATOR_WINDOW; i++) {
        num += (e->times_ms[i] - mean_t) * (e->delays_ms[i] - mean_d);
        den += (e->times_ms[i] - mean_t) * (e->times_ms[i] - mean_t);
    }
    return den > 0 ? num / den : 0;
}

static void adapt_threshold(struct rtp_estimator *e, double trend, int64_t now_ns)
{
    const double distance = fabs(trend) - e->threshold_ms;
    const double elapsed_ms = (double)(now_ns - e->threshold_ns) / NS_PER_MS;
    e->threshold_ns = now_ns;
    if (distance > 15) {
        return;
    }
    const double k = distance < 0 ? 0.039 : 0.0087;
    e->threshold_ms += k * distance * (elapsed_ms < 100 ? elapsed_ms : 100);
    e->threshold_ms = fmin(fmax(e->threshold_ms, 6), 600);
}

static void decrease(struct rtp_estimator *e, int64_t now_ns)
{
    const double received = throughput_bps(e);
    if (e->rate_bps > 0 && e->rate_bps < 0.85 * received) {
        e->changed_ns = now_ns;
        return; /* low already: hold */
    }
    e->rate_bps = 0.85 * received;
    e->convergence_bps = received;
    e->has_fallen = true;
    e->changed_ns = now_ns;
}

static void judge(struct rtp_estimator *e, double trend, int64_t now_ns)
{
    if (trend <= e->threshold_ms) {
        e->over_since_ns = 0;
        e->is_over = false;
    } else if (e->over_since_ns == 0) {
        e->over_since_ns = now_ns;
    } else if (now_ns - e->over_since_ns > 10 * NS_PER_MS && trend >= e->last_trend) {
        e->is_over = true;
        if (now_ns - e->changed_ns > 200 * NS_PER_MS || e->rate_bps == 0) {
            decrease(e, now_ns);
        }
    }
    e->last_trend = trend;
    adapt_threshold(e, trend, now_ns);
}

static void on_group(struct rtp_estimator *e)
{
    const double sent_ms =
        (double)((int32_t)((e->send_time - e->last_send_time) << 8)) / 256 / 262.144;
    const double arrived_ms = (double)(e->arrival_ns - e->last_arrival_ns) / NS_PER_MS;
    e->delay_ms += arrived_ms - sent_ms;
    e->smoothed_ms = 0.9 * e->smoothed_ms + 0.1 * e->delay_ms;
    memmove(e->times_ms, e->times_ms + 1, sizeof(e->times_ms) - sizeof(*e->times_ms));
    memmove(e->delays_ms, e->delays_ms + 1, sizeof(e->delays_ms) - sizeof(*e->delays_ms));
    e->times_ms[RTP_ESTIMATOR_WINDOW - 1] = (double)e->arrival_ns / NS_PER_MS;
    e->delays_ms[RTP_ESTIMATOR_WINDOW - 1] = e->smoothed_ms;
    if (++e->n_points >= RTP_ESTIMATOR_POINTS_MIN) {
        const unsigned n = e->n_points < 60 ? e->n_points : 60;
        judge(e, n * slope(e) * 4, e->arrival_ns);
    }
}

void rtp_estimator_on_packet(struct rtp_estimator *e, uint32_t abs_send_time, size_t size,
                             int64_t now_ns)
{
    count(e, size, now_ns);
    if (e->first_ns == TIME_NONE) {
        e->first_ns = now_ns;
        e->changed_ns = now_ns;
        e->threshold_ns = now_ns;
    }
    const int32_t ahead = (int32_t)((abs_send_time - e->send_time) << 8) / 256;
    if (e->n_groups > 0 && ahead < 0) {
        return; /* of an older group */
    }
    if (e->n_groups > 0 && ahead <= 1311) { /* 5 ms */
        e->arrival_ns = now_ns;
        return;
    }
    if (e->n_groups >= 2) {
        on_group(e);
    }
    e->n_groups++;
    e->last_send_time = e->send_time;
    e->last_arrival_ns = e->arrival_ns;
    e->send_time = abs_send_time;
    e->arrival_ns = now_ns;
}

static void increase(struct rtp_estimator *e, int64_t now_ns)
{
    const double s = (double)(now_ns - e->changed_ns) / NS_PER_S;
    const double received = throughput_bps(e);
    const bool is_near = e->convergence_bps > 0 && received < 1.3 * e->convergence_bps;
    const double grown = e->rate_bps + (is_near ? 60000 * s : e->rate_bps * 0.08 * s);
    const double most = fmax(e->rate_bps, 1.5 * received + 10000);
    e->rate_bps = fmin(grown, most);
    e->changed_ns = now_ns;
}

double rtp_estimator_remb(struct rtp_estimator *e, int64_t *sent_ns, int64_t now_ns)
{
    if (e->first_ns == TIME_NONE) {
        return 0;
    }
    if (e->rate_bps == 0 && now_ns - e->first_ns > 5 * NS_PER_S) {
        e->rate_bps = throughput_bps(e);
    }
    count(e, 0, now_ns);
    if (e->rate_bps > 0 && !e->is_over && now_ns - e->changed_ns > 200 * NS_PER_MS) {
        increase(e, now_ns);
    }
    if (e->rate_bps == 0 || (!e->has_fallen && now_ns - *sent_ns < NS_PER_S)) {
        return 0;
    }
    e->has_fallen = false;
    *sent_ns = now_ns;
    return e->rate_bps;
}
