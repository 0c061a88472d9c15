/*
 * Transport stream packets by sevens: what fits into an Ethernet frame.
 *
 * Thread: any; no shared state.
 * Spec:   RFC 2250 §2 and the practice of plain UDP.
 */
#ifndef AVOCET_SINK_TS_DATAGRAM_H
#define AVOCET_SINK_TS_DATAGRAM_H

#include "base/buf.h"
#include "mux/ts_packet.h"

enum { TS_DATAGRAM_SIZE = 7 * TS_PACKET_SIZE };

static inline unsigned ts_datagram_count(const struct buf *chunk)
{
    return (unsigned)((chunk->size + TS_DATAGRAM_SIZE - 1) / TS_DATAGRAM_SIZE);
}

/* The last one may be shorter. */
static inline struct bytes ts_datagram_bytes(const struct buf *chunk, unsigned i)
{
    const size_t start = (size_t)i * TS_DATAGRAM_SIZE;
    const size_t left = chunk->size - start;
    return bytes_of(chunk->data + start, left < TS_DATAGRAM_SIZE ? left : TS_DATAGRAM_SIZE);
}

#endif
