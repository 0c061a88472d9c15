/*
 * One track on its way to one place: a player, or a multicast group. Pumps frames into what carries
 * them and sends a sender report when one is due, whose NTP time is the picture's capture time.
 *
 * Ownership: embedded in its owner, which outlives it.
 * Thread:    loop only. rtsp_flow_stop() may be called in its callbacks.
 * Spec:      RFC 3550 §6.4.1 (SR), §6.5.1 (CNAME).
 */
#ifndef AVOCET_SINK_RTSP_FLOW_H
#define AVOCET_SINK_RTSP_FLOW_H

#include "mux/rtsp_frames.h"
#include "proto/sdp_player.h"
#include "sink/pump.h"
#include "sink/sink.h"

#define RTSP_REPORT_NS (5 * NS_PER_S)

/* What a stream may have; the place in the table is its trackID. */
struct rtsp_track {
    enum encoding_id encoding;
    unsigned payload_type;
    const struct mux_type *frames;   /* interleaved, for TCP */
    const struct mux_type *payloads; /* media/rtp_payloads.h, for UDP */
    enum codec codec;
    void (*describe)(struct text *out, const struct sdp_player_track *t);
};

enum { RTSP_N_TRACKS = 1 };
extern const struct rtsp_track rtsp_tracks[RTSP_N_TRACKS];

struct rtsp_flow;

/* What carries it. */
struct rtsp_flow_type {
    struct outlet_type outlet;
    const struct mux_type *(*mux)(const struct rtsp_track *t);
    /* The numbers of the packets that this chunk is about to be. */
    void (*view)(const struct rtsp_flow *f, const struct chunk *c, struct rtsp_frames *out);
    void (*send_report)(struct rtsp_flow *f, struct bytes rtcp);
    void (*stop)(struct rtsp_flow *f); /* what waits is not to go any more; may be NULL */
};

struct rtsp_flow_ops {
    /* Before the first frame after a start. */
    void (*on_first)(struct rtsp_flow *f, const struct rtsp_frames *frames);
    /* The stream is gone or cannot be had; the flow is stopped already. */
    void (*on_end)(struct rtsp_flow *f, const char *why);
};

struct rtsp_flow {
    struct outlet outlet; /* its ops and arg are not used: the owner runs the pump */
    struct pump pump;
    const struct rtsp_flow_type *type;
    void *carrier; /* the type's */
    const struct rtsp_flow_ops *ops;
    const struct rtsp_track *track;
    bool is_started;
    bool is_announced; /* on_first was called */
    /* since the beginning, also through pauses */
    uint32_t ssrc; /* of the last packet */
    uint32_t n_packets;
    uint32_t n_payload_bytes;
    int64_t report_ns; /* when the next one is due */
};

void rtsp_flow_init(struct rtsp_flow *f, const struct rtsp_flow_type *type, void *carrier,
                    const struct rtsp_track *track, const struct rtsp_flow_ops *ops);
/* As pump_open. */
int rtsp_flow_start(struct rtsp_flow *f, const struct sink *sink, struct stream *s,
                    enum stream_mode mode);
/* Idempotent; it can be started again. */
void rtsp_flow_stop(struct rtsp_flow *f);
/* What carries it is idle again. */
void rtsp_flow_run(struct rtsp_flow *f);
/* Goodbye, if it ever sent something. */
void rtsp_flow_send_bye(struct rtsp_flow *f);

static inline struct rtsp_flow *rtsp_flow_of(struct outlet *o)
{
    return list_entry(o, struct rtsp_flow, outlet);
}

#endif
