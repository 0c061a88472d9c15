/* Dialogues by script: each line is a request and what it deserves; the action is done at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "proto/rtsp_dialogue.h"

#define ID        "0123456789ABCDEF"
#define SESSION   "Session: " ID "\r\n"
#define TCP       "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
#define UDP       "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n"
#define LINES_MAX 12

struct line {
    const char *request; /* method and URL */
    const char *headers;
    unsigned status;
    enum rtsp_action action;
    enum rtsp_state state; /* after it */
};

struct script {
    const char *name;
    struct line lines[LINES_MAX];
};

static unsigned n_tracks(const char *name, void *arg)
{
    return strcmp(name, "cam") == 0 ? 1 : strcmp(name, "film") == 0 ? 2 : 0;
}

static const struct rtsp_asks asks = {.n_tracks = n_tracks};

static const struct script scripts[] = {
    {"as players do it",
     {{"OPTIONS rtsp://h/cam", "", 200, RTSP_ANSWER, RTSP_INIT},
      {"DESCRIBE rtsp://h/cam", "Accept: application/sdp\r\n", 200, RTSP_DO_DESCRIBE, RTSP_INIT},
      {"SETUP rtsp://h/cam/trackID=0", TCP, 200, RTSP_DO_SETUP, RTSP_READY},
      {"PLAY rtsp://h/cam/", SESSION "Range: npt=0.000-\r\n", 200, RTSP_DO_PLAY, RTSP_PLAYING},
      {"GET_PARAMETER rtsp://h/cam/", SESSION, 200, RTSP_ANSWER, RTSP_PLAYING},
      {"SET_PARAMETER rtsp://h/cam/", SESSION, 200, RTSP_ANSWER, RTSP_PLAYING},
      {"OPTIONS *", SESSION, 200, RTSP_ANSWER, RTSP_PLAYING},
      {"PAUSE rtsp://h/cam/", SESSION, 200, RTSP_DO_PAUSE, RTSP_READY},
      {"PLAY rtsp://h/cam/", SESSION, 200, RTSP_DO_PLAY, RTSP_PLAYING},
      {"TEARDOWN rtsp://h/cam/", SESSION, 200, RTSP_DO_TEARDOWN, RTSP_INIT},
      {"PLAY rtsp://h/cam/", SESSION, 454, RTSP_ANSWER, RTSP_INIT},
      {"SETUP rtsp://h/cam/trackID=0", UDP, 200, RTSP_DO_SETUP, RTSP_READY}}},
    {"before SETUP there is nothing to play",
     {{"PLAY rtsp://h/cam", "", 454, RTSP_ANSWER, RTSP_INIT},
      {"PLAY rtsp://h/cam", SESSION, 454, RTSP_ANSWER, RTSP_INIT},
      {"PAUSE rtsp://h/cam", "", 454, RTSP_ANSWER, RTSP_INIT},
      {"TEARDOWN rtsp://h/cam", "", 454, RTSP_ANSWER, RTSP_INIT},
      {"GET_PARAMETER rtsp://h/cam", SESSION, 454, RTSP_ANSWER, RTSP_INIT}}},
    {"SETUP twice: another transport before PLAY, none while playing",
     {{"SETUP rtsp://h/cam/trackID=0", TCP, 200, RTSP_DO_SETUP, RTSP_READY},
      {"SETUP rtsp://h/cam/trackID=0", SESSION UDP, 200, RTSP_DO_SETUP, RTSP_READY},
      {"SETUP rtsp://h/cam/trackID=0", "Session: 1\r\n" UDP, 454, RTSP_ANSWER, RTSP_READY},
      {"PLAY rtsp://h/cam", SESSION, 200, RTSP_DO_PLAY, RTSP_PLAYING},
      {"PLAY rtsp://h/cam", SESSION, 200, RTSP_DO_PLAY, RTSP_PLAYING},
      {"SETUP rtsp://h/cam/trackID=0", SESSION TCP, 455, RTSP_ANSWER, RTSP_PLAYING}}},
    {"a wrong session",
     {{"SETUP rtsp://h/cam", TCP, 200, RTSP_DO_SETUP, RTSP_READY},
      {"PLAY rtsp://h/cam", "Session: FEDCBA9876543210\r\n", 454, RTSP_ANSWER, RTSP_READY},
      {"TEARDOWN rtsp://h/cam", "Session: " ID "0\r\n", 454, RTSP_ANSWER, RTSP_READY},
      {"PLAY rtsp://h/cam", "", 454, RTSP_ANSWER, RTSP_READY},
      {"PLAY rtsp://h/film", SESSION, 454, RTSP_ANSWER, RTSP_READY},
      {"PLAY rtsp://h/cam", "Session: " ID " ;timeout=60\r\n", 200, RTSP_DO_PLAY, RTSP_PLAYING}}},
    {"several tracks",
     {{"SETUP rtsp://h/film", TCP, 459, RTSP_ANSWER, RTSP_INIT},
      {"SETUP rtsp://h/film/trackID=2", TCP, 404, RTSP_ANSWER, RTSP_INIT},
      {"SETUP rtsp://h/film/trackID=0", TCP, 200, RTSP_DO_SETUP, RTSP_READY},
      {"SETUP rtsp://h/cam/trackID=0", SESSION TCP, 459, RTSP_ANSWER, RTSP_READY},
      {"SETUP rtsp://h/film/trackID=1", SESSION TCP, 200, RTSP_DO_SETUP, RTSP_READY},
      {"PLAY rtsp://h/film/trackID=1", SESSION, 460, RTSP_ANSWER, RTSP_READY},
      {"PLAY rtsp://h/film", SESSION, 200, RTSP_DO_PLAY, RTSP_PLAYING},
      {"PAUSE rtsp://h/film/trackID=0", SESSION, 460, RTSP_ANSWER, RTSP_PLAYING},
      {"TEARDOWN rtsp://h/film", SESSION, 200, RTSP_DO_TEARDOWN, RTSP_INIT}}},
    {"of several tracks, one that is alone",
     {{"SETUP rtsp://h/film/trackID=1", TCP, 200, RTSP_DO_SETUP, RTSP_READY},
      {"PLAY rtsp://h/film/trackID=0", SESSION, 460, RTSP_ANSWER, RTSP_READY},
      {"PLAY rtsp://h/film/trackID=1", SESSION, 200, RTSP_DO_PLAY, RTSP_PLAYING}}},
    {"transports",
     {{"SETUP rtsp://h/cam", "", 461, RTSP_ANSWER, RTSP_INIT},
      {"SETUP rtsp://h/cam", "Transport: RTP/AVP;unicast\r\n", 461, RTSP_ANSWER, RTSP_INIT},
      {"SETUP rtsp://h/cam", "Transport: RTP/AVP;unicast;destination=10.0.0.9;client_port=1-2\r\n",
       461, RTSP_ANSWER, RTSP_INIT},
      {"SETUP rtsp://h/cam", "Transport: RTP/AVP;unicast,RTP/AVP/TCP\r\n", 200, RTSP_DO_SETUP,
       RTSP_READY},
      {"SETUP rtsp://h/cam", SESSION "Transport: RTP/AVP;multicast\r\n", 200, RTSP_DO_SETUP,
       RTSP_READY}}},
    {"what there is not",
     {{"DESCRIBE rtsp://h/other", "", 404, RTSP_ANSWER, RTSP_INIT},
      {"DESCRIBE rtsp://h/", "", 404, RTSP_ANSWER, RTSP_INIT},
      {"DESCRIBE *", "", 404, RTSP_ANSWER, RTSP_INIT},
      {"DESCRIBE mailto:x", "", 400, RTSP_ANSWER, RTSP_INIT},
      {"DESCRIBE rtsp://h/cam", "Accept: text/html\r\n", 406, RTSP_ANSWER, RTSP_INIT},
      {"DESCRIBE rtsp://h/cam", "Accept: text/html, application/sdp;level=1\r\n", 200,
       RTSP_DO_DESCRIBE, RTSP_INIT},
      {"DESCRIBE rtsp://h/cam", "Require: implicit-play\r\n", 551, RTSP_ANSWER, RTSP_INIT},
      {"DESCRIBE rtsp://h/cam", "Proxy-Require: x\r\n", 551, RTSP_ANSWER, RTSP_INIT},
      {"RECORD rtsp://h/cam", "", 405, RTSP_ANSWER, RTSP_INIT},
      {"FLY rtsp://h/cam", "", 501, RTSP_ANSWER, RTSP_INIT},
      {"GET_PARAMETER *", "Content-Length: 8\r\n", 451, RTSP_ANSWER, RTSP_INIT}}},
};

static void read_request(const struct line *line, char *out, size_t size, struct rtsp_message *m)
{
    const int n = snprintf(out, size, "%s RTSP/1.0\r\nCSeq: 5\r\n%s\r\n%s", line->request,
                           line->headers, strstr(line->headers, "Content-L") ? "volume\r\n" : "");
    assert_int_equal(rtsp_parse(bytes_of(out, (size_t)n), m), n);
}

/* The answer as text; to be finished by the caller. */
static struct text play_line(struct rtsp_dialogue *d, const struct line *line)
{
    char bytes[512];
    struct rtsp_message m;
    struct rtsp_step step;
    struct text answer = {0};
    read_request(line, bytes, sizeof(bytes), &m);
    rtsp_dialogue_take(d, &m, &step);
    if (step.status != line->status || step.action != line->action) {
        fail_msg("%s: %u, action %d", line->request, step.status, step.action);
    }
    rtsp_dialogue_done(d, &step, step.status);
    rtsp_dialogue_answer(d, &step, &answer);
    assert_int_equal(d->state, line->state);
    assert_non_null(strstr(answer.data, "\r\nCSeq: 5\r\n"));
    return answer;
}

static void test_scripts(void **state)
{
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        struct rtsp_dialogue d;
        rtsp_dialogue_init(&d, &asks, UINT64_C(0x0123456789abcdef));
        for (int n = 0; n < LINES_MAX && scripts[i].lines[n].request; n++) {
            struct text answer = play_line(&d, &scripts[i].lines[n]);
            text_finish(&answer);
        }
    }
}

static void expect_header(struct rtsp_dialogue *d, const struct line *line, const char *expected)
{
    struct text answer = play_line(d, line);
    if (!strstr(answer.data, expected)) {
        fail_msg("%s: no %s in %s", line->request, expected, answer.data);
    }
    text_finish(&answer);
}

static void test_headers(void **state)
{
    static const struct {
        struct line line;
        const char *expected;
    } rows[] = {
        {{"OPTIONS *", "", 200, RTSP_ANSWER, RTSP_INIT}, "\r\nPublic: OPTIONS, DESCRIBE, SETUP"},
        {{"RECORD *", "", 405, RTSP_ANSWER, RTSP_INIT}, "\r\nAllow: OPTIONS, DESCRIBE, SETUP"},
        {{"PLAY *", "Require: a.b\r\n", 551, RTSP_ANSWER, RTSP_INIT}, "\r\nUnsupported: a.b\r\n"},
        {{"DESCRIBE rtsp://h:1/cam?mode=drive", "", 200, RTSP_DO_DESCRIBE, RTSP_INIT},
         "\r\nContent-Base: rtsp://h:1/cam/\r\n"},
        {{"SETUP rtsp://h/cam", TCP, 200, RTSP_DO_SETUP, RTSP_READY},
         "\r\nSession: " ID ";timeout=60\r\n"},
        {{"PLAY rtsp://h/cam", SESSION, 200, RTSP_DO_PLAY, RTSP_PLAYING},
         "\r\nRange: npt=now-\r\n"},
        {{"FLY rtsp://h/cam", "", 501, RTSP_ANSWER, RTSP_PLAYING},
         "RTSP/1.0 501 Not Implemented\r"},
    };
    struct rtsp_dialogue d;
    rtsp_dialogue_init(&d, &asks, UINT64_C(0x0123456789abcdef));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_header(&d, &rows[i].line, rows[i].expected);
    }
}

/* What could not be done leaves the state as it was. */
static void test_failed_actions(void **state)
{
    static const struct line setup = {"SETUP rtsp://h/cam", TCP, 200, RTSP_DO_SETUP, RTSP_READY};
    static const struct line play = {"PLAY rtsp://h/cam", SESSION, 200, RTSP_DO_PLAY, RTSP_PLAYING};
    char bytes[512];
    struct rtsp_message m;
    struct rtsp_step step;
    struct rtsp_dialogue d;
    rtsp_dialogue_init(&d, &asks, UINT64_C(0x0123456789abcdef));
    read_request(&setup, bytes, sizeof(bytes), &m);
    rtsp_dialogue_take(&d, &m, &step);
    rtsp_dialogue_done(&d, &step, 503);
    assert_int_equal(d.state, RTSP_INIT);
    struct text answer = play_line(&d, &setup);
    text_finish(&answer);
    read_request(&play, bytes, sizeof(bytes), &m);
    rtsp_dialogue_take(&d, &m, &step);
    rtsp_dialogue_done(&d, &step, 503);
    assert_int_equal(d.state, RTSP_READY);
}

static void test_without_cseq(void **state)
{
    static const char in[] = "OPTIONS * RTSP/1.0\r\n\r\n";
    struct rtsp_message m;
    struct rtsp_step step;
    struct rtsp_dialogue d;
    rtsp_dialogue_init(&d, &asks, 1);
    assert_int_equal(rtsp_parse(bytes_of_text(in), &m), strlen(in));
    rtsp_dialogue_take(&d, &m, &step);
    assert_int_equal(step.status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_failed_actions),
        cmocka_unit_test(test_without_cseq),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
