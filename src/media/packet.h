/*
 * One access unit (H.264 as Annex B, a whole JPEG) with its times.
 *
 * Immutable once published. Annex B access units carry four-byte start codes, no access unit
 * delimiter, and the parameter sets directly before each IDR.
 *
 * Ownership: packet_create() gives one reference; packet_ref() returns its argument;
 *            packet_unref() drops one and NULLs the caller's pointer.
 * Thread:    references any; fields only the maker's until published.
 */
#ifndef AVOCET_MEDIA_PACKET_H
#define AVOCET_MEDIA_PACKET_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/time.h"

enum packet_flags {
    PACKET_KEY = 1 << 0,           /* decoding can start here */
    PACKET_DISCONTINUITY = 1 << 1, /* the source lost frames or restarted before this one */
};

struct packet {
    int64_t capture_ns; /* real clock; TIME_NONE unknown */
    int64_t arrival_ns; /* monotonic: when we first had the picture or the packet */
    int64_t encoded_ns; /* monotonic: when encoding ended; = arrival_ns for pass-through */
    int64_t pts_ns;     /* monotonic time line of the stream, strictly increasing per encoding */
    unsigned flags;     /* enum packet_flags */
    atomic_uint n_refs;
    size_t size;
    size_t capacity;
    uint8_t data[];
};

enum { PACKET_SIZE_MAX = 16 * 1024 * 1024 };

/* Times TIME_NONE, flags 0, size 0. NULL without memory or above PACKET_SIZE_MAX. */
struct packet *packet_create(size_t capacity);
struct packet *packet_ref(struct packet *p);
void packet_unref(struct packet **p);

static inline struct bytes packet_bytes(const struct packet *p)
{
    return bytes_of(p->data, p->size);
}

static inline bool packet_is_key(const struct packet *p)
{
    return (p->flags & PACKET_KEY) != 0;
}

#endif
