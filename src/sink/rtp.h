/*
 * RTP in datagrams, rtp://HOST:PORT, unicast or multicast: H.264 (RFC 6184) or, with payload=ts,
 * MPEG-TS (RFC 2250), with sender reports to the port above.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_SINK_RTP_H
#define AVOCET_SINK_RTP_H

#include "sink/output.h"

extern const struct output_type output_rtp;

#endif
