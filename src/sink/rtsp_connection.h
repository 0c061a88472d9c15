/*
 * One player's connection to the RTSP server: its bytes, its dialogue, its session's tracks.
 *
 * Requests are answered one after the other: while one waits (for the source to say what it is,
 * for the first frame) nothing more is read.
 *
 * Ownership: frees itself when its peer goes, its stream ends or a limit is reached;
 *            rtsp_connection_destroy() at the server's end.
 * Thread:    loop only.
 */
#ifndef AVOCET_SINK_RTSP_CONNECTION_H
#define AVOCET_SINK_RTSP_CONNECTION_H

#include "net/connection.h"
#include "sink/rtsp_session.h"

struct rtsp_connection {
    struct list link; /* rtsp_server::connections */
    struct rtsp_server *server;
    struct connection connection;
    struct rtsp_dialogue dialogue;
    struct rtsp_session session;
    int64_t heard_ns; /* the last sign of life */

    /* what came in and is not done with */
    struct text input;
    int64_t input_ns; /* since when */
    bool is_ending;   /* what comes is thrown away */

    /* the request that waits for its answer */
    bool is_answering;
    bool is_waiting;     /* the answer does not come at once: nothing is read meanwhile */
    size_t request_size; /* in input */
    struct rtsp_step step;
    struct reader waiter; /* of DESCRIBE */
    bool is_waiter_open;
    struct loop_timer wait;
    int64_t wait_until_ns;
};

/* Takes over fd. */
void rtsp_connection_open(struct rtsp_server *server, int fd, const struct address *peer);
void rtsp_connection_destroy(struct rtsp_connection *c);

/* ---- for the parts of a connection ---- */

static inline struct sink *rtsp_connection_sink(struct rtsp_connection *c)
{
    return &c->server->sink;
}

/* Now the answer of what waited is known; more: headers and body after the dialogue's, with the
 * empty line. NULL: none. */
void rtsp_connection_answer(struct rtsp_connection *c, unsigned status, const struct text *more);
/* The reason goes with the answer as text. */
void rtsp_connection_refuse(struct rtsp_connection *c, unsigned status, const char *why);
/* DESCRIBE: wakes the stream; the answer comes now or later (rtsp_describe.c). */
void rtsp_describe_start(struct rtsp_connection *c);
void rtsp_describe_look(struct rtsp_connection *c);
void rtsp_describe_finish(struct rtsp_connection *c);

#endif
