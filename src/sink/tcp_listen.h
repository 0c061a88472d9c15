/*
 * Raw H.264 over TCP, tcp-listen:[ADDRESS:]PORT: whoever connects gets parameter sets and a
 * keyframe, then every access unit, as `nc HOST PORT | mplayer -`, `ffplay tcp://HOST:PORT` and
 * cv2.VideoCapture expect it.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_SINK_TCP_LISTEN_H
#define AVOCET_SINK_TCP_LISTEN_H

#include "sink/output.h"

enum { TCP_LISTEN_VIEWERS_MAX = 1024 /* of one output; more are closed at once */ };

extern const struct output_type output_tcp_listen;

#endif
