/*
 * The RTP payloads of one access unit, as a mux cuts them once and senders walk them.
 *
 * They lie in one struct buf, host byte order:
 *
 *   struct rtp_payloads | n_payloads x struct rtp_payload | payload bytes ...
 *
 * Neighbours have equal sizes wherever possible, so that UDP GSO can carry them in one call. The
 * last one carries the marker.
 *
 * Units:     timestamp at 90 kHz; offsets and sizes in bytes.
 * Ownership: a view of the buffer; valid as long as it.
 * Thread:    any; immutable once made.
 */
#ifndef AVOCET_MEDIA_RTP_PAYLOADS_H
#define AVOCET_MEDIA_RTP_PAYLOADS_H

#include "base/buf.h"

enum {
    RTP_PAYLOAD_SIZE_MAX = 1150,       /* with header, extensions, RTX and tag about 1,200 */
    RTP_PAYLOAD_PLAIN_SIZE_MAX = 1388, /* of bare RTP: 1,400 with the header */
};

struct rtp_payload {
    uint32_t offset; /* from the buffer's data */
    uint16_t size;
    bool marker;
};

struct rtp_payloads {
    uint32_t timestamp;
    uint32_t n_payloads;
    struct rtp_payload payloads[];
};

static inline const struct rtp_payloads *rtp_payloads_of(const struct buf *b)
{
    return (const struct rtp_payloads *)(const void *)b->data;
}

static inline struct bytes rtp_payload_bytes(const struct buf *b, uint32_t i)
{
    const struct rtp_payload *p = &rtp_payloads_of(b)->payloads[i];
    return bytes_of(b->data + p->offset, p->size);
}

#endif
