/*
 * What one viewer was sent in the last second, so that it can be sent again: references to the
 * shared buffers, no copies.
 *
 * Frames are noted in order; their packets have consecutive 48-bit indexes. A packet asked for
 * again is given out at most once within a round trip.
 *
 * Ownership: holds a reference of each buffer until it is older than RTP_HISTORY_NS or the history
 *            is full.
 * Thread:    one; no clock.
 */
#ifndef AVOCET_PROTO_RTP_HISTORY_H
#define AVOCET_PROTO_RTP_HISTORY_H

#include "base/time.h"
#include "media/rtp_payloads.h"

enum {
    RTP_HISTORY_FRAMES = 128,  /* a second at 120 frames per second */
    RTP_HISTORY_RETRIES = 256, /* retransmissions remembered, a power of two */
};
#define RTP_HISTORY_NS NS_PER_S

struct rtp_history_frame {
    struct buf *buf;      /* holds struct rtp_payloads */
    uint64_t first_index; /* of its first packet */
    uint32_t n_sent;      /* packets */
    int64_t capture_ns;   /* real; TIME_NONE: not stamped on its packets */
    int64_t sent_ns;      /* monotonic, of its first packet */
    int64_t last_sent_ns; /* of its last packet so far */
};

struct rtp_history {
    struct rtp_history_frame frames[RTP_HISTORY_FRAMES]; /* ring */
    unsigned first;
    unsigned n_frames;
    struct {
        uint32_t index;             /* low bits */
        uint32_t ms;                /* when it was last sent again; 0: never */
    } retries[RTP_HISTORY_RETRIES]; /* by index */
};

void rtp_history_init(struct rtp_history *h);
void rtp_history_finish(struct rtp_history *h);

/* The frame that is being sent now. Takes its own reference. */
void rtp_history_begin(struct rtp_history *h, struct buf *buf, uint64_t first_index,
                       int64_t capture_ns, int64_t now_ns);
/* One more packet of the newest frame was sent, or n of them after all not. */
void rtp_history_sent(struct rtp_history *h, int64_t now_ns);
void rtp_history_unsent(struct rtp_history *h, unsigned n);
void rtp_history_expire(struct rtp_history *h, int64_t now_ns);

/* The frame that has the packet of this index; NULL: never sent, or too long ago. */
const struct rtp_history_frame *rtp_history_find(const struct rtp_history *h, uint64_t index);
/* About when that packet was sent; of one that is too old, when the oldest that is known was;
 * TIME_NONE for one that was not sent yet. */
int64_t rtp_history_sent_ns(const struct rtp_history *h, uint64_t index);
/* May this packet be sent again now? Remembers it when it may. *is_first: it was not asked for
 * before. */
bool rtp_history_retry(struct rtp_history *h, uint64_t index, int64_t round_trip_ns, int64_t now_ns,
                       bool *is_first);

#endif
