/*
 * A player that speaks RTSP with the lab's server, request by request.
 *
 * Thread: the test's; what does not come in time fails the test.
 */
#ifndef AVOCET_TESTS_SINK_RTSP_PLAYER_H
#define AVOCET_TESTS_SINK_RTSP_PLAYER_H

#include "lab.h"
#include "proto/rtp.h"

struct player {
    int fd;
    unsigned cseq;
    struct text head; /* of the last answer, NUL-terminated */
    struct text body;
    char session[40];
    /* the last interleaved frame */
    uint8_t channel;
    uint8_t frame[2048];
    size_t frame_size;
};

void player_connect(struct player *p, struct lab *l);
/* Gone at once. */
void player_leave(struct player *p);
void player_finish(struct player *p);

void player_send(struct player *p, const char *text);
/* "PLAY rtsp://h/cam"; headers end with CRLF each. The session's header is added. */
void player_request(struct player *p, const char *request, const char *headers);
/* The status of the next answer, frames before it are skipped; 0 at the end. */
int player_answer(struct player *p);
int player_ask(struct player *p, const char *request, const char *headers);
/* The value of a header of the last answer, in a static buffer; "" when absent. */
const char *player_header(struct player *p, const char *name);

/* The next frame; false at the end. An answer there fails the test. */
bool player_frame(struct player *p);
/* The next RTP packet on the channel, reports skipped. */
struct rtp_packet player_rtp(struct player *p, uint8_t channel);
/* SETUP and PLAY over TCP; packets follow. The test publishes meanwhile. */
void player_set_up(struct player *p, const char *interleaved);

#endif
