/*
 * RTSP 1.0: rtsp://HOST:8554/NAME for players, recorders and NVRs, over TCP (interleaved) or UDP.
 *
 * Everything that a player can make grow has a limit here; times can be shortened by tests.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_SINK_RTSP_H
#define AVOCET_SINK_RTSP_H

#include "sink/sink.h"

extern const struct sink_type sink_rtsp;

struct rtsp_limits {
    unsigned n_connections; /* more hear 503 */
    unsigned n_per_address; /* the same, from one address */
    int64_t request_ns;     /* for a request to come in whole */
    int64_t silence_ns;     /* without a sign of life: no request, no receiver report */
    int64_t stall_ns;       /* nothing of what waits is taken */
    int64_t track_wait_ns;  /* DESCRIBE: until the source says what it is, else 503 */
    int64_t play_wait_ns;   /* PLAY is answered without RTP-Info when no frame has come */
    int64_t check_ns;       /* how often the above is looked at */
};

/* Of a sink that is open. */
struct rtsp_limits *rtsp_limits(void *state);

#endif
