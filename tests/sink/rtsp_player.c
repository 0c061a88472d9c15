#include "rtsp_player.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void player_connect(struct player *p, struct lab *l)
{
    struct fixture at = {.port = l->rtsp_port};
    *p = (struct player){.fd = client_connect(&at)};
}

void player_finish(struct player *p)
{
    close(p->fd);
    text_finish(&p->head);
    text_finish(&p->body);
}

void player_leave(struct player *p)
{
    const struct linger now = {.l_onoff = 1};
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    player_finish(p);
}

void player_send(struct player *p, const char *text)
{
    client_send_text(p->fd, text);
}

void player_request(struct player *p, const char *request, const char *headers)
{
    char text[600];
    snprintf(text, sizeof(text), "%s RTSP/1.0\r\nCSeq: %u\r\n%s%s%s%s\r\n", request, ++p->cseq,
             p->session[0] ? "Session: " : "", p->session, p->session[0] ? "\r\n" : "", headers);
    player_send(p, text);
}

/* The first byte tells frames from answers; -1 at the end. */
static int read_first(struct player *p)
{
    uint8_t first;
    return client_read_exactly(p->fd, &first, 1) ? first : -1;
}

static void read_frame(struct player *p)
{
    uint8_t h[3];
    assert_true(client_read_exactly(p->fd, h, sizeof(h)));
    p->channel = h[0];
    p->frame_size = bytes_get_u16(h + 1);
    assert_true(p->frame_size <= sizeof(p->frame));
    assert_true(client_read_exactly(p->fd, p->frame, p->frame_size));
}

static void keep_session(struct player *p)
{
    const char *session = player_header(p, "Session");
    if (session[0] != '\0') {
        snprintf(p->session, sizeof(p->session), "%.*s", (int)strcspn(session, ";"), session);
    }
}

int player_answer(struct player *p)
{
    int first;
    int status = 0;
    while ((first = read_first(p)) == '$') {
        read_frame(p);
    }
    if (first < 0) {
        return 0;
    }
    assert_int_equal(first, 'R');
    assert_true(client_read_answer(p->fd, &p->head, &p->body));
    assert_int_equal(sscanf(p->head.data, "TSP/1.0 %d ", &status), 1);
    keep_session(p);
    return status;
}

int player_ask(struct player *p, const char *request, const char *headers)
{
    char cseq[16];
    player_request(p, request, headers);
    const int status = player_answer(p);
    snprintf(cseq, sizeof(cseq), "%u", p->cseq);
    if (status > 0) {
        assert_string_equal(player_header(p, "CSeq"), cseq);
    }
    return status;
}

const char *player_header(struct player *p, const char *name)
{
    static char value[400];
    char mark[60];
    snprintf(mark, sizeof(mark), "\r\n%s: ", name);
    const char *at = strstr(p->head.data, mark);
    value[0] = '\0';
    if (at) {
        at += strlen(mark);
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
    }
    return value;
}

bool player_frame(struct player *p)
{
    const int first = read_first(p);
    if (first >= 0) {
        assert_int_equal(first, '$');
        read_frame(p);
    }
    return first >= 0;
}

struct rtp_packet player_rtp(struct player *p, uint8_t channel)
{
    struct rtp_packet rtp;
    do {
        assert_true(player_frame(p));
    } while (p->channel == channel + 1);
    assert_int_equal(p->channel, channel);
    assert_int_equal(rtp_parse(bytes_of(p->frame, p->frame_size), &rtp), 0);
    return rtp;
}

void player_set_up(struct player *p, const char *interleaved)
{
    char transport[100];
    snprintf(transport, sizeof(transport), "Transport: RTP/AVP/TCP;unicast;interleaved=%s\r\n",
             interleaved);
    assert_int_equal(player_ask(p, "SETUP rtsp://h/cam/trackID=0", transport), 200);
    assert_non_null(strstr(player_header(p, "Transport"), interleaved));
}
