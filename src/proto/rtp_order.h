/*
 * RTP packets of one sender in the order of their sequence numbers, for a receiver that cannot ask
 * for what is missing.
 *
 * A hole is waited for RTP_ORDER_WAIT_NS, or until RTP_ORDER_SLOTS packets wait behind it; then it
 * is passed over. Whoever sends first is heard; another synchronization source takes its place when
 * it was silent for RTP_ORDER_SILENCE_NS, and a jump of the sequence numbers begins anew.
 *
 * Ownership: keeps copies of the datagrams it holds. A pulled packet is valid until the next call.
 * Thread:    one; no clock.
 * Errors:    push: -EBADMSG no RTP, -EALREADY known or too late, -EBUSY of another sender, -ENOBUFS,
 *            -ENOMEM.
 * Spec:      RFC 3550 §5.1, appendix A.1.
 */
#ifndef AVOCET_PROTO_RTP_ORDER_H
#define AVOCET_PROTO_RTP_ORDER_H

#include "base/buf.h"
#include "proto/rtp.h"

enum { RTP_ORDER_SLOTS = 512 }; /* a power of two; a keyframe of 4 Mbit/s has 100 packets */
#define RTP_ORDER_WAIT_NS    (50 * NS_PER_MS)
#define RTP_ORDER_SILENCE_NS (500 * NS_PER_MS)

struct rtp_order {
    struct buf *slots[RTP_ORDER_SLOTS]; /* by index: [next, end); NULL: missing */
    struct buf *pulled;
    uint64_t next;      /* index to be pulled */
    uint64_t end;       /* one after the highest that came */
    int64_t hole_ns;    /* next is missing since; TIME_NONE: it is there, or nothing is behind it */
    int64_t heard_ns;   /* the sender, last */
    uint32_t ssrc;
    bool is_started;
};

void rtp_order_init(struct rtp_order *o);
void rtp_order_finish(struct rtp_order *o);

int rtp_order_push(struct rtp_order *o, struct bytes datagram, int64_t now_ns);
/* False: nothing whose turn it is. */
bool rtp_order_pull(struct rtp_order *o, int64_t now_ns, struct rtp_packet *out);
/* When pull gives more without a push; TIME_NONE: never. */
int64_t rtp_order_deadline_ns(const struct rtp_order *o);

#endif
