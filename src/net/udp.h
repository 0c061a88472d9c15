/*
 * A UDP socket for many peers: datagrams come in by batches and go out by runs, many datagrams of
 * one size to one peer in one system call (UDP GSO), or by sendmmsg() where the kernel or the
 * network card refuses that.
 *
 * The fallback is found out once for each socket and kept: GSO is tried when the kernel knows it,
 * and a run that is refused (EIO, EINVAL) is sent again datagram by datagram. Datagrams may be
 * fragmented on the way and path MTU messages are ignored, so that nobody can talk us out of GSO.
 *
 * A socket that listens on all addresses remembers in each path which of ours was reached, and
 * answers from there.
 *
 * Units:     sizes in bytes, of the datagram's payload.
 * Ownership: a path refers to its socket; received bytes belong to the batch until its next use.
 * Thread:    one.
 * Errors:    -EAGAIN the socket's buffer is full and nothing was sent; -ENOBUFS it was perhaps lost
 *            in the card's queue; -errno of the system calls.
 */
#ifndef AVOCET_NET_UDP_H
#define AVOCET_NET_UDP_H

#include "proto/endpoint.h"

enum {
    UDP_BATCH = 32,
    UDP_RECEIVE_SIZE_MAX = 2048, /* longer datagrams are dropped */
    UDP_RUN_DATAGRAMS_MAX = 64,  /* the kernel's UDP_MAX_SEGMENTS */
    UDP_RUN_SIZE_MAX = 65000,
    UDP_BUFFER_SIZE = 4 * 1024 * 1024, /* asked for, in both directions */
};

struct udp_stats {
    uint64_t n_sent; /* datagrams */
    uint64_t n_bytes_sent;
    uint64_t n_sends;  /* system calls */
    uint64_t n_full;   /* datagrams not sent because a buffer was full */
    uint64_t n_failed; /* datagrams lost by another error */
    uint64_t n_received;
    uint64_t n_truncated; /* received, too long, dropped */
};

struct udp_socket {
    int fd;                  /* non-blocking; -1 closed */
    struct endpoint address; /* bound */
    bool is_wildcard;
    bool is_inside; /* only this machine can reach it */
    bool has_gso;   /* clear it to force the fallback */
    struct udp_stats stats;
};

/* Where a datagram came from, hence where answers go. */
struct udp_path {
    struct udp_socket *socket;
    struct endpoint remote;
    struct endpoint local; /* version 0: that of the socket */
    uint32_t scope_id;     /* of a link-local IPv6 peer, else 0 */
};

struct udp_datagram {
    uint8_t *data; /* may be changed in place */
    size_t size;
    struct udp_path path;
};

/* About 72 kB; one for any number of sockets. */
struct udp_batch {
    unsigned n_datagrams;
    struct udp_datagram datagrams[UDP_BATCH];
    uint8_t bytes[UDP_BATCH][UDP_RECEIVE_SIZE_MAX];
};

/* Binds to address (port 0: any free one), which may be 0.0.0.0 or ::; IPv6 sockets are IPv6 only.
 */
int udp_open(struct udp_socket *s, const struct endpoint *address);
/* The same for one of this machine's addresses, but only that very address can reach the socket:
 * nobody outside the machine. */
int udp_open_inside(struct udp_socket *s, const struct endpoint *address);
/* What is sent to groups (IPv4) leaves by the interface of the socket's address, reaches so many
 * hops, and this machine too. */
int udp_set_multicast(struct udp_socket *s, uint8_t ttl);
/* Idempotent. */
void udp_close(struct udp_socket *s);

/* Fill the batch with what is there, nothing being no error. True when there may be more. */
bool udp_receive(struct udp_socket *s, struct udp_batch *batch);

int udp_send(const struct udp_path *path, struct bytes datagram);
/* Datagrams of datagram_size bytes lying side by side, the last may be shorter; at most
 * UDP_RUN_DATAGRAMS_MAX and UDP_RUN_SIZE_MAX. Returns how many were sent when at least one was. */
int udp_send_run(const struct udp_path *path, struct bytes datagrams, size_t datagram_size);

/* A datagram that lies in two pieces. */
struct udp_pieces {
    struct bytes head;
    struct bytes body;
};
/* As udp_send_run; each datagram is of the size of the first, the last may be shorter. */
int udp_send_pieces(const struct udp_path *path, const struct udp_pieces *datagrams, unsigned n);

/* Of the datagram's way, not of its content. */
bool udp_path_equal(const struct udp_path *a, const struct udp_path *b);

#endif
