/*
 * A pump moves chunks from a reader to an outlet: the next one only when the outlet is idle, so
 * that what is late is dropped in the ring and not in a socket's buffer.
 *
 * Ownership: embedded in the viewer. pump_close() may be called in any of its callbacks.
 * Thread:    loop only.
 */
#ifndef AVOCET_SINK_PUMP_H
#define AVOCET_SINK_PUMP_H

#include "net/http.h"
#include "stream/reader.h"

struct pump;

struct pump_ops {
    /* There is something to read, but no outlet: attach one now; false: the pump is gone. May be
     * NULL when the outlet is attached from the beginning. */
    bool (*on_first)(struct pump *p);
    /* Before a chunk goes out; may be NULL. */
    void (*on_chunk)(struct pump *p, const struct chunk *chunk);
    /* The reader ended, see reader_ops. The pump is closed already. */
    void (*on_end)(struct pump *p, const char *why);
    void (*on_state)(struct pump *p, enum stream_state state); /* may be NULL */
};

struct pump {
    struct reader reader;
    struct loop *loop;
    struct outlet *outlet; /* NULL until pump_attach() */
    const struct pump_ops *ops;
    bool stands_alone;        /* each frame is a keyframe: see pump_run */
    struct packet *in_flight; /* handed to the outlet, not yet wholly to the kernel */
    size_t in_flight_bytes;
    bool is_open;
};

/* As reader_open. Nothing is sent before pump_attach(). */
int pump_open(struct pump *p, struct loop *loop, struct stream *s, enum encoding_id encoding,
              const struct mux_type *mux, enum stream_mode mode, const char *protocol,
              const struct pump_ops *ops);
void pump_close(struct pump *p);
/* From now on chunks go to this outlet; its owner passes on_idle to pump_run(). */
void pump_attach(struct pump *p, struct outlet *outlet);
/*
 * Send what there is while the outlet is idle.
 *
 * Frames that stand alone: when the outlet was the bottleneck and more than two wait, only the
 * newest is sent, because the viewer would see them one after the other, each later than need be;
 * in smooth mode, and when they came in a burst from the source, all go.
 */
void pump_run(struct pump *p);

#endif
