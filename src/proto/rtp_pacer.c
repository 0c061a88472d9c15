#include "proto/rtp_pacer.h"

static int64_t burst_bytes(int64_t rate_bps)
{
    const int64_t bytes = time_rescale(rate_bps, RTP_PACER_BURST_NS, 8 * NS_PER_S);
    if (bytes < RTP_PACER_BURST_MIN) {
        return RTP_PACER_BURST_MIN;
    }
    return bytes > RTP_PACER_BURST_MAX ? RTP_PACER_BURST_MAX : bytes;
}

void rtp_pacer_init(struct rtp_pacer *p, int64_t rate_bps, int64_t now_ns)
{
    *p = (struct rtp_pacer){
        .level_bytes = burst_bytes(rate_bps),
        .rate_bps = rate_bps,
        .updated_ns = now_ns,
    };
}

void rtp_pacer_set_rate(struct rtp_pacer *p, int64_t rate_bps, int64_t now_ns)
{
    rtp_pacer_advance(p, now_ns);
    p->rate_bps = rate_bps;
}

void rtp_pacer_advance(struct rtp_pacer *p, int64_t now_ns)
{
    if (now_ns <= p->updated_ns) {
        return;
    }
    const int64_t gained = time_rescale(now_ns - p->updated_ns, p->rate_bps, 8 * NS_PER_S);
    const int64_t most = burst_bytes(p->rate_bps);
    if (gained == 0) {
        return; /* less than a byte: keep the time for later */
    }
    p->updated_ns = now_ns;
    p->level_bytes += gained;
    if (p->level_bytes > most) {
        p->level_bytes = most;
    }
}

void rtp_pacer_spend(struct rtp_pacer *p, size_t n_bytes)
{
    p->level_bytes -= (int64_t)n_bytes;
}

void rtp_pacer_give_back(struct rtp_pacer *p, size_t n_bytes)
{
    p->level_bytes += (int64_t)n_bytes;
}

int64_t rtp_pacer_wait_ns(const struct rtp_pacer *p, int64_t n_bytes)
{
    const int64_t missing = n_bytes - p->level_bytes;
    return missing <= 0 ? 0 : time_rescale(missing, 8 * NS_PER_S, p->rate_bps);
}
