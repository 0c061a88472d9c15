/*
 * mjpg-streamer's addresses: /?action=stream and /?action=snapshot, for the first stream or
 * &stream=NAME. The page owns the route / and hands such requests on.
 */
#ifndef AVOCET_SINK_MJPG_STREAMER_H
#define AVOCET_SINK_MJPG_STREAMER_H

#include "sink/sink.h"

extern const struct sink_type sink_mjpg_streamer;

/* state: the sink's. Answers x. */
void mjpg_streamer_handle(struct http_exchange *x, void *state);

#endif
