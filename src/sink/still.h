/*
 * One picture of a stream as an HTTP answer: shared by the sinks that serve one.
 *
 * ?max_age=1s: how old it may be. ?width=320: narrower, the aspect kept, never enlarged. Wakes the
 * stream and waits at most STILL_PATIENCE_NS, else 503 with Retry-After.
 *
 * Ownership: a request frees itself; stills_close() ends all.
 * Thread:    loop only; scaling runs on a worker.
 */
#ifndef AVOCET_SINK_STILL_H
#define AVOCET_SINK_STILL_H

#include "sink/sink.h"

#define STILL_PATIENCE_NS (5 * NS_PER_S)

enum { STILL_WIDTH_MIN = 16, STILL_WIDTH_MAX = 4096, STILL_QUALITY = 85 };

/* stills: list head, still::link. Answers x in every case. */
void still_start(struct sink *sink, struct list *stills, struct http_exchange *x, struct stream *s);
void stills_close(struct list *stills);

#endif
