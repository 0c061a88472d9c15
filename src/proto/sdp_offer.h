/*
 * WHEP offers: what we can send to the one who made it, and the offer our own client makes.
 *
 * Thread: any; no shared state.
 * Errors: -ENOTSUP (HTTP 406): readable, but nothing in it that we can send; *reason then is one
 *         sentence for people. Unreadable offers (HTTP 400) are refused by sdp_parse() already, or
 *         -EBADMSG here: ICE or DTLS attributes missing.
 * Spec:   RFC 8829 §5; RFC 6184 §8.1, §8.2.2 (profile-level-id); RFC 9725 §4.4.
 */
#ifndef AVOCET_PROTO_SDP_OFFER_H
#define AVOCET_PROTO_SDP_OFFER_H

#include "base/text.h"
#include "proto/sdp.h"

/* Choose the video media and its H.264 payload type with packetization-mode=1. real_profile is
 * profile_idc, constraint flags and level_idc of the stream's SPS, NULL when not known: the same
 * profile is preferred, else constrained baseline, else what there is; but a profile of more than 8
 * bits or 4:2:0 must be offered. */
int sdp_offer_choose(const struct sdp *offer, const uint8_t real_profile[3], struct sdp_video *out,
                     const char **reason);

/* What our client puts in its offer; all borrowed. */
struct sdp_offer {
    uint64_t session_id; /* below 2^63, random */
    const char *ufrag;
    const char *password;
    const char *fingerprint;           /* "sha-256 12:AB:..." */
    const struct endpoint *candidates; /* may be none: the server learns them from our checks */
    unsigned n_candidates;
};

/* One recvonly H.264 media: packetization-mode=1, the usual profiles, RTX, our extensions,
 * setup:actpass. */
void sdp_offer_write(const struct sdp_offer *o, struct text *out);

#endif
