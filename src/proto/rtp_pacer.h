/*
 * Pacing: a bucket of bytes that fills at the send rate and that sending empties.
 *
 * A small burst is always allowed, so that an ordinary frame leaves in one go. A debt is what is
 * believed to lie in the link's queue already: nothing is sent before it has drained.
 *
 * Units:  level in bytes, negative when in debt.
 * Thread: a value; no clock.
 */
#ifndef AVOCET_PROTO_RTP_PACER_H
#define AVOCET_PROTO_RTP_PACER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/time.h"

/* Whoever is paced is looked at again at least this often. */
#define RTP_PACER_STEP_NS (5 * NS_PER_MS)
/* What may leave in one go: this much time at the send rate, within two limits. */
#define RTP_PACER_BURST_NS (20 * NS_PER_MS)
enum { RTP_PACER_BURST_MIN = 2 * 1200, RTP_PACER_BURST_MAX = 48 * 1024 };

struct rtp_pacer {
    int64_t level_bytes;
    int64_t rate_bps;
    int64_t updated_ns;
};

void rtp_pacer_init(struct rtp_pacer *p, int64_t rate_bps, int64_t now_ns);
void rtp_pacer_set_rate(struct rtp_pacer *p, int64_t rate_bps, int64_t now_ns);
/* Fill the bucket up to now_ns; before any question. */
void rtp_pacer_advance(struct rtp_pacer *p, int64_t now_ns);
void rtp_pacer_spend(struct rtp_pacer *p, size_t n_bytes);
void rtp_pacer_give_back(struct rtp_pacer *p, size_t n_bytes);

static inline bool rtp_pacer_may_send(const struct rtp_pacer *p)
{
    return p->level_bytes > 0;
}

/* How long until n_bytes from now on have left; 0 when they may go at once. */
int64_t rtp_pacer_wait_ns(const struct rtp_pacer *p, int64_t n_bytes);

#endif
