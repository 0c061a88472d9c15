/*
 * A description of plain RTP, as a file beside the sender has it: what its first video is.
 *
 * Where it is received the caller says; addresses and ports of the description are not read.
 *
 * Ownership: a value.
 * Thread:    any; no shared state.
 * Errors:    -EBADMSG unreadable, -E2BIG too large, -ENOTSUP nothing in it that we can receive,
 *            -ENOMEM; with *why for people.
 * Spec:      RFC 8866; RFC 6184 §8.1 (sprop-parameter-sets); RFC 2250, RFC 3551 §6 (33 is MP2T).
 */
#ifndef AVOCET_PROTO_SDP_RTP_H
#define AVOCET_PROTO_SDP_RTP_H

#include "base/bytes.h"

enum { SDP_RTP_SETS_SIZE_MAX = 2048, SDP_RTP_PAYLOAD_TYPE_TS = 33 };

struct sdp_rtp {
    uint8_t payload_type;
    bool is_ts;                          /* MPEG-TS, else H.264 */
    uint8_t sets[SDP_RTP_SETS_SIZE_MAX]; /* SPS and PPS as Annex B */
    size_t sets_size;                    /* 0: they come with the pictures */
};

int sdp_rtp_read(struct bytes text, struct sdp_rtp *out, const char **why);

#endif
