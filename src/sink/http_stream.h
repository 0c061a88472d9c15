/* Endless HTTP answers: /NAME/stream.mp4, stream.h264, stream.ts, stream.mjpg. */
#ifndef AVOCET_SINK_HTTP_STREAM_H
#define AVOCET_SINK_HTTP_STREAM_H

#include "sink/sink.h"

extern const struct sink_type sink_http_stream;

#endif
