/*
 * The listeners of one server: one socket per address that it listens on.
 *
 * Port 0 is any free one; addresses behind the first take the same port then. IPv6 beside the same
 * IPv4 (::1 beside 127.0.0.1, :: beside 0.0.0.0) is best effort: a machine without it does without.
 *
 * Ownership: embedded in its owner, which must not move; accepted descriptors are the callback's.
 * Thread:    loop only.
 * Errors:    -errno with a sentence: what, where, what to do. Nothing is open then.
 */
#ifndef AVOCET_NET_LISTENER_GROUP_H
#define AVOCET_NET_LISTENER_GROUP_H

#include "net/listener.h"

enum { LISTENER_GROUP_MAX = 32 };

struct listener_group {
    struct listener listeners[LISTENER_GROUP_MAX];
    unsigned n_listeners;
    struct listener_shortage shortage;
    char address[ADDRESS_TEXT_SIZE]; /* the first one's, with its real port */
};

struct listener_group_config {
    const char *const *addresses; /* "127.0.0.1:8554", NULL-terminated */
    const char *scheme;           /* "http", for sentences */
    const char *setting;          /* "--http": where another port is chosen */
    const struct log *log;
    void (*on_accept)(struct listener *l, int fd, const struct address *peer);
    void *arg; /* listener::arg */
};

/* g is zeroed. */
int listener_group_open(struct listener_group *g, struct loop *loop,
                        const struct listener_group_config *config, char *sentence, size_t size);
/* Idempotent; the address stays known. */
void listener_group_close(struct listener_group *g);
/* The first address, or NULL when it never listened. */
const char *listener_group_address(const struct listener_group *g);

#endif
