/*
 * Sends datagrams to one place, HOST:PORT, unicast or multicast, and to the port above it.
 *
 * The host's name is resolved by a thread (resolver.h); until it is known nothing is sent, and what
 * fails is tried again, later each time, for ever. What goes wrong is said once, and once that it
 * is over.
 *
 * Order of calls: open; on_open() once, from the loop; send; close (copes with a zeroed struct).
 *
 * Ownership: embedded in its owner; texts of the config are borrowed until close.
 * Thread:    loop only.
 * Errors:    of open: -EINVAL with a sentence: what, where, what to do. Of send: -EAGAIN the
 *            socket's buffer is full; everything else is lost on the way and no error of ours.
 */
#ifndef AVOCET_NET_UDP_SENDER_H
#define AVOCET_NET_UDP_SENDER_H

#include "base/bytes.h"
#include "base/log.h"
#include "net/address.h"
#include "net/resolver.h"

#define UDP_SENDER_RETRY_MIN_NS NS_PER_S
#define UDP_SENDER_RETRY_MAX_NS (30 * NS_PER_S)

enum { UDP_SENDER_HOST_SIZE = RESOLVER_HOST_SIZE, UDP_SENDER_SENTENCE_SIZE = 200 };

struct udp_sender;

struct udp_sender_config {
    const char *location;  /* "HOST:PORT", IPv6 in brackets */
    const char *interface; /* of multicast: "eth0"; NULL: as the routes say */
    int ttl;               /* hops; 0: 1 for multicast, else the system's */
    bool is_looped;        /* this machine may hear its own multicast */
    bool has_upper;        /* the port above is sent to, too */
    const struct log *log;
    void (*on_open)(struct udp_sender *s);
};

struct udp_sender {
    const struct udp_sender_config *config; /* NULL: closed */
    struct udp_sender_config given;
    struct loop *loop;
    char host[UDP_SENDER_HOST_SIZE];
    uint16_t port;
    struct address to;         /* once it is open */
    int fds[2];                /* the port, and the one above; -1 none */
    struct resolver *resolver; /* NULL: nothing is being looked up */
    struct loop_timer retry;
    int64_t retry_ns;                       /* 0: nothing failed */
    char failure[UDP_SENDER_SENTENCE_SIZE]; /* said last; "" none */
};

/* "HOST:PORT", nothing else, as far as can be told without looking it up. */
bool udp_sender_is_place(const char *location);
int udp_sender_open(struct udp_sender *s, struct loop *loop, const struct udp_sender_config *config,
                    char *sentence, size_t size);
void udp_sender_close(struct udp_sender *s);
bool udp_sender_is_open(const struct udp_sender *s);
int udp_sender_send(struct udp_sender *s, struct bytes datagram);
int udp_sender_send_upper(struct udp_sender *s, struct bytes datagram);

/* Hops that are set for multicast. */
int udp_sender_ttl(const struct udp_sender *s);
/* Of this machine, as s->to sees it; false: unknown. */
bool udp_sender_local(const struct udp_sender *s, struct address *out);

#endif
