/*
 * H.264 or MPEG-TS in RTP, rtp://ADDRESS:PORT?sdp=FILE: what GStreamer's rtph264pay ! udpsink,
 * ffmpeg -f rtp and hardware encoders send, to an address of this machine or a multicast group.
 *
 * What is missing cannot be asked for: a hole is waited for (proto/rtp_order.h), then the pictures
 * up to the next keyframe are left out. A picture is given out at its last packet, the marker's.
 *
 * Thread: the pipeline's.
 * Spec:   RFC 3550; RFC 6184 packetization modes 0 and 1; RFC 2250 §2 (MPEG-TS).
 */
#ifndef AVOCET_SOURCE_RTP_H
#define AVOCET_SOURCE_RTP_H

#include "source/source.h"

extern const struct source_type source_rtp;

#endif
