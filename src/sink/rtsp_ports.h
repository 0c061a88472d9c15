/*
 * Pairs of UDP ports that media is sent from and receiver reports come to: one pair for each of our
 * addresses that players reached, shared by all of them, opened when first needed.
 *
 * The RTP port is even, the RTCP port the next one (RFC 3550 §11); both are free ones.
 *
 * What comes is heeded only from where a player said at SETUP that it would send from.
 *
 * Ownership: the server's, until rtsp_ports_close().
 * Thread:    loop only.
 * Errors:    -EADDRINUSE no free pair was found, -EMFILE RTSP_PORTS_MAX pairs are open, -errno.
 */
#ifndef AVOCET_SINK_RTSP_PORTS_H
#define AVOCET_SINK_RTSP_PORTS_H

#include "net/udp.h"
#include "sink/rtsp_server.h"

enum { RTSP_PORTS_MAX = 32, RTSP_PORTS_TRIES = 64 };

struct rtsp_ports {
    struct list link; /* rtsp_server::ports */
    struct rtsp_server *server;
    struct udp_socket rtp;
    struct udp_socket rtcp;
    struct loop_watch rtp_watch;
    struct loop_watch rtcp_watch;
};

/* Of that address; its port does not matter. */
int rtsp_ports_get(struct rtsp_server *s, const struct endpoint *local, struct rtsp_ports **out);
void rtsp_ports_close(struct rtsp_server *s);
/* Two sockets with an even port and the next one. */
int rtsp_ports_open_pair(const struct endpoint *local, struct udp_socket *rtp,
                         struct udp_socket *rtcp);

#endif
