/* /NAME/stream.sdp: how the RTP outputs of a stream are received. */
#ifndef AVOCET_SINK_STREAM_SDP_H
#define AVOCET_SINK_STREAM_SDP_H

#include "sink/sink.h"

extern const struct sink_type sink_stream_sdp;

#endif
