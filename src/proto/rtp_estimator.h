/*
 * A receiver's estimate of its link, as browsers make it for REMB: groups of packets sent together,
 * the trend of their delay, a threshold that adapts, additive increase and multiplicative decrease.
 *
 * Units:  bit/s; send times in 1/2^18 s (abs-send-time).
 * Thread: a value; no clock.
 * Spec:   draft-ietf-rmcat-gcc-02 §5.
 */
#ifndef AVOCET_PROTO_RTP_ESTIMATOR_H
#define AVOCET_PROTO_RTP_ESTIMATOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/time.h"

enum { RTP_ESTIMATOR_WINDOW = 20, RTP_ESTIMATOR_POINTS_MIN = 5, RTP_ESTIMATOR_SLOTS = 20 };

struct rtp_estimator {
    /* the group being received and the one before; send times in 1/2^18 s */
    uint32_t send_time, last_send_time;
    int64_t arrival_ns, last_arrival_ns;
    unsigned n_groups;
    /* trend */
    double delay_ms, smoothed_ms;
    double times_ms[RTP_ESTIMATOR_WINDOW], delays_ms[RTP_ESTIMATOR_WINDOW];
    unsigned n_points;
    double threshold_ms, last_trend;
    int64_t over_since_ns, threshold_ns;
    /* throughput of the last second */
    int64_t slot;
    uint32_t n_bytes[RTP_ESTIMATOR_SLOTS];
    /* rate */
    int64_t first_ns, changed_ns;
    double rate_bps, convergence_bps; /* 0: none */
    bool is_over, has_fallen;
};

void rtp_estimator_init(struct rtp_estimator *e);
void rtp_estimator_on_packet(struct rtp_estimator *e, uint32_t abs_send_time, size_t size,
                             int64_t now_ns);
/* To be sent as REMB now? Call every 10 ms or so. 0: no. */
double rtp_estimator_remb(struct rtp_estimator *e, int64_t *sent_ns, int64_t now_ns);

#endif
