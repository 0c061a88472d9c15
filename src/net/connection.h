/*
 * One TCP connection: owns its descriptor from accept to close, reads on demand, and sends shared
 * buffers at once, queueing what the kernel does not take.
 *
 * Sending on an empty queue is one system call, without allocation and without touching the loop.
 * What is sent together is queued together or not at all, so that frames stay whole.
 *
 * A stream's peer that was slow lately is ready for more only when the kernel has little left to
 * send; so what goes out next is chosen then, and not while the last frame still waits.
 *
 * A transport moves the bytes; the plain one is the socket, TLS will be another.
 *
 * Ownership: embedded in its owner; takes over fd. The queue holds references.
 * Thread:    loop only. Callbacks come from the loop, never from within a call.
 * Errors:    -EPIPE the connection is broken (on_broken comes), -ENOBUFS the queue is full.
 */
#ifndef AVOCET_NET_CONNECTION_H
#define AVOCET_NET_CONNECTION_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "net/address.h"
#include "net/loop.h"

enum {
    CONNECTION_QUEUE_MAX = 32, /* buffers */
    /* Bytes that the kernel may hold unsent: enough to fill a round trip's gap between two turns of
     * the loop, small enough that a frame too late is still ours to drop. */
    CONNECTION_NOTSENT_LOWAT_BYTES = 16 * 1024,
    CONNECTION_NOTSENT_SLOW_BYTES = 4 * 1024, /* the same to a slow peer */
};
#define CONNECTION_SLOW_NS         (5 * NS_PER_S)   /* for so long after something had to wait */
#define CONNECTION_SLOW_BACKLOG_NS (50 * NS_PER_MS) /* or so much was still to be delivered */

struct connection;

struct connection_transport {
    /* > 0, 0 at the end, -EAGAIN, -errno */
    ssize_t (*read)(struct connection *c, void *out, size_t size);
    ssize_t (*write)(struct connection *c, const struct iovec *parts, size_t n_parts);
    /* The peer sees the end after what was written. */
    void (*end)(struct connection *c);
    void (*finish)(struct connection *c);
};

struct connection_ops {
    void (*on_input)(struct connection *c);   /* connection_read() has something */
    void (*on_drained)(struct connection *c); /* it became ready, or connection_wake() */
    void (*on_broken)(struct connection *c);  /* the peer is gone; close it */
};

struct connection {
    struct loop_watch watch;
    const struct connection_ops *ops;
    const struct connection_transport *transport;
    struct address peer;
    struct buf *queue[CONNECTION_QUEUE_MAX]; /* a ring */
    uint16_t first;
    uint16_t n_queued;
    size_t first_sent_bytes; /* of the first buffer */
    size_t queued_bytes;
    uint64_t bytes_sent;
    int64_t progress_ns; /* when something was last sent while something waited */
    int64_t slow_ns;     /* when something had to wait; TIME_NONE: never */
    bool is_stream;
    bool is_full; /* all is in the kernel, which has enough */
    bool is_reading;
    bool is_broken;
    bool wakes; /* on_drained is asked for */
};

void connection_init(struct connection *c, struct loop *loop, int fd, const struct address *peer,
                     const struct connection_ops *ops);
/* Closes the descriptor and drops the queue; idempotent. */
void connection_close(struct connection *c);
/* For endless answers: a small kernel queue, and probes that find dead peers. */
void connection_tune_for_stream(struct connection *c);

int connection_set_reading(struct connection *c, bool is_reading);
ssize_t connection_read(struct connection *c, void *out, size_t size);
/* Takes references of what it keeps. n at most 4. */
int connection_send(struct connection *c, struct buf *const *bufs, size_t n);
/* on_drained will be called from the loop (when it is ready, soon). */
void connection_wake(struct connection *c);
/* How long what the kernel holds still keeps a stream's slow peer busy; 0 for others. */
int64_t connection_backlog_ns(struct connection *c);
/* Give it up: on_broken will be called from the loop. */
void connection_break(struct connection *c);
void connection_end_output(struct connection *c);
int connection_local(const struct connection *c, struct address *out);

static inline bool connection_is_drained(const struct connection *c)
{
    return c->n_queued == 0;
}

/* And more may be given. */
static inline bool connection_is_ready(const struct connection *c)
{
    return c->n_queued == 0 && !c->is_full;
}

#endif
