/*
 * LL-HLS and DASH: /NAME/index.m3u8, /NAME/manifest.mpd, and the media of both below /NAME/hls/.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_SINK_HLS_H
#define AVOCET_SINK_HLS_H

#include "sink/sink.h"

extern const struct sink_type sink_hls;

#endif
