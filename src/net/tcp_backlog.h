/*
 * How much a TCP socket has still to deliver, in time.
 *
 * Units:  nanoseconds: the bytes given to the kernel and not acknowledged yet, at the rate at which
 *         the peer received lately, less the shortest round trip seen; so 0 on a free path, however
 *         long, and what the path's queue and the kernel's hold on a full one.
 * Thread: any.
 * Errors: 0 when the kernel does not tell.
 */
#ifndef AVOCET_NET_TCP_BACKLOG_H
#define AVOCET_NET_TCP_BACKLOG_H

#include <stdint.h>

/* More is not believed: it would come of a moment without acknowledgements. */
#define TCP_BACKLOG_MAX_NS (10 * INT64_C(1000000000))

/* rate in bytes per second; 0: unknown. */
int64_t tcp_backlog_estimate_ns(int64_t n_bytes, int64_t rate, int64_t round_trip_ns);
int64_t tcp_backlog_ns(int fd);

#endif
