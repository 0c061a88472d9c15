/*
 * Access units out of RTP payloads: the reverse of mux_rtp_h264.
 *
 * Payloads are pushed in the order of their sequence numbers; the caller puts late ones in order
 * before. After a gap the access unit that is being collected is dropped, but for one that begins
 * behind the gap with parameter sets, and the next one is marked as a discontinuity.
 *
 * Ownership: payloads are copied; a packet is the caller's. Its times are for the caller to set.
 * Thread:    one owner.
 * Errors:    -EAGAIN no access unit complete yet; -EBADMSG a payload against the format (it and its
 *            access unit are dropped); -EMSGSIZE an access unit above PACKET_SIZE_MAX; -ENOMEM.
 * Spec:      RFC 6184 §5.6 (single NAL unit), §5.7.1 (STAP-A), §5.8 (FU-A), §5.1 (marker).
 */
#ifndef AVOCET_MUX_RTP_H264_READER_H
#define AVOCET_MUX_RTP_H264_READER_H

#include "media/packet.h"

struct rtp_h264_reader {
    struct packet *collected; /* the access unit being built; NULL: none */
    uint16_t next_sequence;
    uint32_t timestamp; /* 90 kHz, of collected */
    bool is_started;
    bool is_damaged;       /* collected lacks something: drop it at its end */
    bool is_in_fragment;   /* behind an FU-A start, before its end */
    bool is_discontinuity; /* for the next packet */
};

struct rtp_h264_payload {
    uint16_t sequence;
    uint32_t timestamp;
    bool marker;
    struct bytes bytes;
};

void rtp_h264_reader_init(struct rtp_h264_reader *r);
void rtp_h264_reader_finish(struct rtp_h264_reader *r);
/* An access unit ends with its marker. *timestamp is its RTP time stamp. */
int rtp_h264_reader_push(struct rtp_h264_reader *r, const struct rtp_h264_payload *payload,
                         struct packet **out, uint32_t *timestamp);

#endif
