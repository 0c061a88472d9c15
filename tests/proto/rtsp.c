#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "proto/rtsp.h"
#include "proto/rtsp_transport.h"
#include "proto/rtsp_url.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct bytes text(const char *s)
{
    return bytes_of_text(s);
}

static void assert_text(struct bytes a, const char *expected)
{
    assert_int_equal(a.size, strlen(expected));
    assert_memory_equal(a.data, expected, a.size);
}

static void test_request(void **state)
{
    static const char in[] = "\r\nSETUP rtsp://h/cam/trackID=0 RTSP/1.0\r\n"
                             "cseq: 7\r\n"
                             "Transport:RTP/AVP;unicast;client_port=5000-5001 \r\n"
                             "Content-Length: 3\r\n"
                             "\r\n"
                             "abc$";
    struct rtsp_message m;
    const size_t size = sizeof(in) - 2; /* without what follows */
    assert_int_equal(rtsp_parse(text(in), &m), size);
    assert_int_equal(m.kind, RTSP_REQUEST);
    assert_int_equal(m.method, RTSP_SETUP);
    assert_text(m.url, "rtsp://h/cam/trackID=0");
    assert_true(m.has_cseq);
    assert_int_equal(m.cseq, 7);
    assert_text(rtsp_header(&m, "Transport"), "RTP/AVP;unicast;client_port=5000-5001");
    assert_int_equal(rtsp_header(&m, "Session").size, 0);
    assert_text(m.body, "abc");
    for (size_t n = 0; n < size; n++) { /* each piece of it is not enough */
        assert_int_equal(rtsp_parse(bytes_of(in, n), &m), 0);
    }
}

static void test_frames_between_requests(void **state)
{
    static const char in[] = "$\1\0\4abcdOPTIONS * RTSP/1.0\nCSeq: 1\n\n";
    struct rtsp_message m;
    assert_int_equal(rtsp_parse(bytes_of(in, 7), &m), 0);
    assert_int_equal(rtsp_parse(bytes_of(in, sizeof(in) - 1), &m), 8);
    assert_int_equal(m.kind, RTSP_FRAME);
    assert_int_equal(m.channel, 1);
    assert_text(m.body, "abcd");
    assert_int_equal(rtsp_parse(text(in + 8), &m), strlen(in + 8)); /* bare line feeds */
    assert_int_equal(m.method, RTSP_OPTIONS);
}

static void test_what_each_line_is(void **state)
{
    static const struct {
        const char *in;
        int result; /* 1: all of it */
        enum rtsp_kind kind;
        enum rtsp_method method;
    } rows[] = {
        {"DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n", 1, RTSP_REQUEST, RTSP_DESCRIBE},
        {"ANNOUNCE rtsp://h/a RTSP/1.0\r\n\r\n", 1, RTSP_REQUEST, RTSP_OTHER},
        {"FLY rtsp://h/a RTSP/1.0\r\n\r\n", 1, RTSP_REQUEST, RTSP_UNKNOWN},
        {"describe rtsp://h/a RTSP/1.0\r\n\r\n", 1, RTSP_REQUEST, RTSP_UNKNOWN},
        {"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", 1, RTSP_RESPONSE, RTSP_UNKNOWN},
        {"RTSP/1.0 OK\r\n\r\n", -EBADMSG, RTSP_RESPONSE, RTSP_UNKNOWN},
        {"GET / HTTP/1.1\r\n", 1, RTSP_HTTP, RTSP_UNKNOWN}, /* its first line is enough */
        {"PLAY rtsp://h/a RTSP/2.0\r\n\r\n", -EPROTONOSUPPORT, RTSP_REQUEST, RTSP_PLAY},
        {"PLAY rtsp://h/a RTSP/1.0 x\r\n\r\n", -EPROTONOSUPPORT, RTSP_REQUEST, RTSP_PLAY},
        {"PLAY rtsp://h/a\r\n\r\n", -EBADMSG, RTSP_REQUEST, RTSP_PLAY},
        {"PLAY  RTSP/1.0\r\n\r\n", -EBADMSG, RTSP_REQUEST, RTSP_PLAY},
        {" PLAY rtsp://h/a RTSP/1.0\r\n\r\n", -EBADMSG, RTSP_REQUEST, RTSP_UNKNOWN},
        {"PLAY rtsp://h/\1 RTSP/1.0\r\n\r\n", -EBADMSG, RTSP_REQUEST, RTSP_PLAY},
        {"PLAY * RTSP/1.0\r\nno colon\r\n\r\n", -EBADMSG, RTSP_REQUEST, RTSP_PLAY},
        {"PLAY * RTSP/1.0\r\nA: b\r\n folded\r\n\r\n", -EBADMSG, RTSP_REQUEST, RTSP_PLAY},
        {"PLAY * RTSP/1.0\r\nA: b\1\r\n\r\n", -EBADMSG, RTSP_REQUEST, RTSP_PLAY},
        {"PLAY * RTSP/1.0\r\nContent-Length: x\r\n\r\n", -EBADMSG, RTSP_REQUEST, RTSP_PLAY},
        {"PLAY * RTSP/1.0\r\nContent-Length: -1\r\n\r\n", -EBADMSG, RTSP_REQUEST, RTSP_PLAY},
        {"PLAY * RTSP/1.0\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", -EBADMSG,
         RTSP_REQUEST, RTSP_PLAY},
        {"PLAY * RTSP/1.0\r\nContent-Length: 4097\r\n\r\n", -E2BIG, RTSP_REQUEST, RTSP_PLAY},
        {"PLAY * RTSP/1.0\r\nContent-Length: 4294967295\r\n\r\n", -E2BIG, RTSP_REQUEST, RTSP_PLAY},
        {"$\1\x10\1", -E2BIG, RTSP_FRAME, RTSP_UNKNOWN},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct rtsp_message m;
        const int result = rtsp_parse(text(rows[i].in), &m);
        assert_int_equal(result, rows[i].result == 1 ? (int)strlen(rows[i].in) : rows[i].result);
        if (result > 0) {
            assert_int_equal(m.kind, rows[i].kind);
            assert_int_equal(m.method, rows[i].method);
            assert_int_equal(m.status, m.kind == RTSP_RESPONSE ? 200 : 0);
        }
    }
}

static void test_limits(void **state)
{
    struct rtsp_message m;
    struct text in = {0};
    text_append(&in, "PLAY * RTSP/1.0\r\n");
    for (int i = 0; i < RTSP_HEADERS_MAX; i++) {
        text_append(&in, "A: b\r\n");
    }
    const size_t size = in.size;
    text_append(&in, "\r\n");
    assert_int_equal(rtsp_parse(text_bytes(&in), &m), in.size);
    in.size = size;
    text_append(&in, "A: b\r\n");
    assert_int_equal(rtsp_parse(text_bytes(&in), &m), -E2BIG);
    in.size = 0;
    text_append(&in, "PLAY * RTSP/1.0\r\nA: ");
    while (in.size < RTSP_HEAD_SIZE_MAX) {
        assert_int_equal(rtsp_parse(text_bytes(&in), &m), 0);
        text_append(&in, "bbbbbbbbbbbbbbbb");
    }
    assert_int_equal(rtsp_parse(text_bytes(&in), &m), -E2BIG);
    in.size = 0;
    while (in.size < RTSP_HEAD_SIZE_MAX) {
        assert_int_equal(rtsp_parse(text_bytes(&in), &m), 0);
        text_append(&in, "\r\n\r\n\r\n\r\n");
    }
    assert_int_equal(rtsp_parse(text_bytes(&in), &m), -E2BIG);
    text_finish(&in);
}

static void test_urls(void **state)
{
    static const struct {
        const char *in;
        int result;
        const char *name;
        int track;
        const char *mode;
        const char *base;
    } rows[] = {
        {"*", 0, "", -1, "", "*"},
        {"rtsp://h", 0, "", -1, "", "rtsp://h"},
        {"rtsp://h/", 0, "", -1, "", "rtsp://h"},
        {"rtsp://h:8554/cam", 0, "cam", -1, "", "rtsp://h:8554/cam"},
        {"RTSP://h:8554/cam/", 0, "cam", -1, "", "RTSP://h:8554/cam"},
        {"rtspt://[::1]:8554/cam//", 0, "cam", -1, "", "rtspt://[::1]:8554/cam"},
        {"/cam", 0, "cam", -1, "", "/cam"},
        {"rtsp://h/cam/trackID=1", 0, "cam", 1, "", "rtsp://h/cam"},
        {"rtsp://h/cam?mode=drive", 0, "cam", -1, "drive", "rtsp://h/cam"},
        {"rtsp://h/cam/?mode=drive&x=1", 0, "cam", -1, "drive", "rtsp://h/cam"},
        {"rtsp://h/cam/trackID=0?mode=drive", 0, "cam", 0, "drive", "rtsp://h/cam"},
        {"rtsp://h/cam?mode=drive/trackID=0?mode=drive", 0, "cam", 0, "drive", "rtsp://h/cam"},
        {"rtsp://h/cam?mode=", 0, "cam", -1, "?", "rtsp://h/cam"},
        {"rtsp://h/cam?mode=toolongaword", 0, "cam", -1, "?", "rtsp://h/cam"},
        {"rtsp://h/gate/cam/trackID=0", 0, "gate/cam", 0, "", "rtsp://h/gate/cam"},
        {"rtsp://h/cam%40small", 0, "cam@small", -1, "", "rtsp://h/cam%40small"},
        {"rtsp://h/cam/trackID=", -EBADMSG, "", 0, "", ""},
        {"rtsp://h/cam/trackID=x", -EBADMSG, "", 0, "", ""},
        {"rtsp://h/cam/trackID=100", -EBADMSG, "", 0, "", ""},
        {"rtsp://h/a%2Fb", -EBADMSG, "", 0, "", ""},
        {"rtsp://h/a%00b", -EBADMSG, "", 0, "", ""},
        {"rtsp://h/a%4", -EBADMSG, "", 0, "", ""},
        {"rtsp:///cam", -EBADMSG, "", 0, "", ""},
        {"http://h/cam", -EBADMSG, "", 0, "", ""},
        {"cam", -EBADMSG, "", 0, "", ""},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct rtsp_url url;
        assert_int_equal(rtsp_url_parse(text(rows[i].in), &url), rows[i].result);
        if (rows[i].result == 0) {
            assert_string_equal(url.name, rows[i].name);
            assert_int_equal(url.track, rows[i].track);
            assert_string_equal(url.mode, rows[i].mode);
            assert_text(url.base, rows[i].base);
        }
    }
    char longest[RTSP_NAME_SIZE + 8];
    struct rtsp_url url;
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    assert_int_equal(rtsp_url_parse(bytes_of(longest, RTSP_NAME_SIZE), &url), 0);
    assert_int_equal(rtsp_url_parse(bytes_of(longest, RTSP_NAME_SIZE + 1), &url), -EBADMSG);
}

static void test_transports(void **state)
{
    static const struct {
        const char *in;
        bool is_usable;
        struct rtsp_transport expected;
    } rows[] = {
        {"RTP/AVP;unicast;client_port=4588-4589",
         true,
         {.carrier = RTSP_OVER_UDP, .has_ports = true, .ports = {4588, 4589}}},
        {"RTP/AVP/UDP;unicast;client_port=4588;mode=\"PLAY\"",
         true,
         {.carrier = RTSP_OVER_UDP, .has_ports = true, .ports = {4588, 4589}}},
        {"rtp/avp/tcp;unicast;interleaved=2-3;mode=play",
         true,
         {.carrier = RTSP_OVER_TCP, .has_channels = true, .channels = {2, 3}}},
        {"RTP/AVP/TCP", true, {.carrier = RTSP_OVER_TCP}},
        {"RTP/AVP;multicast;ttl=3;port=3456-3457",
         true,
         {.carrier = RTSP_OVER_MULTICAST, .has_ports = true, .ports = {3456, 3457}, .ttl = 3}},
        {"RTP/AVP;unicast;destination=10.0.0.1;client_port=1-2",
         true,
         {.carrier = RTSP_OVER_UDP, .has_ports = true, .ports = {1, 2}, .has_destination = true}},
        {"RTP/SAVP;unicast;client_port=1-2,RTP/AVP/TCP;interleaved=0-1",
         true, /* the second */
         {.carrier = RTSP_OVER_TCP, .has_channels = true, .channels = {0, 1}}},
        {"RTP/AVP;unicast;client_port=0-1", false, {0}},
        {"RTP/AVP;unicast;client_port=65535", false, {0}},
        {"RTP/AVP;unicast;client_port=5-5", false, {0}},
        {"RTP/AVP;unicast;client_port=5-70000", false, {0}},
        {"RTP/AVP/TCP;interleaved=255", false, {0}},
        {"RTP/AVP/TCP;interleaved=a-b", false, {0}},
        {"RTP/AVP/TCP;multicast", false, {0}},
        {"RTP/AVP;mode=RECORD", false, {0}},
        {"RAW/RAW/UDP;unicast", false, {0}},
        {"", false, {0}},
        {",;,", false, {0}},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct rtsp_transport t;
        const struct rtsp_transport *e = &rows[i].expected;
        struct bytes list = text(rows[i].in);
        assert_int_equal(rtsp_transport_next(&list, &t), rows[i].is_usable);
        if (rows[i].is_usable) {
            assert_int_equal(t.carrier, e->carrier);
            assert_int_equal(t.has_ports, e->has_ports);
            assert_memory_equal(t.ports, e->ports, sizeof(t.ports));
            assert_int_equal(t.has_channels, e->has_channels);
            assert_memory_equal(t.channels, e->channels, sizeof(t.channels));
            assert_int_equal(t.has_destination, e->has_destination);
            assert_int_equal(t.ttl, e->ttl);
            assert_false(rtsp_transport_next(&list, &t));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_frames_between_requests),
        cmocka_unit_test(test_what_each_line_is),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_transports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
