/*
 * The newest packets of one encoding, by sequence.
 *
 * Kept: the newest keyframe and all after it, what a reader still wants, what is younger than the
 * caller says; never more than STREAM_RING_PACKETS or STREAM_RING_BYTES (then the oldest go, the
 * keyframe with them).
 *
 * Ownership: the ring holds one reference of each packet; what it returns is borrowed.
 * Thread:    loop only.
 */
#ifndef AVOCET_STREAM_RING_H
#define AVOCET_STREAM_RING_H

#include "media/packet.h"

struct ring_entry {
    struct packet *packet;
    uint32_t track_version;
};

struct ring {
    struct ring_entry *entries; /* of sequence n at n modulo capacity */
    unsigned capacity;          /* a power of two, or 0 */
    uint64_t first;             /* sequences held: first .. end */
    uint64_t end;
    uint64_t key; /* of the newest keyframe, when has_key */
    bool has_key;
    size_t n_bytes;
};

/* Takes over the reference, also on failure. -ENOMEM. */
int ring_push(struct ring *ring, struct packet *packet, uint32_t track_version);
/* Drop what is before the newest keyframe, before wanted, and arrived before since_ns. */
void ring_trim(struct ring *ring, uint64_t wanted, int64_t since_ns);
/* Sequences go on where they were. */
void ring_clear(struct ring *ring);
void ring_finish(struct ring *ring);

static inline unsigned ring_n_packets(const struct ring *ring)
{
    return (unsigned)(ring->end - ring->first);
}

/* sequence must be held. */
static inline const struct ring_entry *ring_at(const struct ring *ring, uint64_t sequence)
{
    return &ring->entries[sequence & (ring->capacity - 1)];
}

#endif
