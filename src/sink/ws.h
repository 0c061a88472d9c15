/* H.264 over a WebSocket: /NAME/ws?format=mp4 (MSE), h264 (WebCodecs), meta (times only). */
#ifndef AVOCET_SINK_WS_H
#define AVOCET_SINK_WS_H

#include "sink/sink.h"

extern const struct sink_type sink_ws;

#endif
