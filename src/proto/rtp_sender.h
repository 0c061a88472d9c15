/*
 * The sender of one viewer's video: RTP headers, pacing, retransmissions, reports, and the
 * decision which frames its link can carry.
 *
 *   frame ──rtp_sender_offer──▶ taken, or refused: the viewer skips to the next keyframe
 *   rtp_sender_next ──▶ packets that are to leave now, one after the other
 *   rtp_sender_receive ◀── what the viewer reports (NACK, RR, REMB, PLI, FIR, RRTR)
 *   rtp_sender_report ──▶ SR, SDES, DLRR
 *
 * Taken are frames that leave within the mode's delay at the present send rate; so a viewer on a
 * thin link gets keyframes and what follows them closely, late by less than the delay, and its
 * queue never grows. The keyframes it wishes for are rare in proportion to its rate, because they
 * cost everybody.
 *
 * Units:     bytes are RTP payload with headers; sequence indexes have 48 bits and begin below
 *            32,768, so that a receiver that misses the first packets guesses the rollover right.
 * Ownership: config is copied (mid and cname too). Keeps references of frames for a second.
 * Thread:    one; no clock: now_ns is monotonic, real_now_ns since 1970.
 * Errors:    -EBADMSG malformed RTCP; what came before the fault was heeded.
 * Spec:      RFC 3550 §5.1, §6.4.1; RFC 4585; RFC 4588; RFC 3611 §4.5; playout-delay and
 *            abs-capture-time as documented by WebRTC.
 */
#ifndef AVOCET_PROTO_RTP_SENDER_H
#define AVOCET_PROTO_RTP_SENDER_H

#include "proto/rtcp.h"
#include "proto/rtp.h"
#include "proto/rtp_history.h"
#include "proto/rtp_pacer.h"
#include "proto/rtp_rate.h"

enum {
    RTP_SENDER_CNAME_SIZE = 24,
    RTP_SENDER_REPEATS_MAX = 128,        /* packets waiting to be sent again */
    RTP_SENDER_REPEAT_PERCENT = 20,      /* of what is sent */
    RTP_SENDER_REPEAT_MIN_BYTES = 12000, /* of repeats allowed before anything else */
    RTP_SENDER_REPORTS = 4,              /* sender reports remembered for round trips */
    RTP_SENDER_REPORT_SIZE_MAX = 128,
};
#define RTP_SENDER_REPORT_NS NS_PER_S
/* On a thin link nothing may follow a frame for long, and nobody would miss its last packet. */
#define RTP_SENDER_TAIL_NS    (40 * NS_PER_MS)
#define RTP_SENDER_CAPTURE_NS NS_PER_S /* abs-capture-time at least this often */
/* A viewer on a thin link wishes for a keyframe at most this often, and then in proportion. */
#define RTP_SENDER_WISH_NS NS_PER_S
enum { RTP_SENDER_WISH_SHARE = 3 }; /* times what a keyframe takes at its rate */

struct rtp_sender_config {
    uint32_t ssrc;
    uint32_t rtx_ssrc;
    uint8_t payload_type;
    uint8_t rtx_payload_type;
    bool has_rtx;
    uint16_t first_sequence; /* random; the highest bit is ignored */
    uint16_t rtx_first_sequence;
    struct rtp_extension_ids extensions;
    struct bytes mid;   /* at most RTP_MID_SIZE_MAX */
    struct bytes cname; /* below RTP_SENDER_CNAME_SIZE */
    bool has_playout_delay;
    uint16_t playout_min_ms;
    uint16_t playout_max_ms;
    int64_t delay_ns; /* a frame that would leave later than this is refused */
};

struct rtp_frame {
    struct buf *buf;    /* holds struct rtp_payloads (media/rtp_payloads.h) */
    int64_t capture_ns; /* real; TIME_NONE unknown */
    int64_t arrival_ns; /* monotonic */
    bool is_key;
    bool is_ageless; /* catching up after joining: its age does not count */
};

/* One packet to be protected and sent; valid until the next call. */
struct rtp_outgoing {
    uint64_t index; /* of its own SSRC */
    struct bytes header;
    struct bytes prefix; /* the original sequence number of a repeat, else empty */
    struct bytes payload;
    bool is_repeat;
};

struct rtp_sender_stats {
    uint64_t n_frames;
    uint64_t n_frames_refused;
    uint64_t n_frames_cut; /* given up when half sent */
    uint64_t n_packets;    /* without repeats, as in sender reports */
    uint64_t n_payload_bytes;
    uint64_t n_bytes;
    uint64_t n_repeats;
    uint64_t n_repeat_bytes;
    uint64_t n_missed; /* packets asked for again, each time */
    uint64_t n_keyframe_requests;
    uint32_t n_lost; /* cumulative, by the viewer's last report */
};

struct rtp_sender {
    struct rtp_sender_config config;
    char mid[RTP_MID_SIZE_MAX];
    char cname[RTP_SENDER_CNAME_SIZE];
    struct rtp_sender_stats stats;
    struct rtp_rate rate;
    struct rtp_pacer pacer;
    int64_t looked_ns; /* last at pacing */
    struct rtp_history history;
    uint64_t next_index;
    uint64_t next_rtx_index;

    /* the frame being sent, or sent last */
    struct buf *buf; /* NULL: none, or it was cut */
    uint32_t n_sent;
    int64_t arrival_ns;
    bool is_key;
    bool is_ageless;
    int64_t capture_ns;

    /* header of the packets to come; sequence number and marker are set in each */
    uint8_t header[RTP_HEADER_SIZE_MAX];
    size_t header_size;
    int64_t header_ns; /* made at; TIME_NONE: to be made */
    uint8_t osn[RTP_OSN_SIZE];

    /* packets that leave one behind the other */
    struct rtp_train train;
    bool is_train_alone; /* nothing left shortly before it */
    int64_t train_began_ns;
    uint64_t train_index; /* of its first packet */
    int64_t last_sent_ns;

    /* keyframes */
    int64_t key_sent_ns; /* TIME_NONE: never */
    int64_t key_size_bytes;
    uint64_t key_index; /* of its first packet */
    bool is_broken;     /* something since then is given up: only a keyframe helps */
    bool wants_key;
    int64_t wished_ns; /* TIME_NONE: never */

    /* repeats */
    uint64_t repeats[RTP_SENDER_REPEATS_MAX]; /* indexes, a queue */
    unsigned first_repeat;
    unsigned n_repeats;
    int64_t repeat_bytes_allowed;
    int64_t ended_ns;    /* when the last packet of a frame left */
    uint64_t tail_index; /* the last such packet that was repeated unasked, or is not to be */

    /* reports */
    int64_t capture_stamped_ns; /* TIME_NONE: never */
    int64_t reported_ns;        /* TIME_NONE: never */
    uint32_t last_timestamp;
    int64_t last_capture_ns; /* TIME_NONE unknown */
    int64_t last_arrival_ns;
    struct {
        uint32_t ntp_middle;
        int64_t sent_ns;
        struct rtp_train train;
        bool is_answered;
    } reports[RTP_SENDER_REPORTS];
    unsigned n_reports;
    uint64_t block_index; /* after what the last report block knew of */
    int32_t block_n_lost;
    /* at the last report block whose counts were taken, or the beginning */
    int64_t heard_at_ns;
    int64_t heard_upto_ns; /* when the packet was sent that was its highest */
    uint64_t heard_index;  /* the one after it */
    int32_t heard_n_lost;
    uint32_t rrtr_ssrc;
    uint32_t rrtr_middle; /* 0: none to answer */
    int64_t rrtr_ns;
};

void rtp_sender_init(struct rtp_sender *s, const struct rtp_sender_config *config, int64_t now_ns);
void rtp_sender_finish(struct rtp_sender *s);

/* ---- frames ---- */

/* Nothing is being sent, and the link is believed to be free: the next frame may be offered. */
bool rtp_sender_is_ready(struct rtp_sender *s, int64_t now_ns);
/* Only when ready. False: refused, skip to the next keyframe. */
bool rtp_sender_offer(struct rtp_sender *s, const struct rtp_frame *frame, int64_t now_ns);
/* The next packet that is to leave now; false: none. */
bool rtp_sender_next(struct rtp_sender *s, int64_t now_ns, struct rtp_outgoing *out);
/* The socket was full: the last n packets given out, all of the frame, none a repeat, were not sent
 * and are given out again a pacing step later. */
void rtp_sender_unsend(struct rtp_sender *s, unsigned n, int64_t now_ns);
/* A frame is on its way. It ends by sending all of it, or by being cut: then skip to the next
 * keyframe, which is told once. */
static inline bool rtp_sender_is_sending(const struct rtp_sender *s)
{
    return s->buf != NULL && s->n_sent < rtp_payloads_of(s->buf)->n_payloads;
}
bool rtp_sender_cut_late(struct rtp_sender *s, int64_t now_ns);
/* When rtp_sender_next() or _is_ready() will have another answer, never before now_ns; INT64_MAX: not
 * by themselves. */
int64_t rtp_sender_deadline_ns(struct rtp_sender *s, int64_t now_ns);

/* ---- keyframes ---- */

/* The viewer skipped, or could not decode, and its link can take a keyframe: wish for one now.
 * Told once for each wish. */
bool rtp_sender_take_wish(struct rtp_sender *s, int64_t now_ns);

/* ---- RTCP ---- */

/* *has_left: the viewer said BYE. */
int rtp_sender_receive(struct rtp_sender *s, struct bytes rtcp, int64_t now_ns, bool *has_left);
bool rtp_sender_is_report_due(const struct rtp_sender *s, int64_t now_ns);
/* SR and SDES, and DLRR when asked for; out has RTP_SENDER_REPORT_SIZE_MAX bytes. Size 0: nothing
 * was sent yet. */
size_t rtp_sender_report(struct rtp_sender *s, int64_t now_ns, int64_t real_now_ns, uint8_t *out);
size_t rtp_sender_bye(const struct rtp_sender *s, uint8_t *out);

#endif
