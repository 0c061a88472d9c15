/*
 * A viewer of an endless HTTP answer, whatever its format: shared by the sinks that serve one.
 *
 * The answer begins with the first chunk, so that what cannot be had is a 503 with its reason and
 * not an empty stream. Nothing within BYTE_VIEWER_PATIENCE_NS is a 503 too. HEAD wakes nothing.
 *
 * Ownership: a viewer frees itself when its peer or its stream goes; byte_viewers_close() ends all.
 * Thread:    loop only.
 */
#ifndef AVOCET_SINK_BYTE_VIEWER_H
#define AVOCET_SINK_BYTE_VIEWER_H

#include "sink/sink.h"

#define BYTE_VIEWER_PATIENCE_NS (10 * NS_PER_S)

/* What a request asks for. */
struct byte_format {
    enum encoding_id encoding;
    const struct mux_type *mux;
};

/* viewers: list head, byte_viewer::link. Answers x in every case. */
void byte_viewer_start(struct sink *sink, struct list *viewers, struct http_exchange *x,
                       struct stream *s, const struct byte_format *format);
void byte_viewers_close(struct list *viewers);

#endif
