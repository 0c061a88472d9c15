/*
 * Who fills a stream: a pipeline (camera), later a publisher or the relay link.
 *
 * The stream calls these on the loop thread and they never block: they post to the producer's own
 * mailbox. What comes back goes through stream_publish() and its neighbours (stream.h), from any
 * thread.
 */
#ifndef AVOCET_STREAM_PRODUCER_H
#define AVOCET_STREAM_PRODUCER_H

#include "media/wish.h"

struct producer;

struct producer_type {
    const char *name;
    /*
     * These encodings are wanted from now on; 0: stop. Starting and stopping are asynchronous: the
     * state arrives by stream_set_state(). A start while stopping is remembered.
     */
    void (*demand)(struct producer *p, encoding_set wanted);
    void (*wish)(struct producer *p, const struct wish *wish);
    /* Of this encoding, as far as known now: set of enum producer_can. */
    unsigned (*can)(const struct producer *p, enum encoding_id encoding);
    /* A few times a second, so that it can see whether its own thread still goes on. May be absent.
     */
    void (*check)(struct producer *p, int64_t now_ns);
    /* Begins to stop: destroy() will follow. May be absent. So several stop at the same time. */
    void (*quit)(struct producer *p);
    /* Stops, waits for its thread and frees; only when the loop ends or the stream is removed. */
    void (*destroy)(struct producer *p);
};

/* First member of every producer. */
struct producer {
    const struct producer_type *type;
};

#endif
