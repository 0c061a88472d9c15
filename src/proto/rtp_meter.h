/*
 * What was sent in the last second, and which of it the viewer missed, in slots of time.
 *
 * Units:  bytes and packets, by the time when they were sent.
 * Thread: a value; no clock.
 */
#ifndef AVOCET_PROTO_RTP_METER_H
#define AVOCET_PROTO_RTP_METER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/time.h"

#define RTP_METER_SLOT_NS (100 * NS_PER_MS)

enum { RTP_METER_SLOTS = 10 };

struct rtp_meter {
    int64_t start_ns;
    int64_t slot; /* number of the newest */
    int64_t slot_end_ns;
    uint32_t n_bytes[RTP_METER_SLOTS];
    uint16_t n_packets[RTP_METER_SLOTS];
    uint16_t n_missed[RTP_METER_SLOTS];
};

void rtp_meter_init(struct rtp_meter *m, int64_t now_ns);
void rtp_meter_note_sent(struct rtp_meter *m, size_t n_bytes, int64_t now_ns);
/* One of those sent at sent_ns. */
void rtp_meter_note_missed(struct rtp_meter *m, int64_t sent_ns, int64_t now_ns);

/* The mean of the last second, and the most in a slot. */
int64_t rtp_meter_mean_bps(struct rtp_meter *m, int64_t now_ns);
int64_t rtp_meter_most_bps(struct rtp_meter *m, int64_t now_ns);
/* Of the n_slots up to the one of sent_ns. */
unsigned rtp_meter_n_missed(const struct rtp_meter *m, int64_t sent_ns, unsigned n_slots);
unsigned rtp_meter_n_packets(const struct rtp_meter *m, int64_t sent_ns, unsigned n_slots);
void rtp_meter_forget_packets(struct rtp_meter *m);

#endif
