#include "proto/rtp_meter.h"

#include <string.h>

void rtp_meter_init(struct rtp_meter *m, int64_t now_ns)
{
    *m = (struct rtp_meter){.start_ns = now_ns, .slot = now_ns / RTP_METER_SLOT_NS};
}

/* Empties the slots that have begun since; the newest one. */
static unsigned advance(struct rtp_meter *m, int64_t now_ns)
{
    if (now_ns < m->slot_end_ns) {
        return (unsigned)(m->slot % RTP_METER_SLOTS);
    }
    const int64_t slot = now_ns / RTP_METER_SLOT_NS;
    m->slot_end_ns = (slot + 1) * RTP_METER_SLOT_NS;
    if (slot - m->slot > RTP_METER_SLOTS) {
        m->slot = slot - RTP_METER_SLOTS;
    }
    while (m->slot < slot) {
        const unsigned i = (unsigned)(++m->slot % RTP_METER_SLOTS);
        m->n_bytes[i] = 0;
        m->n_packets[i] = 0;
        m->n_missed[i] = 0;
    }
    return (unsigned)(m->slot % RTP_METER_SLOTS);
}

void rtp_meter_note_sent(struct rtp_meter *m, size_t n_bytes, int64_t now_ns)
{
    const unsigned i = advance(m, now_ns);
    m->n_bytes[i] += (uint32_t)n_bytes;
    m->n_packets[i]++;
}

static bool has_slot(const struct rtp_meter *m, int64_t slot)
{
    return slot >= 0 && slot <= m->slot && m->slot - slot < RTP_METER_SLOTS;
}

void rtp_meter_note_missed(struct rtp_meter *m, int64_t sent_ns, int64_t now_ns)
{
    const int64_t slot = sent_ns / RTP_METER_SLOT_NS;
    advance(m, now_ns);
    if (has_slot(m, slot)) {
        m->n_missed[slot % RTP_METER_SLOTS]++;
    }
}

int64_t rtp_meter_mean_bps(struct rtp_meter *m, int64_t now_ns)
{
    int64_t n_bytes = 0;
    advance(m, now_ns);
    for (unsigned i = 0; i < RTP_METER_SLOTS; i++) {
        n_bytes += m->n_bytes[i];
    }
    int64_t window_ns = now_ns - m->start_ns;
    window_ns = window_ns < RTP_METER_SLOT_NS ? RTP_METER_SLOT_NS : window_ns;
    if (window_ns > RTP_METER_SLOTS * RTP_METER_SLOT_NS) {
        window_ns = RTP_METER_SLOTS * RTP_METER_SLOT_NS;
    }
    return time_rescale(n_bytes, 8 * NS_PER_S, window_ns);
}

int64_t rtp_meter_most_bps(struct rtp_meter *m, int64_t now_ns)
{
    int64_t most = 0;
    advance(m, now_ns);
    for (unsigned i = 0; i < RTP_METER_SLOTS; i++) {
        most = m->n_bytes[i] > most ? m->n_bytes[i] : most;
    }
    return time_rescale(most, 8 * NS_PER_S, RTP_METER_SLOT_NS);
}

static unsigned sum(const struct rtp_meter *m, const uint16_t *counts, int64_t sent_ns,
                    unsigned n_slots)
{
    const int64_t last = sent_ns / RTP_METER_SLOT_NS;
    unsigned n = 0;
    for (int64_t slot = last - n_slots + 1; slot <= last; slot++) {
        n += has_slot(m, slot) ? counts[slot % RTP_METER_SLOTS] : 0;
    }
    return n;
}

unsigned rtp_meter_n_missed(const struct rtp_meter *m, int64_t sent_ns, unsigned n_slots)
{
    return sum(m, m->n_missed, sent_ns, n_slots);
}

unsigned rtp_meter_n_packets(const struct rtp_meter *m, int64_t sent_ns, unsigned n_slots)
{
    return sum(m, m->n_packets, sent_ns, n_slots);
}

void rtp_meter_forget_packets(struct rtp_meter *m)
{
    memset(m->n_packets, 0, sizeof(m->n_packets));
    memset(m->n_missed, 0, sizeof(m->n_missed));
}
