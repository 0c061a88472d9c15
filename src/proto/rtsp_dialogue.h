/*
 * The state machine of one connection's RTSP dialogue: what a request means where it comes, which
 * status it deserves, and what is to be done for it.
 *
 *   rtsp_dialogue_take(d, request, &step)   ──▶ do step.action (it may take a while)
 *   rtsp_dialogue_done(d, &step, status)    ◀── what came of it; the state moves on success
 *   rtsp_dialogue_answer(d, &step, …)       ──▶ the response's head, more headers, its end
 *
 * A connection has one session at a time. It begins with the first SETUP, ends with TEARDOWN or
 * with its connection, and no other connection can reach it: for them it does not exist (454).
 *
 *   INIT ──SETUP──▶ READY ──PLAY──▶ PLAYING ──PAUSE──▶ READY      TEARDOWN: INIT
 *
 * Thread: any; no shared state, no clock.
 * Errors: a request's fault is the step's status.
 * Spec:   RFC 2326 §10, §11.3, §12, appendix A.2.
 */
#ifndef AVOCET_PROTO_RTSP_DIALOGUE_H
#define AVOCET_PROTO_RTSP_DIALOGUE_H

#include "proto/rtsp.h"
#include "proto/rtsp_transport.h"
#include "proto/rtsp_url.h"

enum {
    RTSP_TRACKS_MAX = 8, /* of one session */
    RTSP_SESSION_ID_SIZE = 17,
    RTSP_SESSION_TIMEOUT_S = 60, /* told to players; they ask for something at half of it */
};

enum rtsp_state { RTSP_INIT, RTSP_READY, RTSP_PLAYING };

enum rtsp_action {
    RTSP_ANSWER, /* nothing is to be done: answer with the status */
    RTSP_DO_DESCRIBE,
    RTSP_DO_SETUP, /* track, transport */
    RTSP_DO_PLAY,
    RTSP_DO_PAUSE,
    RTSP_DO_TEARDOWN,
};

/* What the dialogue asks about the server. */
struct rtsp_asks {
    /* How many tracks the stream of this name has; 0: there is no such stream. */
    unsigned (*n_tracks)(const char *name, void *arg);
    void *arg;
};

struct rtsp_dialogue {
    const struct rtsp_asks *asks;
    enum rtsp_state state;
    char session_id[RTSP_SESSION_ID_SIZE];
    char stream[RTSP_NAME_SIZE]; /* of the session, unless INIT */
    unsigned tracks;             /* bits of those that are set up */
};

struct rtsp_step {
    enum rtsp_action action;
    unsigned status; /* 200, unless the request is refused */
    enum rtsp_method method;
    bool has_cseq;
    uint32_t cseq;
    struct rtsp_url url; /* its base borrows the request */
    unsigned track;
    struct rtsp_transport transport;
    struct bytes unsupported; /* of 551; borrows the request */
};

/* id: 64 random bits. asks is borrowed. */
void rtsp_dialogue_init(struct rtsp_dialogue *d, const struct rtsp_asks *asks, uint64_t id);
/* request is an RTSP_REQUEST. */
void rtsp_dialogue_take(const struct rtsp_dialogue *d, const struct rtsp_message *request,
                        struct rtsp_step *out);
/* Sets the step's status to what came of its action. */
void rtsp_dialogue_done(struct rtsp_dialogue *d, struct rtsp_step *step, unsigned status);
/* The response up to where headers of the action are added: Content-Base with DESCRIBE, Transport
 * with SETUP, Range and RTP-Info with PLAY. */
void rtsp_dialogue_answer(const struct rtsp_dialogue *d, const struct rtsp_step *step,
                          struct text *out);

#endif
