/*
 * WebRTC delivery: the one UDP port of all viewers, and a session for each of them.
 *
 *   offer ──webrtc_session_create──▶ answer
 *   the viewer's ICE check ──▶ its DTLS handshake ──▶ on_connected
 *   frame ──webrtc_session_send──▶ encrypted from the shared payloads, sent in one run
 *
 * We are ICE-lite: a viewer's address is where an authenticated check came from; DTLS is accepted
 * from such an address only; the check that says USE-CANDIDATE selects where media goes. Whatever
 * else arrives is dropped without an answer and without a trace but a counter.
 *
 * Ownership: a session lives until webrtc_session_close(), or until on_closed was called.
 * Thread:    loop only. Callbacks may close their own session, no other.
 * Errors:    -EBUSY at the limit of sessions, -EBADMSG, -ENOMEM.
 * Spec:      RFC 8445 §2.5 (lite), §7.3; RFC 7675 §5.1 (consent); RFC 5764; RFC 7983.
 */
#ifndef AVOCET_NET_WEBRTC_H
#define AVOCET_NET_WEBRTC_H

#include "base/log.h"
#include "base/text.h"
#include "net/loop.h"
#include "proto/rtp_sender.h"
#include "proto/sdp.h"
#include "proto/srtp.h"

enum {
    WEBRTC_SOCKETS_MAX = 8,
    WEBRTC_SESSIONS_MAX = 4096,
    WEBRTC_HANDSHAKES_MAX = 64, /* DTLS handshakes at a time; others are let in by retransmission */
    WEBRTC_TUPLES_MAX = 8,      /* addresses that one viewer may come from */
    WEBRTC_CANDIDATES_MAX = 16,
    WEBRTC_ADDRESS_TEXT_SIZE = 56,
};
#define WEBRTC_CHECK_NS   (10 * NS_PER_S) /* a session of which no check has come by then ends */
#define WEBRTC_CONNECT_NS (15 * NS_PER_S) /* so does one that is not connected */
#define WEBRTC_CONSENT_NS (30 * NS_PER_S) /* without an authenticated check */
#define WEBRTC_LEAVING_NS (6 * NS_PER_S)  /* the same, after the viewer said BYE */
/* Media rests while nothing authenticated comes from a viewer for three times what it has let pass
 * before, within these limits: it may have vanished, and its link may be others' too. */
#define WEBRTC_SILENCE_MIN_NS (3 * NS_PER_S)
#define WEBRTC_SILENCE_MAX_NS (10 * NS_PER_S)

struct webrtc;
struct webrtc_session;

struct webrtc_config {
    /* "127.0.0.1:8189", "[::1]:8189", NULL-terminated. Port 0: any free one, the same for all.
     * Further loopback addresses are best effort. */
    const char *const *listen;
    /* "IP" or "IP:PORT" of what answers advertise, NULL-terminated; NULL or empty: every interface
     * address that the sockets cover. */
    const char *const *advertise;
    unsigned n_sessions_max;   /* 0: WEBRTC_SESSIONS_MAX */
    enum srtp_profile profile; /* this one only; SRTP_PROFILE_NONE: both, the faster one first */
    bool no_gso;               /* datagrams one by one, for tests */
};

/* error: which address, why, what to do; a sentence. */
int webrtc_create(struct webrtc **out, struct loop *loop, const struct webrtc_config *config,
                  const struct log *log, char *error, size_t error_size);
/* All sessions must be closed. NULL is fine. */
void webrtc_destroy(struct webrtc *w);
/* First listening address, "127.0.0.1:8189". */
const char *webrtc_address(const struct webrtc *w);

struct webrtc_stats {
    unsigned n_sessions;
    unsigned n_connected;
    unsigned n_handshakes; /* in flight */
    uint64_t n_created;
    uint64_t n_refused; /* over the limit */
    uint64_t n_failed;  /* handshakes */
    uint64_t n_expired;
    uint64_t n_strays; /* datagrams of no session, or not what they should be */
    uint64_t n_datagrams_sent;
    uint64_t n_bytes_sent;
    uint64_t n_sends; /* system calls */
    uint64_t n_full;  /* datagrams that a full socket made late */
};
void webrtc_get_stats(const struct webrtc *w, struct webrtc_stats *out);

/* ---- sessions ---- */

struct webrtc_session_ops {
    /* Frames may be sent from now on. */
    void (*on_connected)(struct webrtc_session *s, void *arg);
    /* Again after a frame that left slowly, or when the link has drained. */
    void (*on_ready)(struct webrtc_session *s, void *arg);
    /* The frame for which WEBRTC_SENDING was returned has left. */
    void (*on_sent)(struct webrtc_session *s, void *arg);
    /* It was given up instead: skip to the next keyframe. */
    void (*on_cut)(struct webrtc_session *s, void *arg);
    /* A keyframe is wished for: the viewer cannot decode, or its link can take one again. */
    void (*on_wish)(struct webrtc_session *s, void *arg);
    /* The viewer is gone, or never came; why is a phrase. The session is freed afterwards. */
    void (*on_closed)(struct webrtc_session *s, const char *why, void *arg);
};

struct webrtc_session_config {
    const struct sdp *offer;
    const struct sdp_video *video;  /* chosen from it */
    const struct sockaddr *reached; /* our address that the viewer used for HTTP; may be NULL */
    const char *stream_id;          /* for msid: letters, digits, '-', '_' */
    bool has_playout_delay;
    uint16_t playout_min_ms;
    uint16_t playout_max_ms;
    int64_t delay_ns; /* see struct rtp_sender_config */
    const struct webrtc_session_ops *ops;
    void *arg;
};

/* Appends the SDP answer. */
int webrtc_session_create(struct webrtc_session **out, struct webrtc *w,
                          const struct webrtc_session_config *config, struct text *answer);
/* Says BYE and close_notify; on_closed is not called. NULL is fine. */
void webrtc_session_close(struct webrtc_session *s);
bool webrtc_session_is_connected(const struct webrtc_session *s);
const struct rtp_sender_stats *webrtc_session_stats(const struct webrtc_session *s);
const struct rtp_rate *webrtc_session_rate(const struct webrtc_session *s);

enum webrtc_verdict {
    WEBRTC_REFUSED, /* the link cannot carry it: skip to the next keyframe */
    WEBRTC_SENDING, /* on_sent or on_cut will come */
    WEBRTC_SENT,
};

/* The next frame may be offered. */
bool webrtc_session_is_ready(struct webrtc_session *s);
enum webrtc_verdict webrtc_session_send(struct webrtc_session *s, const struct rtp_frame *frame);

#endif
