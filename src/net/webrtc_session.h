/*
 * The inside of a WebRTC session, for net/webrtc*.c only: ICE, DTLS, SRTP and the sender of one
 * viewer.
 *
 *   NEW ──check──▶ CHECKED ──ClientHello──▶ HANDSHAKING ──keys──▶ CONNECTED ──▶ ENDED
 *
 * An ended session is unlinked at once and freed a turn of the loop later, so that whoever walks
 * the lists, or stands in its callback, may go on.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_NET_WEBRTC_SESSION_H
#define AVOCET_NET_WEBRTC_SESSION_H

#include "base/list.h"
#include "net/webrtc.h"
#include "net/webrtc_candidates.h"
#include "net/webrtc_profiles.h"
#include "net/webrtc_run.h"
#include "net/webrtc_table.h"
#include "proto/dtls.h"

enum { WEBRTC_PASSWORD_SIZE = 24, WEBRTC_REMOTE_UFRAG_MAX = 64 };
/* Round of time-outs, reports and consent. */
#define WEBRTC_ROUND_NS (100 * NS_PER_MS)

enum webrtc_state {
    WEBRTC_NEW,
    WEBRTC_CHECKED,
    WEBRTC_HANDSHAKING,
    WEBRTC_CONNECTED,
    WEBRTC_ENDED,
};

struct webrtc_session {
    struct list link;  /* webrtc::sessions, or ::ended */
    struct list paced; /* webrtc::paced, while due_ns is a time */
    struct webrtc *webrtc;
    const struct webrtc_session_ops *ops;
    void *arg;
    struct log log;
    enum webrtc_state state;
    int64_t created_ns;
    int64_t leaving_ns;         /* BYE; TIME_NONE */
    int64_t heard_ns;           /* last authenticated datagram */
    int64_t longest_silence_ns; /* between two of them, so far */
    unsigned n_heard;

    /* ICE */
    struct webrtc_name name;
    char password[WEBRTC_PASSWORD_SIZE + 1];
    char remote_ufrag[WEBRTC_REMOTE_UFRAG_MAX];
    struct webrtc_tuple tuples[WEBRTC_TUPLES_MAX];
    unsigned n_tuples;
    struct webrtc_tuple *selected;   /* where media goes; NULL before the first check */
    struct webrtc_tuple *dtls_tuple; /* where the last DTLS datagram came from */

    /* DTLS and SRTP */
    struct fingerprint fingerprints[DTLS_FINGERPRINTS_MAX];
    unsigned n_fingerprints;
    struct dtls *dtls;
    int64_t flight_ns;    /* our first flight left; TIME_NONE: not yet, or it tells no more */
    bool is_flight_known; /* it left once: what is sent again tells no round trip */
    struct srtp_sender *srtp_out;
    struct srtp_receiver *srtp_in;

    /* media */
    struct rtp_sender sender;
    bool is_sending; /* WEBRTC_SENDING was returned */
    int64_t due_ns;  /* INT64_MAX: not paced */
};

struct webrtc {
    struct loop *loop;
    struct log log;
    struct webrtc_socket {
        struct loop_watch watch;
        struct webrtc *webrtc;
        struct udp_socket udp;
    } sockets[WEBRTC_SOCKETS_MAX];
    unsigned n_sockets;
    struct endpoint advertised[WEBRTC_CANDIDATES_MAX];
    unsigned n_advertised;
    struct address interfaces[WEBRTC_CANDIDATES_MAX];
    unsigned n_interfaces;
    int64_t interfaces_ns; /* read at; TIME_NONE */
    char address[WEBRTC_ADDRESS_TEXT_SIZE];
    unsigned n_sessions_max;
    enum srtp_profile profiles[WEBRTC_PROFILES];
    struct dtls_identity *identity;
    struct srtp_engine *engine;
    struct webrtc_table table;
    struct list sessions; /* webrtc_session::link */
    struct list ended;    /* webrtc_session::link */
    struct list paced;    /* webrtc_session::paced */
    struct loop_timer round;
    struct loop_timer step;
    bool is_going_round;
    int64_t step_ns; /* when the step's timer ends; INT64_MAX: it does not run */
    struct webrtc_stats stats;
    struct udp_batch batch;
    struct webrtc_scratch scratch;
};

/* ---- what arrives ---- */

void webrtc_session_on_check(struct webrtc_session *s, const struct udp_datagram *d,
                             int64_t now_ns);
void webrtc_session_on_dtls(struct webrtc_session *s, struct webrtc_tuple *tuple,
                            const struct udp_datagram *d, int64_t now_ns);
void webrtc_session_on_rtcp(struct webrtc_session *s, struct udp_datagram *d, int64_t now_ns);

/* ---- time ---- */

/* Every WEBRTC_ROUND_NS: handshake time-outs, consent, reports. */
void webrtc_session_on_round(struct webrtc_session *s, int64_t now_ns);
/* Every RTP_PACER_STEP_NS while paced. */
void webrtc_session_on_step(struct webrtc_session *s, int64_t now_ns);

/* Unlink; with why: and tell the owner. */
void webrtc_session_end(struct webrtc_session *s, const char *why);
/* Of an ended one. */
void webrtc_session_free(struct webrtc_session *s);

/* In webrtc.c: have sessions looked at every WEBRTC_ROUND_NS, as long as there are any. */
void webrtc_go_round(struct webrtc *w);
/* In webrtc.c: have webrtc_session_on_step() called at due_ns (INT64_MAX: not). */
void webrtc_pace(struct webrtc *w, struct webrtc_session *s, int64_t due_ns);

#endif
