/*
 * How fast one viewer may be sent to, from the signs that its link gives.
 *
 * An unknown link is assumed to be good. Signs of congestion lower the rate at once: the receiver's
 * estimate (REMB) falls, the round trip grows, many packets are lost or asked for again. Without
 * signs the rate grows: slowly near the rate where the last congestion was, else it doubles in a
 * second; but only while it is used, by frames that are held back for it.
 *
 * A link is measured by trains: a frame that leaves alone at a limited rate, and a sender report
 * right behind it, whose round trip tells of the queue that the frame made. The link carried it in
 * the time that it took to leave and that queue together. So too when the queue was full: then the
 * requests for what was lost tell its length.
 *
 * A REMB is taken for a sign only when it falls below what is sent: receivers derive it from what
 * arrives, so a still picture makes it small on the best of links.
 *
 * Units:  rates in bit/s; fraction_lost in 1/256.
 * Thread: a value; no clock.
 */
#ifndef AVOCET_PROTO_RTP_RATE_H
#define AVOCET_PROTO_RTP_RATE_H

#include <stdbool.h>

#include "proto/rtp_meter.h"

#define RTP_RATE_START_BPS INT64_C(20000000)
#define RTP_RATE_MAX_BPS   INT64_C(100000000)
#define RTP_RATE_MIN_BPS   INT64_C(100000)
/* Round trip before the first measurement. */
#define RTP_RATE_ROUND_TRIP_NS (100 * NS_PER_MS)

/* Packets that left one behind the other. */
struct rtp_train {
    int64_t n_bytes; /* 0: none */
    int64_t duration_ns;
    int64_t lost_bytes;
    int64_t wait_ns; /* the shortest queue that a lost one found */
};

/* What a report block of the viewer says, in our terms. */
struct rtp_rate_report {
    bool has_counts; /* the next three are there: of packets sent since from_ns */
    uint8_t fraction_lost;
    int64_t from_ns;
    int64_t delivered_bps;
    int64_t round_trip_ns;    /* TIME_NONE: no new measurement */
    int64_t round_trip_at_ns; /* when that measurement left */
    struct rtp_train train;   /* right before it, into a free link */
    int64_t unheard_at_ns;    /* when what the viewer does not know of began to leave; TIME_NONE */
    int64_t unheard_bytes;
    int64_t arrived_bytes; /* since the report before */
};

enum rtp_sign { RTP_SIGN_NONE, RTP_SIGN_REMB, RTP_SIGN_QUEUE, RTP_SIGN_LOSS };

struct rtp_rate {
    int64_t rate_bps;
    int64_t delivered_bps;  /* by the last report; 0 unknown */
    int64_t capacity_bps;   /* of the link when it was congested last; 0: never */
    int64_t train_bps;      /* that a train proved since then; 0: none did */
    bool is_capacity_known; /* measured, no guess */
    int64_t measured_bps;   /* by the queue that a train made */
    int64_t measured_ns;    /* TIME_NONE: never */
    int64_t forgotten_ns;   /* when capacity_bps was raised last */
    int64_t backlog_bytes;  /* believed to lie in the link's queue; see rtp_rate_take_backlog */
    int64_t lowered_ns;     /* TIME_NONE: never */
    int64_t congested_ns;   /* the same, but for what a train measured; TIME_NONE: never */
    enum rtp_sign sign;     /* that lowered it last */
    int64_t drained_ns;     /* when the queue of that congestion should be empty */
    int64_t heard_ns;       /* the last report or REMB; TIME_NONE: never */
    int64_t most_bps;       /* grows no further before the next one */
    int64_t hurt_ns;        /* the viewer could not decode; TIME_NONE: never */
    int64_t remb_bps;       /* 0: none yet */
    int64_t round_trip_ns;  /* TIME_NONE unknown */
    int64_t unheard_bytes;  /* by the last report */
    int64_t queue_ns;       /* what the link's queue adds to the round trip */
    int64_t least_round_trip_ns[2]; /* of this and the last RTP_RATE_LEAST_NS */
    int64_t least_since_ns;
    int64_t missed_wait_ns; /* the queue that lost packets found, by when they were asked for */
    int64_t undo_bps;       /* the rate before it was lowered for a pause, perhaps; 0: for good */
    int64_t undo_bytes;     /* that arrived since then */
    int64_t slow_ns;        /* since when all reports tell of a long queue; TIME_NONE: not */
    uint8_t fraction_lost;
    struct rtp_meter meter;
};

void rtp_rate_init(struct rtp_rate *r, int64_t now_ns);

/* ---- signs ---- */

void rtp_rate_on_sent(struct rtp_rate *r, size_t n_bytes, int64_t now_ns);
void rtp_rate_on_remb(struct rtp_rate *r, int64_t bps, int64_t now_ns);
void rtp_rate_on_report(struct rtp_rate *r, const struct rtp_rate_report *report, int64_t now_ns);
/* Before any report: about what a round trip takes, from the handshake. */
void rtp_rate_note_round_trip(struct rtp_rate *r, int64_t round_trip_ns, int64_t now_ns);
/* A packet of sent_ns was asked for again, for the first time. */
void rtp_rate_on_missed(struct rtp_rate *r, int64_t sent_ns, int64_t now_ns);
/* About how long a packet that was asked for at now_ns would have stood in the queue. */
int64_t rtp_rate_wait_ns(const struct rtp_rate *r, int64_t sent_ns, int64_t now_ns);
/* Of a train that left alone after began_ns some were lost. */
void rtp_rate_on_lossy_train(struct rtp_rate *r, const struct rtp_train *t, int64_t began_ns,
                             int64_t now_ns);
/* The viewer asked for a keyframe: repairs do not cope. */
void rtp_rate_on_hurt(struct rtp_rate *r, int64_t now_ns);

/* Pacing held a frame back for this long: the rate was really used, and may grow. */
void rtp_rate_on_busy(struct rtp_rate *r, int64_t busy_ns, int64_t now_ns);

/* ---- answers ---- */

/* Congestion was seen: what its queue is believed to hold, told once. */
int64_t rtp_rate_take_backlog(struct rtp_rate *r);
int64_t rtp_rate_sent_bps(struct rtp_rate *r, int64_t now_ns);

/* Below the rate that unknown links get. */
static inline bool rtp_rate_is_limited(const struct rtp_rate *r)
{
    return r->rate_bps < RTP_RATE_START_BPS;
}

static inline int64_t rtp_rate_round_trip_ns(const struct rtp_rate *r)
{
    return r->round_trip_ns == TIME_NONE ? RTP_RATE_ROUND_TRIP_NS : r->round_trip_ns;
}

#endif
