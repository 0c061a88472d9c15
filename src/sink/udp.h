/*
 * MPEG-TS in datagrams of seven packets, udp://HOST:PORT, unicast or multicast: what VLC, ffmpeg,
 * GStreamer's udpsrc and set-top boxes take.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_SINK_UDP_H
#define AVOCET_SINK_UDP_H

#include "sink/output.h"

extern const struct output_type output_udp;

#endif
