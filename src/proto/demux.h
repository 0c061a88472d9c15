/*
 * What a datagram on the media port is, by its first bytes.
 *
 * Thread: any; no shared state.
 * Spec:   RFC 7983 §7 (first byte), RFC 5761 §4 (RTP or RTCP by the second).
 */
#ifndef AVOCET_PROTO_DEMUX_H
#define AVOCET_PROTO_DEMUX_H

#include "base/bytes.h"

enum demux { DEMUX_OTHER, DEMUX_STUN, DEMUX_DTLS, DEMUX_RTP, DEMUX_RTCP };

static inline enum demux demux_datagram(struct bytes in)
{
    if (in.size < 2) {
        return DEMUX_OTHER;
    }
    const uint8_t first = in.data[0];
    if (first <= 3) {
        return DEMUX_STUN;
    }
    if (first >= 20 && first <= 63) {
        return DEMUX_DTLS;
    }
    if (first >= 128 && first <= 191) {
        return in.data[1] >= 192 && in.data[1] <= 223 ? DEMUX_RTCP : DEMUX_RTP;
    }
    return DEMUX_OTHER;
}

#endif
