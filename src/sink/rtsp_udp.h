/*
 * A track as datagrams to one place, with sequence numbers and an SSRC of its own.
 *
 * Frames leave in runs (UDP GSO) whose pieces are the shared payloads and this sender's headers; a
 * keyframe's burst is paced. Nothing comes back but receiver reports: one that tells of more loss
 * than RTSP_LOSS_HIGH leaves only keyframes to this place, until one tells of less than
 * RTSP_LOSS_LOW.
 *
 * Ownership: the caller's; paths refer to sockets that outlive it.
 * Thread:    loop only.
 */
#ifndef AVOCET_SINK_RTSP_UDP_H
#define AVOCET_SINK_RTSP_UDP_H

#include "net/udp.h"
#include "proto/rtp_pacer.h"
#include "sink/rtsp_flow.h"

/* Of 256, as reports say it: 10 % and 2 %. */
enum { RTSP_LOSS_HIGH = 26, RTSP_LOSS_LOW = 5 };
/* How fast a burst leaves: this, or so many times the stream's bitrate. */
#define RTSP_UDP_RATE_BPS (16 * INT64_C(1000000))
enum { RTSP_UDP_RATE_TIMES = 4 };

struct rtsp_udp {
    struct rtsp_flow *flow;
    struct udp_path rtp;
    struct udp_path rtcp;
    uint32_t ssrc;
    uint16_t sequence;
    struct rtp_pacer pacer;
    struct loop_timer timer;
    struct buf *frame; /* being sent; NULL: idle */
    uint32_t n_sent;   /* of its payloads */
    bool is_thinned;
};

extern const struct rtsp_flow_type rtsp_flow_udp;

/* flow: its type is rtsp_flow_udp, its carrier this. -EIO without random numbers. */
int rtsp_udp_init(struct rtsp_udp *u, struct rtsp_flow *flow, struct loop *loop,
                  const struct udp_path *rtp, const struct udp_path *rtcp);
void rtsp_udp_finish(struct rtsp_udp *u);
/* RTCP that came from the place itself. */
void rtsp_udp_receive(struct rtsp_udp *u, struct bytes rtcp);

#endif
