/*
 * Multicast: one sender for all players that chose it, for each stream, track and address of ours.
 *
 * It sends while somebody plays. The group's address is of the range that stays within a site
 * (239.255.0.0/16), chosen by chance, as is its port; its reach is what its first member asked for,
 * at most RTSP_TTL_MAX hops.
 *
 * Ownership: the server's; a group lives while it has members.
 * Thread:    loop only.
 * Errors:    -EAFNOSUPPORT IPv6, -EMFILE RTSP_GROUPS_MAX groups are open, -ENOMEM, -errno.
 * Spec:      RFC 2326 §12.39; RFC 2365 §6.1.
 */
#ifndef AVOCET_SINK_RTSP_GROUP_H
#define AVOCET_SINK_RTSP_GROUP_H

#include "sink/rtsp_server.h"
#include "sink/rtsp_udp.h"

enum { RTSP_GROUPS_MAX = 64, RTSP_TTL_DEFAULT = 1, RTSP_TTL_MAX = 32 };

struct rtsp_group {
    struct list link; /* rtsp_server::groups */
    struct rtsp_server *server;
    char stream[RTSP_NAME_SIZE]; /* its name: it may go while members pause */
    struct endpoint local;
    struct rtsp_flow flow;
    struct rtsp_udp udp;
    struct udp_socket rtp;
    struct udp_socket rtcp;
    uint8_t ttl;
    unsigned n_members;
    unsigned n_playing;
};

/* Another member. local: the address of ours that it reached; ttl 0: not said. */
int rtsp_group_join(struct rtsp_server *server, const char *stream, const struct rtsp_track *track,
                    const struct endpoint *local, uint8_t ttl, struct rtsp_group **out);
void rtsp_group_leave(struct rtsp_group *g);
/* As rtsp_flow_start. Who comes later makes a keyframe be wished for. */
int rtsp_group_play(struct rtsp_group *g, struct stream *s, enum stream_mode mode);
void rtsp_group_pause(struct rtsp_group *g);
void rtsp_group_write_transport(const struct rtsp_group *g, struct text *out);

#endif
