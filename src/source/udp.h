/*
 * MPEG-TS in datagrams, udp://ADDRESS:PORT: what VLC, ffmpeg and encoders send, to an address of
 * this machine or to a multicast group, which is joined while somebody watches.
 *
 * Thread: the pipeline's.
 */
#ifndef AVOCET_SOURCE_UDP_H
#define AVOCET_SOURCE_UDP_H

#include "source/source.h"

extern const struct source_type source_udp;

#endif
