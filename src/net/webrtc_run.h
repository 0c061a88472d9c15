/*
 * Runs: protected packets of one size side by side, sent by one system call.
 *
 * Packets are encrypted straight into one scratch area, which all viewers share because a run is
 * sent before the next viewer's turn.
 *
 * Ownership: the caller owns the scratch area.
 * Thread:    one.
 */
#ifndef AVOCET_NET_WEBRTC_RUN_H
#define AVOCET_NET_WEBRTC_RUN_H

#include "net/udp.h"
#include "proto/rtp_sender.h"
#include "proto/srtp.h"

enum {
    WEBRTC_PACKET_SIZE_MAX = 1500,
    WEBRTC_SCRATCH_SIZE = UDP_RUN_SIZE_MAX + WEBRTC_PACKET_SIZE_MAX
};

struct webrtc_scratch {
    uint8_t bytes[WEBRTC_SCRATCH_SIZE];
};

/* Everything that may leave now: what was offered and what is to be sent again. What a full socket
 * does not take is left to the sender for later. Returns the bytes sent, or -EIO when libcrypto
 * failed. */
int webrtc_run_send(struct rtp_sender *sender, struct srtp_sender *srtp,
                    const struct udp_path *path, struct webrtc_scratch *scratch, int64_t now_ns);

#endif
