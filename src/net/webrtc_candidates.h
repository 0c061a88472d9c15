/*
 * Which of our addresses an SDP answer advertises.
 *
 * Thread: one.
 */
#ifndef AVOCET_NET_WEBRTC_CANDIDATES_H
#define AVOCET_NET_WEBRTC_CANDIDATES_H

#include "net/address.h"
#include "proto/endpoint.h"

struct webrtc_candidates_config {
    const struct endpoint *advertised; /* port 0: that of the first socket */
    unsigned n_advertised;
    const struct endpoint *sockets; /* bound addresses, 0.0.0.0 and :: for all */
    unsigned n_sockets;
    const struct endpoint *inside; /* bound addresses that only this machine can reach */
    unsigned n_inside;
    const struct address *interfaces; /* of the machine, best first */
    unsigned n_interfaces;
    const struct endpoint *reached; /* the viewer reached us here by HTTP; NULL: unknown */
};

/* Best first; those of loopback only when the viewer came by loopback or there is nothing else,
 * and the inside ones behind them.
 * Returns how many, at most max. */
unsigned webrtc_candidates(const struct webrtc_candidates_config *c, struct endpoint *out,
                           unsigned max);

#endif
