/*
 * The description of a stream that is sent to an address, for those who receive it there: a file
 * for players, and what SAP announces.
 *
 * Ownership: everything is borrowed for the call.
 * Thread:    any; no shared state.
 * Errors:    out of memory is the text's sticky error.
 * Spec:      RFC 8866 §5.2 (o=), §5.7 (c=); RFC 6184 §8.2.1; RFC 3551 §6 (33: MP2T).
 */
#ifndef AVOCET_PROTO_SDP_ANNOUNCE_H
#define AVOCET_PROTO_SDP_ANNOUNCE_H

#include "base/text.h"
#include "media/track.h"

enum sdp_announce_media {
    SDP_ANNOUNCE_RTP_H264,
    SDP_ANNOUNCE_RTP_TS,
    SDP_ANNOUNCE_UDP_TS, /* no standard's, but what VLC announces and takes */
};

enum { SDP_ANNOUNCE_PAYLOAD_H264 = 96, SDP_ANNOUNCE_PAYLOAD_TS = 33 };

struct sdp_announce {
    enum sdp_announce_media media;
    const char *name;
    uint64_t id;
    const char *origin;      /* IP address of the sender */
    const char *destination; /* IP address, of both versions without brackets */
    unsigned port;
    unsigned ttl; /* of IPv4 multicast; 0: unicast or IPv6 */
    const struct track *track;
};

void sdp_announce_write(struct text *out, const struct sdp_announce *a);

#endif
