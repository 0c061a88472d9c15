#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/http_parse.h"

#define HOST "Host: localhost\r\n"
#define GET  "GET / HTTP/1.1\r\n"

/* Feed by pieces of size bytes; gives what was used. */
static size_t feed(struct http_parse *p, struct bytes in, size_t size, size_t body_max_bytes)
{
    size_t used = 0;
    while (used < in.size && p->state != HTTP_PARSE_DONE && p->state != HTTP_PARSE_FAILED) {
        const size_t left = in.size - used;
        used += http_parse_feed(p, bytes_of(in.data + used, left < size ? left : size));
        if (p->state == HTTP_PARSE_HEAD_DONE) {
            http_parse_body(p, body_max_bytes);
        }
    }
    return used;
}

static const struct {
    const char *request;
    int expected; /* 0: whole; 1: unfinished; else the status of the refusal */
    const char *body;
} cases[] = {
    {GET HOST "\r\n", 0, ""},
    {"\r\n\r\n" GET HOST "\r\n", 0, ""},
    {"GET / HTTP/1.0\r\n\r\n", 0, ""},
    {"GET /a?b=c%20d HTTP/1.1\r\nhOsT:\t localhost:80 \t\r\nX-Empty:\r\n\r\n", 0, ""},
    {"HEAD / HTTP/1.1\r\n" HOST "\r\n", 0, ""},
    {"PUT / HTTP/1.1\r\n" HOST "\r\n", 0, ""},
    {"OPTIONS /a HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 0, ""},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 0, "abc"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nab", 1, "ab"},
    {"POST / HTTP/1.1\r\n" HOST
     "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n",
     0, "abcd"},
    {"POST / HTTP/1.1\r\n" HOST
     "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nX-Trailer: 1\r\n\r\n",
     0, "a"},
    {GET HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 0, ""},
    {GET HOST "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n", 0, ""},
    {GET HOST "X: caf\xc3\xa9\r\n\r\n", 0, ""},
    {GET HOST, 1, ""},
    {"", 1, ""},

    {"\x16\x03\x01", 400, NULL}, /* TLS on the plain port */
    {" GET / HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET /\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400, NULL},
    {"GET / http/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505, NULL},
    {"GET / HTTP/1.2\r\n" HOST "\r\n", 505, NULL},
    {"GET / HTTP/0.9\r\n" HOST "\r\n", 505, NULL},
    {"get / HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"NONSENSE / HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"G\x01T / HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET * HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET a HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET //a HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET http://localhost/ HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n", 400, NULL},

    {GET "\r\n", 400, NULL},
    {GET HOST HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400, NULL},
    {GET HOST "Origin: a\r\nOrigin: b\r\n\r\n", 400, NULL},
    {GET " " HOST "\r\n", 400, NULL},
    {GET HOST " folded\r\n\r\n", 400, NULL},
    {GET HOST "\tfolded\r\n\r\n", 400, NULL},
    {GET "Host : localhost\r\n\r\n", 400, NULL},
    {GET HOST "A b: c\r\n\r\n", 400, NULL},
    {GET HOST ": c\r\n\r\n", 400, NULL},
    {GET HOST "none\r\n\r\n", 400, NULL},
    {GET HOST "A\xc3\xa4: c\r\n\r\n", 400, NULL},
    {GET HOST "A: b\x01\r\n\r\n", 400, NULL},
    {GET HOST "A: b\x7f\r\n\r\n", 400, NULL},
    {GET HOST "A: b\rc\r\n\r\n", 400, NULL},
    {GET HOST "A: b\n\r\n", 400, NULL},
    {"GET / HTTP/1.1\n" HOST "\r\n", 400, NULL},
    {GET HOST "\n", 400, NULL},
    {"\n" GET HOST "\r\n", 400, NULL},
    {GET HOST "Expect: 200-ok\r\n\r\n", 417, NULL},

    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: -3\r\n\r\nabc", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n\r\nabc", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\nabc", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 17\r\n\r\n", 413, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, NULL},
    {"POST / HTTP/1.1\r\n" HOST
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 400, NULL},
    {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n11\r\n0123456789abcdefg\r\n",
     413, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400,
     NULL},
};

static void test_requests_cut_anywhere(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bytes in = bytes_of_text(cases[i].request);
        for (size_t cut = 1; cut <= in.size + 1; cut += cut < 8 ? 1 : 7) {
            struct http_parse p;
            http_parse_init(&p);
            feed(&p, in, cut, 16);
            const int expected = p.state == HTTP_PARSE_DONE     ? 0
                                 : p.state == HTTP_PARSE_FAILED ? p.status
                                                                : 1;
            if (expected != cases[i].expected) {
                fail_msg("%s (cut at %zu): %d %s", cases[i].request, cut, expected, p.reason);
            }
            if (cases[i].body) {
                assert_int_equal(p.body_size, strlen(cases[i].body));
                assert_true(
                    bytes_equal(bytes_of(p.body, p.body_size), bytes_of_text(cases[i].body)));
            }
            http_parse_finish(&p);
        }
    }
}

static void test_fields(void **state)
{
    static const char request[] = "PATCH /a?b HTTP/1.1\r\nhost:  h:1 \t\r\nA:\r\nConnection: x\r\n"
                                  "CONNECTION:upgrade,\ty\r\nExpect: 100-Continue\r\n\r\nNEXT";
    struct http_parse p;
    char list[32];
    http_parse_init(&p);
    assert_int_equal(feed(&p, bytes_of_text(request), 999, 0), sizeof(request) - 1 - 4);
    assert_int_equal(p.state, HTTP_PARSE_DONE);
    assert_int_equal(p.method, HTTP_PARSE_PATCH);
    assert_string_equal(p.target, "/a?b");
    assert_string_equal(http_parse_header(&p, "Host"), "h:1");
    assert_string_equal(http_parse_header(&p, "a"), "");
    assert_null(http_parse_header(&p, "b"));
    assert_int_equal(http_parse_header_list(&p, "connection", list, sizeof(list)), 2);
    assert_string_equal(list, "x, upgrade,\ty");
    assert_int_equal(http_parse_header_list(&p, "connection", list, 4), 2);
    assert_string_equal(list, "x");
    assert_true(p.is_keep_alive);
    assert_true(p.expects_continue);
    http_parse_finish(&p);
}

static void test_keep_alive(void **state)
{
    static const struct {
        const char *request;
        bool expected;
    } rows[] = {
        {GET HOST "\r\n", true},
        {GET HOST "Connection: close\r\n\r\n", false},
        {GET HOST "Connection: Close, x\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_parse p;
        http_parse_init(&p);
        feed(&p, bytes_of_text(rows[i].request), 999, 0);
        assert_int_equal(p.state, HTTP_PARSE_DONE);
        assert_int_equal(p.is_keep_alive, rows[i].expected);
        http_parse_finish(&p);
    }
}

static int status_of(struct text *request, size_t body_max_bytes)
{
    struct http_parse p;
    http_parse_init(&p);
    feed(&p, text_bytes(request), 4096, body_max_bytes);
    const int status = p.state == HTTP_PARSE_FAILED ? p.status : 0;
    http_parse_finish(&p);
    text_finish(request);
    return status;
}

static void test_limits(void **state)
{
    struct text t = {0};
    text_append(&t, GET HOST);
    for (unsigned i = 1; i < HTTP_HEADERS_MAX; i++) {
        text_printf(&t, "A%u: b\r\n", i);
    }
    struct text more = {0};
    text_append_bytes(&more, text_bytes(&t));
    text_append(&t, "\r\n");
    assert_int_equal(status_of(&t, 0), 0);
    text_append(&more, "One: more\r\n\r\n");
    assert_int_equal(status_of(&more, 0), 431);

    text_append(&t, GET HOST "A: ");
    for (unsigned i = 0; i < HTTP_HEADER_BYTES_MAX / 16; i++) {
        text_append(&t, "0123456789abcdef");
    }
    assert_int_equal(status_of(&t, 0), 431);
    text_append(&t, "GET /");
    for (unsigned i = 0; i < HTTP_HEADER_BYTES_MAX / 16; i++) {
        text_append(&t, "0123456789abcdef");
    }
    assert_int_equal(status_of(&t, 0), 414);

    text_append(&t, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < 2000; i++) {
        text_append(&t,
                    "1;0123456789\r\na\r\n"); /* the body is small, what it is wrapped in is not */
    }
    assert_int_equal(status_of(&t, 1500), 413);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_cut_anywhere),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
