/*
 * The receiver of one H.264 video: packets in order, requests for those that are missing, reports
 * and the estimate of the link, as a browser gives them.
 *
 *   RTP ──rtp_receiver_push──▶ held until its turn ──rtp_receiver_pull──▶ payloads in order
 *   SR, DLRR ──rtp_receiver_on_rtcp
 *   RR, RRTR, NACK, REMB, PLI ◀──rtp_receiver_feedback
 *
 * A hole is waited for, until its packet comes as a retransmission, or a keyframe behind it is
 * there wholly; then that is next. Nothing for RTP_RECEIVER_PATIENCE_NS: a keyframe is asked for,
 * as also while the owner says needs_key.
 *
 * Ownership: keeps copies of the packets it holds. A pulled payload is valid until the next call.
 * Thread:    one; no clock.
 * Errors:    push: -EBADMSG no RTP of ours or malformed, -EALREADY known or too old, -ENOMEM.
 * Spec:      RFC 3550 §6.4.2, appendix A.3; RFC 4585 §6.2.1; RFC 4588 §4; RFC 3611 §4.4.
 */
#ifndef AVOCET_PROTO_RTP_RECEIVER_H
#define AVOCET_PROTO_RTP_RECEIVER_H

#include "base/buf.h"
#include "proto/rtp.h"
#include "proto/rtp_estimator.h"

enum {
    RTP_RECEIVER_SLOTS = 2048, /* packets held, a power of two */
    RTP_RECEIVER_ASKS_MAX = 10,
    RTP_RECEIVER_NACKS_MAX = 128, /* in one feedback */
    RTP_RECEIVER_FEEDBACK_SIZE_MAX = 1024,
};
#define RTP_RECEIVER_TICK_NS           (10 * NS_PER_MS) /* feedback is to be asked for that often */
#define RTP_RECEIVER_REPORT_NS         NS_PER_S
#define RTP_RECEIVER_PATIENCE_NS       (3 * NS_PER_S)
#define RTP_RECEIVER_FIRST_PATIENCE_NS (200 * NS_PER_MS)

struct rtp_receiver_config {
    uint32_t ssrc; /* ours, in reports */
    uint8_t payload_type;
    uint8_t rtx_payload_type;
    bool has_rtx;
    struct rtp_extension_ids extensions;
};

struct rtp_receiver_stats {
    uint64_t n_packets; /* without retransmissions */
    uint64_t n_bytes;   /* of RTP */
    uint64_t n_repeats;
    uint64_t n_repeat_bytes;
    uint64_t n_missed; /* holes seen */
    uint64_t n_asks;   /* packets asked for, each time */
    uint64_t n_key_requests;
};

struct rtp_receiver_slot {
    struct buf *payload; /* NULL: missing */
    uint32_t timestamp;
    bool marker;
    int64_t since_ns; /* missing since */
    int64_t asked_ns; /* TIME_NONE: never */
    unsigned n_asks;
};

struct rtp_receiver {
    struct rtp_receiver_config config;
    struct rtp_receiver_stats stats;
    struct rtp_receiver_slot slots[RTP_RECEIVER_SLOTS]; /* by index: [next, end) */
    bool is_started;
    uint32_t media_ssrc;
    uint64_t next; /* index to be pulled */
    uint64_t end;  /* one after the highest that came */
    struct buf *pulled;
    int64_t pulled_ns; /* when the last one was; before that, when the first packet came */
    bool has_pulled;
    /* reports */
    uint64_t base;
    uint64_t reported_end;
    uint64_t reported_n;
    int64_t reported_ns;
    uint32_t lsr;
    int64_t lsr_ns;
    int64_t round_trip_ns;
    int64_t asked_key_ns;
    bool needs_key; /* the owner's: it cannot decode what comes */
    /* estimate */
    struct rtp_estimator estimator;
    int64_t remb_ns;
};

struct rtp_receiver_payload {
    uint16_t sequence;
    uint32_t timestamp;
    bool marker;
    struct bytes bytes;
};

void rtp_receiver_init(struct rtp_receiver *r, const struct rtp_receiver_config *config);
void rtp_receiver_finish(struct rtp_receiver *r);

int rtp_receiver_push(struct rtp_receiver *r, struct bytes rtp, int64_t now_ns);
/* False: nothing whose turn it is. A gap in the sequence numbers: what was there is given up. */
bool rtp_receiver_pull(struct rtp_receiver *r, int64_t now_ns, struct rtp_receiver_payload *out);
/* real_now_ns is for DLRR. */
void rtp_receiver_on_rtcp(struct rtp_receiver *r, struct bytes rtcp, int64_t now_ns,
                          int64_t real_now_ns);
/* What is due by now; 0: nothing. out has RTP_RECEIVER_FEEDBACK_SIZE_MAX bytes. */
size_t rtp_receiver_feedback(struct rtp_receiver *r, int64_t now_ns, int64_t real_now_ns,
                             uint8_t *out);

#endif
