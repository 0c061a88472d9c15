/*
 * What the connections of the RTSP server share. Used by rtsp.c and rtsp_*.c.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_SINK_RTSP_SERVER_H
#define AVOCET_SINK_RTSP_SERVER_H

#include "net/listener_group.h"
#include "proto/rtsp_dialogue.h"
#include "sink/rtsp.h"

struct udp_batch;

struct rtsp_server {
    struct sink sink; /* first */
    struct rtsp_limits limits;
    struct listener_group listeners;
    struct rtsp_asks asks;
    struct list connections; /* rtsp_connection::link */
    unsigned n_connections;
    bool was_limit_said;
    struct loop_timer check; /* while there are connections */
    struct list ports;       /* rtsp_ports::link */
    unsigned n_ports;
    struct udp_batch *batch; /* of all ports; NULL before the first */
    struct list groups;      /* rtsp_group::link */
    unsigned n_groups;
    uint64_t sdp_id; /* o= of every description */
};

#endif
