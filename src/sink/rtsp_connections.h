/*
 * All connections of the RTSP server: what has to look through them.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_SINK_RTSP_CONNECTIONS_H
#define AVOCET_SINK_RTSP_CONNECTIONS_H

#include "net/udp.h"
#include "sink/rtsp_group.h"
#include "sink/rtsp_server.h"

/* From this address, any port. */
unsigned rtsp_connections_count(const struct rtsp_server *server, const struct address *peer);
/* Those that gave no sign of life, or took nothing, for too long are let go. */
void rtsp_connections_check(struct rtsp_server *server);
/* The stream of these members is gone. */
void rtsp_connections_end_group(struct rtsp_server *server, const struct rtsp_group *g,
                                const char *why);
/* RTCP came to one of our ports: a sign of life of the player whose it is. */
void rtsp_connections_receive(struct rtsp_server *server, const struct udp_path *from,
                              struct bytes rtcp);

#endif
