#include "stream/ring.h"

#include <errno.h>
#include <stdlib.h>

#include "stream/stream.h"

enum { RING_CAPACITY_MIN = 64 };

static int grow(struct ring *ring)
{
    const unsigned capacity = ring->capacity > 0 ? ring->capacity * 2 : RING_CAPACITY_MIN;
    struct ring_entry *entries = calloc(capacity, sizeof(*entries));
    if (!entries) {
        return -ENOMEM;
    }
    for (uint64_t n = ring->first; n < ring->end; n++) {
        entries[n & (capacity - 1)] = *ring_at(ring, n);
    }
    free(ring->entries);
    ring->entries = entries;
    ring->capacity = capacity;
    return 0;
}

static void drop_first(struct ring *ring)
{
    struct ring_entry *e = &ring->entries[ring->first & (ring->capacity - 1)];
    ring->n_bytes -= e->packet->size;
    packet_unref(&e->packet);
    if (ring->has_key && ring->key == ring->first) {
        ring->has_key = false;
    }
    ring->first++;
}

static bool is_over_bounds(const struct ring *ring, const struct packet *next)
{
    return ring_n_packets(ring) > 0 && (ring_n_packets(ring) >= STREAM_RING_PACKETS ||
                                        ring->n_bytes + next->size > STREAM_RING_BYTES);
}

int ring_push(struct ring *ring, struct packet *packet, uint32_t track_version)
{
    while (is_over_bounds(ring, packet)) {
        drop_first(ring);
    }
    if (ring_n_packets(ring) == ring->capacity && grow(ring) < 0) {
        packet_unref(&packet);
        return -ENOMEM;
    }
    ring->entries[ring->end & (ring->capacity - 1)] =
        (struct ring_entry){.packet = packet, .track_version = track_version};
    ring->n_bytes += packet->size;
    if (packet_is_key(packet)) {
        ring->key = ring->end;
        ring->has_key = true;
    }
    ring->end++;
    return 0;
}

void ring_trim(struct ring *ring, uint64_t wanted, int64_t since_ns)
{
    uint64_t limit = ring->has_key ? ring->key : ring->end;
    limit = wanted < limit ? wanted : limit;
    while (ring->first < limit && ring_at(ring, ring->first)->packet->arrival_ns < since_ns) {
        drop_first(ring);
    }
}

void ring_clear(struct ring *ring)
{
    while (ring->first < ring->end) {
        drop_first(ring);
    }
}

void ring_finish(struct ring *ring)
{
    ring_clear(ring);
    free(ring->entries);
    *ring = (struct ring){0};
}
