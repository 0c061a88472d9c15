/*
 * An outlet: where a viewer's bytes go without end, whatever carries them (an HTTP answer, a
 * WebSocket, a bare TCP connection).
 *
 * What is sent while something is still waiting queues behind it; a viewer's pump sends the next
 * chunk only when the outlet is idle, so that late frames are dropped in the ring and not in a
 * socket's buffer (TCP_NOTSENT_LOWAT is set small).
 *
 * Ownership: embedded in the connection that it belongs to. Sending takes references of what is
 *            left.
 * Thread:    loop only. Callbacks come from the loop, never from within a call.
 * Errors:    -EPIPE: on_close will come, or has; -ENOBUFS: too much waits already, nothing was
 * taken (a whole frame or none).
 */
#ifndef AVOCET_NET_OUTLET_H
#define AVOCET_NET_OUTLET_H

#include "base/buf.h"

struct outlet;

struct outlet_ops {
    /* What waited was handed to the kernel. Not called for a send that was taken at once. */
    void (*on_idle)(struct outlet *o, void *arg);
    /* The peer is gone or stalled; o is invalid after. */
    void (*on_close)(struct outlet *o, void *arg);
    /* WebSocket only: a whole text message of the peer; may be NULL. */
    void (*on_text)(struct outlet *o, struct bytes text, void *arg);
};

/* What carries the bytes. */
struct outlet_type {
    int (*send)(struct outlet *o, struct buf *const *bufs, size_t n_bufs);
    bool (*is_idle)(const struct outlet *o);
    /* See outlet_backlog_ns; may be absent. */
    int64_t (*backlog_ns)(struct outlet *o);
    void (*close)(struct outlet *o, int code, const char *reason);
};

struct outlet {
    const struct outlet_type *type;
    const struct outlet_ops *ops; /* NULL: nobody is told any more */
    void *arg;
};

/* Tries to write at once. */
static inline int outlet_send(struct outlet *o, struct buf *b)
{
    return o->type->send(o, &b, 1);
}

/* As one call: header and body in one writev. Either may be NULL. */
static inline int outlet_send_pair(struct outlet *o, struct buf *first, struct buf *second)
{
    struct buf *const bufs[] = {first, second};
    return o->type->send(o, bufs, 2);
}

static inline bool outlet_is_idle(const struct outlet *o)
{
    return o->type->is_idle(o);
}

/* About how long a chunk sent now would wait behind what the kernel and the path hold; 0 for a peer
 * that keeps up. */
static inline int64_t outlet_backlog_ns(struct outlet *o)
{
    return o->type->backlog_ns ? o->type->backlog_ns(o) : 0;
}

/* Ends it after what waits (WebSocket: with a close frame, code 0 is 1000; reason may be NULL);
 * on_close is not called, o is invalid after it. Safe in its own callbacks. */
static inline void outlet_close(struct outlet *o, int code, const char *reason)
{
    o->type->close(o, code, reason);
}

#endif
