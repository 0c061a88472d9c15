/*
 * A TCP socket that accepts.
 *
 * Without descriptors or memory for another connection it pauses for LISTENER_PAUSE_NS and tries
 * again: who waits is served when something is free. It is said once for all listeners of an owner,
 * and again only when there was enough for LISTENER_CALM_NS.
 *
 * Ownership: embedded in its owner, which must not move; log and shortage are borrowed; accepted
 *            descriptors are the callback's (non-blocking, close-on-exec).
 * Thread:    loop only.
 * Errors:    -errno of socket, bind and listen.
 */
#ifndef AVOCET_NET_LISTENER_H
#define AVOCET_NET_LISTENER_H

#include "base/log.h"
#include "net/address.h"
#include "net/loop.h"

enum { LISTENER_BACKLOG = 1024, LISTENER_BURST = 64 /* accepted in one turn of the loop */ };
#define LISTENER_PAUSE_NS (100 * NS_PER_MS)
#define LISTENER_CALM_NS  (10 * NS_PER_S)

/* What all listeners of one owner lack. */
struct listener_shortage {
    int64_t last_ns; /* monotonic; 0: never */
    unsigned n_said;
};

struct listener {
    struct loop_watch watch; /* fd -1: closed */
    struct loop_timer pause;
    struct address address; /* bound: with the real port */
    const struct log *log;
    struct listener_shortage *shortage;
    void (*on_accept)(struct listener *l, int fd, const struct address *peer);
    void *arg;
};

/* IPv6 sockets are IPv6 only. */
int listener_open(struct listener *l, struct loop *loop, const struct address *address,
                  const struct log *log, struct listener_shortage *shortage,
                  void (*on_accept)(struct listener *l, int fd, const struct address *peer),
                  void *arg);
/* Idempotent, once opened. */
void listener_close(struct listener *l);

#endif
