/*
 * An outlet over a bare TCP connection: for protocols that are nothing but bytes, such as raw H.264
 * to players that open tcp://HOST:PORT.
 *
 * What the peer says is read and thrown away. A peer that takes nothing for TCP_OUTLET_STALL_NS
 * while something waits is given up, one that ended its half when nothing was sent to it between
 * two looks, and one that is gone when keepalive probes or a write tell.
 *
 * Ownership: embedded in the viewer, whose it stays: outlet_close() and on_close let go of the
 *            descriptor, the viewer may be freed after them. Takes over fd.
 * Thread:    loop only.
 */
#ifndef AVOCET_NET_TCP_OUTLET_H
#define AVOCET_NET_TCP_OUTLET_H

#include "net/connection.h"
#include "net/outlet.h"

#define TCP_OUTLET_STALL_NS (30 * NS_PER_S)

struct tcp_outlet {
    struct outlet outlet;
    struct connection connection;
    struct loop_timer check;
    uint64_t checked_bytes; /* sent at the last look */
    bool has_ended;         /* the peer's half */
};

void tcp_outlet_open(struct tcp_outlet *t, struct loop *loop, int fd, const struct address *peer,
                     const struct outlet_ops *ops, void *arg);

#endif
