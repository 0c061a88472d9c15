#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

enum { BIG_SIZE = 3 * 1000 * 1000, CHUNK_SIZE = 100 * 1000 };

/* What the handlers share with the tests; loop only, but for the semaphores. */
static struct fixture f;
static struct text head, body;
static struct http_exchange *waiting;
static struct outlet *stream;
static struct buf *chunk;
static sem_t has_come; /* a request waits, or a stream began */
static sem_t has_gone; /* its on_close was called */

/* ---- handlers ---- */

static void handle_health(struct http_exchange *x, void *arg)
{
    http_respond(x, 200, "text/plain", bytes_of_text("ok\n"));
}

static void handle_page(struct http_exchange *x, void *arg)
{
    http_respond(x, 200, "text/html", bytes_of_text(http_name(x)));
}

static void handle_query(struct http_exchange *x, void *arg)
{
    const char *a = http_query(x, "a");
    http_respond(x, 200, "text/plain", bytes_of_text(a ? a : "(none)"));
}

static void handle_path(struct http_exchange *x, void *arg)
{
    http_respond(x, 200, "text/plain", bytes_of_text(http_path(x)));
}

static void handle_echo(struct http_exchange *x, void *arg)
{
    http_respond(x, 200, "text/plain", http_body(x));
}

static void handle_whep(struct http_exchange *x, void *arg)
{
    http_add_header(x, "Location", "/cam/whep/1");
    http_add_header(x, "X-Evil", "a\r\nSet-Cookie: b");
    http_respond(x, 201, "application/sdp", bytes_of_text("v=0\r\n"));
}

static void handle_whep_delete(struct http_exchange *x, void *arg)
{
    http_respond(x, http_method(x) == HTTP_METHOD_DELETE ? 200 : 204, NULL, (struct bytes){0});
}

static void handle_big(struct http_exchange *x, void *arg)
{
    struct buf *b = buf_create(BIG_SIZE);
    memset(b->data, 'x', BIG_SIZE);
    b->size = BIG_SIZE;
    http_respond_buf(x, 200, "application/octet-stream", b);
    buf_unref(&b);
}

static void on_waiting_closed(struct http_exchange *x, void *arg)
{
    assert_ptr_equal(x, waiting);
    waiting = NULL;
    sem_post(&has_gone);
}

static void handle_wait(struct http_exchange *x, void *arg)
{
    waiting = x;
    http_set_close(x, on_waiting_closed, NULL);
    sem_post(&has_come);
}

static void answer_waiting(void *arg)
{
    struct http_exchange *x = waiting;
    waiting = NULL;
    http_respond(x, 200, "text/plain", bytes_of_text("late"));
}

static void on_stream_closed(struct outlet *o, void *arg)
{
    assert_ptr_equal(o, stream);
    assert_int_equal(outlet_send(o, chunk), -EPIPE);
    outlet_close(o, 0, NULL);
    stream = NULL;
    sem_post(&has_gone);
}

/* As a viewer's pump: on while all is taken at once. */
static void on_stream_idle(struct outlet *o, void *arg)
{
    while (arg && outlet_is_idle(o) && outlet_send(o, chunk) == 0) {
    }
}

static const struct outlet_ops stream_ops = {.on_idle = on_stream_idle,
                                             .on_close = on_stream_closed};

static void handle_stream(struct http_exchange *x, void *arg)
{
    const bool is_endless = http_query(x, "endless") != NULL;
    stream = http_start_stream(x, "video/mp4", &stream_ops, is_endless ? &f : NULL);
    if (stream) {
        on_stream_idle(stream, is_endless ? &f : NULL);
    }
    sem_post(&has_come);
}

static const struct http_route routes[] = {
    {HTTP_METHOD_GET, "/healthz", handle_health},
    {HTTP_METHOD_GET, "/NAME/", handle_page},
    {HTTP_METHOD_GET, "/query", handle_query},
    {HTTP_METHOD_GET, "/assets/*", handle_path},
    {HTTP_METHOD_POST, "/echo", handle_echo, .body_max_bytes = 64},
    {HTTP_METHOD_POST, "/NAME/whep", handle_whep, .body_max_bytes = 1024},
    {HTTP_METHOD_DELETE, "/NAME/whep/ID", handle_whep_delete},
    {HTTP_METHOD_PATCH, "/NAME/whep/ID", handle_whep_delete},
    {HTTP_METHOD_GET, "/big", handle_big},
    {HTTP_METHOD_GET, "/wait", handle_wait},
    {HTTP_METHOD_GET, "/NAME/stream.mp4", handle_stream},
    {HTTP_METHOD_GET, "/special/path", handle_path},
    {HTTP_METHOD_POST | HTTP_METHOD_GET, "/NAME/path", handle_page},
    {0},
};

static int setup(void **state)
{
    static const char *const hosts[] = {"cam.example.org", NULL};
    static const char *const origins[] = {"https://page.example", NULL};
    const struct http_config config = {.hosts = hosts, .origins = origins};
    sem_init(&has_come, 0, 0);
    sem_init(&has_gone, 0, 0);
    chunk = buf_create(CHUNK_SIZE);
    memset(chunk->data, 'c', CHUNK_SIZE);
    chunk->size = CHUNK_SIZE;
    fixture_create(&f);
    assert_int_equal(http_server_add_routes(f.server, routes, NULL), 0);
    f.server->timeouts = (struct http_timeouts){
        .header_ns = 400 * NS_PER_MS,
        .body_ns = 400 * NS_PER_MS,
        .idle_ns = 600 * NS_PER_MS,
        .stall_ns = 400 * NS_PER_MS,
        .linger_ns = 200 * NS_PER_MS,
        .ping_ns = 300 * NS_PER_MS,
    };
    fixture_run(&f, &config);
    return 0;
}

static int teardown(void **state)
{
    fixture_destroy(&f);
    assert_int_equal(atomic_load(&chunk->n_refs), 1);
    buf_unref(&chunk);
    text_finish(&head);
    text_finish(&body);
    sem_destroy(&has_come);
    sem_destroy(&has_gone);
    return 0;
}

/* ---- one request each ---- */

static void test_answers(void **state)
{
    static const struct {
        const char *request;
        int status;
        const char *in_head; /* one line of it */
        const char *body;
    } cases[] = {
        {GET("/healthz"), 200, "Content-Type: text/plain", "ok\n"},
        {GET("/healthz"), 200, "X-Content-Type-Options: nosniff", "ok\n"},
        {GET("/healthz"), 200, "Vary: Origin", "ok\n"},
        {"GET /healthz HTTP/1.0\r\n\r\n", 200, "Connection: close", "ok\n"},
        {"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "Connection: keep-alive",
         "ok\n"},
        {GET("/%68ealthz"), 200, NULL, "ok\n"},
        {GET("/cam/"), 200, NULL, "cam"},
        {GET("/cam@small/?embed"), 200, NULL, "cam@small"},
        {GET("/query?b=1&a=x%20y+z"), 200, NULL, "x y z"},
        {GET("/query?a"), 200, NULL, ""},
        {GET("/query?b"), 200, NULL, "(none)"},
        {GET("/query?a=%"), 400, NULL, NULL},
        {GET("/assets/a/b.js"), 200, NULL, "/assets/a/b.js"},
        {GET("/assets/..%2fb.js"), 200, NULL, "/assets/..%2Fb.js"},
        {GET("/assets/../b.js"), 400, NULL, NULL},
        {GET("/assets/%2e%2e/b.js"), 400, NULL, NULL},
        {GET("/cam"), 308, "Location: /cam/", ""},
        {GET("/cam?embed&mode=drive"), 308, "Location: /cam/?embed&mode=drive", ""},
        {GET("/Cam"), 404, NULL, "{\"error\":\"there is nothing at this path\"}\n"},
        {GET("/assets"), 404, NULL, NULL},
        {GET("/cam/nothing"), 404, "Content-Type: application/json", NULL},
        {GET("/cam%2fwhep"), 404, NULL, NULL},
        {"POST /healthz HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET, HEAD, OPTIONS", NULL},
        {"PUT /cam/whep HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: POST, OPTIONS", NULL},
        {GET("/cam/whep/1"), 405, "Allow: PATCH, DELETE, OPTIONS", NULL},
        {GET("/special/path"), 200, NULL, "/special/path"},
        {GET("/other/path"), 200, NULL, "other"},
        {"POST /special/path HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET, HEAD, OPTIONS", NULL},
        {"OPTIONS /cam/whep HTTP/1.1\r\n" HOST "\r\n", 204, "Allow: POST, OPTIONS", NULL},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 200, "Content-Length: 3",
         "abc"},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
         200, NULL, "abc"},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 65\r\n\r\n", 413, "Connection: close",
         NULL},
        {"GET /healthz HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na", 413, "Connection: close",
         NULL},
        {"POST /no/such/path HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", 404,
         "Connection: close", NULL},
        {"POST /cam/whep HTTP/1.1\r\n" HOST "\r\n", 201, "Location: /cam/whep/1", "v=0\r\n"},
        {"DELETE /cam/whep/1 HTTP/1.1\r\n" HOST "\r\n", 200, "Content-Length: 0", ""},
        {"PATCH /cam/whep/1 HTTP/1.1\r\n" HOST "\r\n", 204, NULL, ""},
        {"GET / HTTP/3.0\r\n\r\n", 505, "Connection: close", NULL},
        {"nonsense\r\n\r\n", 400, "Connection: close", NULL},
        {"GET /healthz HTTP/1.1\r\n\r\n", 400, NULL, NULL},

        {"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, NULL,
         "{\"error\":\"this server does not answer for the host \\\"evil.example\\\"; if it "
         "should, add the "
         "name to http.hosts in the configuration\"}\n"},
        {"GET /healthz HTTP/1.1\r\nHost: cam.example.org:1\r\n\r\n", 200, NULL, NULL},
        {"GET /healthz HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n", 200, NULL, NULL},
        {"GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400, NULL, NULL},

        {"POST /cam/whep HTTP/1.1\r\n" HOST "Origin: http://localhost\r\n\r\n", 201, NULL, NULL},
        {"POST /cam/whep HTTP/1.1\r\n" HOST "Origin: https://page.example\r\n\r\n", 201,
         "Access-Control-Allow-Origin: https://page.example", NULL},
        {"POST /cam/whep HTTP/1.1\r\n" HOST "Origin: https://page.example\r\n\r\n", 201,
         "Access-Control-Expose-Headers: Location", NULL},
        {"POST /cam/whep HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n\r\n", 403, NULL,
         NULL},
        /* a proxy took TLS off: the page's origin is https, and http is another's */
        {"POST /cam/whep HTTP/1.1\r\n" HOST "Origin: https://localhost\r\n\r\n", 403, NULL, NULL},
        {"POST /cam/whep HTTP/1.1\r\n" HOST "X-Forwarded-Proto: https\r\n"
         "Origin: https://localhost\r\n\r\n",
         201, NULL, NULL},
        {"POST /cam/whep HTTP/1.1\r\n" HOST "X-Forwarded-Proto: https\r\n"
         "Origin: http://localhost\r\n\r\n",
         403, NULL, NULL},
        {"POST /cam/whep HTTP/1.1\r\n" HOST "X-Forwarded-Proto: https\r\n"
         "Origin: https://evil.example\r\n\r\n",
         403, NULL, NULL},
        /* what a browser asks before a page elsewhere may send such a header */
        {"OPTIONS /cam/whep HTTP/1.1\r\n" HOST "Origin: https://localhost:8443\r\n"
         "Access-Control-Request-Method: POST\r\n"
         "Access-Control-Request-Headers: x-forwarded-proto\r\n\r\n",
         403, NULL, NULL},
        {"DELETE /cam/whep/1 HTTP/1.1\r\n" HOST "Origin: null\r\n\r\n", 403, NULL, NULL},
        {"GET /healthz HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n\r\n", 200, NULL,
         "ok\n"},
        {"GET /healthz HTTP/1.1\r\n" HOST
         "Origin: https://evil.example\r\nUpgrade: websocket\r\n\r\n",
         403, NULL, NULL},
        {"OPTIONS /cam/whep HTTP/1.1\r\n" HOST "Origin: https://page.example\r\n"
         "Access-Control-Request-Method: POST\r\n\r\n",
         204, "Access-Control-Allow-Methods: POST, OPTIONS", NULL},
        {"OPTIONS /cam/whep HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n"
         "Access-Control-Request-Method: POST\r\n\r\n",
         403, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[160] = "";
        const int status = client_ask(&f, cases[i].request, &head, &body);
        if (status != cases[i].status) {
            fail_msg("%s: %s", cases[i].request, head.data);
        }
        snprintf(line, sizeof(line), "\r\n%s\r\n", cases[i].in_head ? cases[i].in_head : "");
        if (cases[i].in_head && !strstr(head.data, line)) {
            fail_msg("%s: %s", cases[i].request, head.data);
        }
        if (cases[i].body) {
            assert_string_equal(body.data, cases[i].body);
        }
        assert_null(strstr(head.data, "Set-Cookie"));
        if (status >= 400) {
            assert_memory_equal(body.data, "{\"error\":\"", 10);
            assert_memory_equal(body.data + body.size - 3, "\"}\n", 3);
        }
        if (strstr(head.data, "Access-Control-Allow-Origin")) {
            assert_non_null(strstr(cases[i].request, "page.example"));
        }
    }
}

static void test_head_has_the_length_and_no_body(void **state)
{
    const int fd = client_connect(&f);
    struct text all = {0};
    client_send_text(fd, "HEAD /healthz HTTP/1.1\r\n" HOST "\r\n"
                         "HEAD /cam/stream.mp4 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    client_read_to_end(fd, &all);
    close(fd);
    assert_non_null(strstr(all.data, "Content-Length: 3\r\n"));
    assert_null(strstr(all.data, "ok"));
    const char *endless = strstr(all.data, "Content-Type: video/mp4\r\n");
    assert_non_null(endless);
    assert_null(strstr(endless, "Content-Length")); /* not 0: there is more than nothing */
    sem_wait(&has_come);                            /* the handler ran */
    assert_null(stream);
    text_finish(&all);
}

static void test_expect_continue(void **state)
{
    const int fd = client_connect(&f);
    client_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST
                         "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_true(client_read_answer(fd, &head, &body));
    assert_int_equal(client_status(&head), 100);
    client_send_text(fd, "ab");
    assert_true(client_read_answer(fd, &head, &body));
    assert_string_equal(body.data, "ab");
    close(fd);
}

/* ---- several requests ---- */

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    const int fd = client_connect(&f);
    client_send_text(fd,
                     GET("/query?a=1") "POST /echo HTTP/1.1\r\n" HOST
                                       "Content-Length: 1\r\n\r\n2" GET("/wait") GET("/query?a=4")
                                           GET("/no/such/path") GET("/big") GET("/query?a=7"));
    assert_true(client_read_answer(fd, &head, &body));
    assert_string_equal(body.data, "1");
    assert_true(client_read_answer(fd, &head, &body));
    assert_string_equal(body.data, "2");
    sem_wait(&has_come);
    fixture_call(&f, answer_waiting, NULL);
    assert_true(client_read_answer(fd, &head, &body));
    assert_string_equal(body.data, "late");
    assert_true(client_read_answer(fd, &head, &body));
    assert_string_equal(body.data, "4");
    assert_true(client_read_answer(fd, &head, &body));
    assert_int_equal(client_status(&head), 404);
    assert_true(client_read_answer(fd, &head, &body));
    assert_int_equal(body.size, BIG_SIZE);
    assert_true(client_read_answer(fd, &head, &body));
    assert_string_equal(body.data, "7");
    close(fd);
}

static void test_what_waits_behind_a_request_is_bounded(void **state)
{
    const int fd = client_connect(&f);
    char junk[4096];
    const struct timeval soon = {.tv_usec = 50 * 1000};
    size_t total = 0;
    client_send_text(fd, GET("/wait"));
    sem_wait(&has_come);
    memset(junk, 'j', sizeof(junk));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
    for (ssize_t n;
         total < 64 * 1000 * 1000 && (n = send(fd, junk, sizeof(junk), MSG_NOSIGNAL)) > 0;) {
        total += (size_t)n;
    }
    assert_true(total < 64 * 1000 * 1000); /* the kernel's buffers, and then no more */
    fixture_call(&f, answer_waiting, NULL);
    assert_true(client_read_answer(fd, &head, &body));
    assert_string_equal(body.data, "late");
    close(fd);
}

static void test_an_error_reaches_a_client_that_is_still_sending(void **state)
{
    const int fd = client_connect(&f);
    char junk[65536];
    memset(junk, 'j', sizeof(junk));
    client_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n");
    client_send(fd, junk, sizeof(junk));
    assert_true(client_read_answer(fd, &head, &body));
    assert_int_equal(client_status(&head), 413);
    assert_int_equal(send(fd, junk, sizeof(junk), MSG_NOSIGNAL), sizeof(junk));
    assert_int_equal(recv(fd, junk, 1, 0), 0); /* an end, not a reset */
    close(fd);
}

/* ---- clients that leave ---- */

static void test_on_close_when_the_client_leaves_before_the_answer(void **state)
{
    const struct linger reset = {.l_onoff = 1};
    for (int with_reset = 0; with_reset < 2; with_reset++) {
        const int fd = client_connect(&f);
        client_send_text(fd, GET("/wait"));
        sem_wait(&has_come);
        if (with_reset) {
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        close(fd);
        sem_wait(&has_gone);
    }
    fixture_wait_for_connections(&f, 0);
    assert_null(waiting);
}

static void test_half_closed_client_gets_its_answer(void **state)
{
    const int fd = client_connect(&f);
    struct text all = {0};
    client_send_text(fd, GET("/big"));
    shutdown(fd, SHUT_WR);
    client_read_to_end(fd, &all);
    assert_true(all.size > BIG_SIZE);
    text_finish(&all);
    close(fd);
}

static void test_stream_ends_with_its_client(void **state)
{
    const struct linger reset = {.l_onoff = 1};
    for (int way = 0; way < 3; way++) {
        const int fd = client_connect(&f);
        char part[1000];
        client_send_text(fd, GET("/cam/stream.mp4?endless"));
        sem_wait(&has_come);
        assert_true(client_read_exactly(fd, part, sizeof(part)));
        assert_memory_equal(part, "HTTP/1.1 200 OK\r\n", 17);
        if (way == 0) {
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        } else if (way == 1) {
            shutdown(fd, SHUT_WR); /* goes on while it is read */
            for (unsigned i = 0; i < 2000; i++) {
                assert_true(client_read_exactly(fd, part, sizeof(part)));
            }
        }
        close(fd);
        sem_wait(&has_gone);
    }
    fixture_wait_for_connections(&f, 0);
}

static void close_stream(void *arg)
{
    struct outlet *o = stream;
    stream = NULL;
    outlet_close(o, 0, NULL);
    assert_int_equal(outlet_send(o, chunk), -EPIPE);
    assert_false(outlet_is_idle(o));
}

static void send_three(void *arg)
{
    struct buf *const b = chunk;
    assert_int_equal(outlet_send_pair(stream, b, b), 0);
    assert_int_equal(outlet_send_pair(stream, NULL, b), 0);
}

static void test_stream_is_plain_bytes_until_closed(void **state)
{
    const int fd = client_connect(&f);
    struct text all = {0};
    client_send_text(fd, GET("/cam/stream.mp4"));
    sem_wait(&has_come);
    fixture_call(&f, send_three, NULL);
    fixture_call(&f, close_stream, NULL);
    client_read_to_end(fd, &all);
    const char *end = strstr(all.data, "\r\n\r\n");
    assert_non_null(end);
    assert_int_equal(all.size - (size_t)(end + 4 - all.data), 3 * CHUNK_SIZE);
    assert_non_null(strstr(all.data, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(all.data, "\r\nCache-Control: no-store\r\n"));
    assert_null(strstr(all.data, "Content-Length"));
    text_finish(&all);
    close(fd);
}

struct overflow {
    unsigned n_taken;
    int last;
};

static void send_too_much(void *arg)
{
    struct overflow *o = arg;
    while (o->n_taken < 10000 && (o->last = outlet_send(stream, chunk)) == 0) {
        o->n_taken++;
    }
}

static void test_what_waits_in_an_outlet_is_bounded(void **state)
{
    const int fd = client_connect(&f);
    struct overflow o = {0};
    client_send_text(fd, GET("/cam/stream.mp4"));
    sem_wait(&has_come);
    fixture_call(&f, send_too_much, &o);
    assert_int_equal(o.last, -ENOBUFS);
    assert_true(o.n_taken < 1000);
    sem_wait(&has_gone); /* it never reads: stalled */
    close(fd);
}

/* ---- deadlines ---- */

static double seconds_until_end(int fd, struct text *all)
{
    const int64_t start_ns = time_monotonic_ns();
    client_read_to_end(fd, all);
    return (double)(time_monotonic_ns() - start_ns) / NS_PER_S;
}

static void test_every_phase_has_a_deadline(void **state)
{
    static const struct {
        const char *sent;
        const char *expected; /* beginning of what comes back */
    } cases[] = {
        {"", ""},                             /* idle */
        {GET("/healthz"), "HTTP/1.1 200 OK"}, /* keep-alive */
        {"G", "HTTP/1.1 408 "},               /* header */
        {"GET / HTTP/1.1\r\nHost: ", "HTTP/1.1 408 "},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc", "HTTP/1.1 408 "}, /* body */
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\na",
         "HTTP/1.1 408 "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text all = {0};
        const int fd = client_connect(&f);
        client_send_text(fd, cases[i].sent);
        assert_true(seconds_until_end(fd, &all) < 5);
        assert_memory_equal(all.data, cases[i].expected, strlen(cases[i].expected));
        text_finish(&all);
        close(fd);
    }
    fixture_wait_for_connections(&f, 0);
}

/* Each byte restarts no clock: the whole header has one. */
static void test_trickled_header_is_cut(void **state)
{
    static const char slow[] =
        "GET / HTTP/1.1\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";
    const int fd = client_connect(&f);
    const int64_t start_ns = time_monotonic_ns();
    const struct timeval tick = {.tv_usec = 50 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick));
    char answer[16] = "";
    ssize_t n = -1;
    for (size_t i = 0; i < sizeof(slow) - 1 && n < 0; i++) {
        client_send(fd, &slow[i], 1);
        n = recv(fd, answer, sizeof(answer) - 1, 0);
    }
    assert_true(n > 0);
    assert_memory_equal(answer, "HTTP/1.1 408", 12);
    assert_true(time_monotonic_ns() - start_ns < 2 * NS_PER_S);
    close(fd);
}

static void test_client_that_reads_nothing_is_cut(void **state)
{
    const int fd = client_connect(&f);
    client_send_text(fd, GET("/cam/stream.mp4?endless"));
    sem_wait(&has_come);
    sem_wait(&has_gone);
    fixture_wait_for_connections(&f, 0);
    close(fd);
}

/* The time that its size earns an answer, taken away again. */
static void give_little_time(void *arg)
{
    f.server->timeouts.stall_ns =
        300 * NS_PER_MS - (int64_t)(BIG_SIZE / HTTP_ANSWER_RATE_MIN) * NS_PER_S;
}

static void test_finite_answer_that_nobody_reads_is_cut(void **state)
{
    const int small = 4096;
    const int fd = client_connect(&f);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    fixture_call(&f, give_little_time, NULL);
    client_send_text(fd, GET("/big"));
    char first[1];
    assert_true(client_read_exactly(fd, first, 1));
    fixture_wait_for_connections(&f, 0);
    close(fd);
}

/* ---- limits, listening, stopping ---- */

static void limit_connections(void *arg)
{
    f.server->connections_max = 3;
}

static void test_connections_over_the_limit_get_503(void **state)
{
    int fds[3];
    fixture_call(&f, limit_connections, NULL);
    for (int i = 0; i < 3; i++) {
        fds[i] = client_connect(&f);
    }
    assert_int_equal(client_ask(&f, GET("/healthz"), &head, &body), 503);
    assert_non_null(strstr(head.data, "\r\nRetry-After: "));
    assert_memory_equal(body.data, "{\"error\":\"", 10);
    close(fds[0]);
    fixture_wait_for_connections(&f, 2);
    assert_int_equal(client_ask(&f, GET("/healthz"), &head, &body), 200);
    close(fds[1]);
    close(fds[2]);
    assert_int_equal(f.server->stats.n_refused, 1);
}

static void limit_per_address(void *arg)
{
    f.server->connections_per_address_max = 2;
}

static void test_connections_of_one_address_are_limited(void **state)
{
    int fds[2];
    fixture_call(&f, limit_per_address, NULL);
    for (int i = 0; i < 2; i++) {
        fds[i] = client_connect(&f);
    }
    assert_int_equal(client_ask(&f, GET("/healthz"), &head, &body), 503);
    close(fds[0]);
    close(fds[1]);
}

static void test_taken_port_is_explained(void **state)
{
    char taken[ADDRESS_TEXT_SIZE], error[200] = "";
    snprintf(taken, sizeof(taken), "127.0.0.1:%u", f.port);
    const char *const listen[] = {taken, NULL};
    const struct http_config config = {.listen = listen};
    struct http_server *other;
    struct loop *loop;
    assert_int_equal(loop_create(&loop), 0);
    assert_int_equal(http_server_create(&other, loop, &f.log), 0);
    assert_int_equal(http_server_listen(other, &config, error, sizeof(error)), -EADDRINUSE);
    assert_non_null(strstr(error, taken));
    assert_non_null(strstr(error, "--http"));
    http_server_destroy(other);
    loop_destroy(loop);
}

static void test_loopback_takes_one_port_for_both_families(void **state)
{
    const struct address *first = &f.server->listeners.listeners[0].address;
    assert_string_equal(http_server_address(f.server) + strlen("127.0.0.1:"),
                        strchr(http_server_address(f.server), ':') + 1);
    for (unsigned i = 1; i < f.server->listeners.n_listeners; i++) {
        assert_int_equal(address_port(&f.server->listeners.listeners[i].address), address_port(first));
    }
}

static void stop_server(void *arg)
{
    http_server_stop(f.server, *(const int64_t *)arg);
}

static void test_stop_lets_answers_finish(void **state)
{
    const int64_t grace_ns = 10 * NS_PER_S;
    const int idle = client_connect(&f), streaming = client_connect(&f),
              asking = client_connect(&f);
    char part[4096];
    client_send_text(streaming, GET("/cam/stream.mp4"));
    sem_wait(&has_come);
    client_send_text(asking, GET("/wait"));
    sem_wait(&has_come);
    fixture_call(&f, stop_server, (void *)(uintptr_t)&grace_ns);
    sem_wait(&has_gone);
    assert_int_equal(client_read(idle, part, sizeof(part)), 0);
    fixture_call(&f, answer_waiting, NULL);
    assert_true(client_read_answer(asking, &head, &body));
    assert_string_equal(body.data, "late");
    assert_non_null(strstr(head.data, "\r\nConnection: close\r\n"));
    assert_int_equal(client_read(asking, part, sizeof(part)), 0);
    close(idle);
    close(streaming);
    close(asking);
    fixture_wait_for_connections(&f, 0);
}

static void test_stop_ends_the_rest_after_its_grace(void **state)
{
    const int64_t grace_ns = 1;
    const int fd = client_connect(&f);
    client_send_text(fd, GET("/wait"));
    sem_wait(&has_come);
    fixture_call(&f, stop_server, (void *)(uintptr_t)&grace_ns);
    sem_wait(&has_gone);
    close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_answers),
        TEST(test_head_has_the_length_and_no_body),
        TEST(test_expect_continue),
        TEST(test_pipelined_requests_are_answered_in_order),
        TEST(test_what_waits_behind_a_request_is_bounded),
        TEST(test_an_error_reaches_a_client_that_is_still_sending),
        TEST(test_on_close_when_the_client_leaves_before_the_answer),
        TEST(test_half_closed_client_gets_its_answer),
        TEST(test_stream_ends_with_its_client),
        TEST(test_stream_is_plain_bytes_until_closed),
        TEST(test_what_waits_in_an_outlet_is_bounded),
        TEST(test_every_phase_has_a_deadline),
        TEST(test_trickled_header_is_cut),
        TEST(test_client_that_reads_nothing_is_cut),
        TEST(test_finite_answer_that_nobody_reads_is_cut),
        TEST(test_connections_over_the_limit_get_503),
        TEST(test_connections_of_one_address_are_limited),
        TEST(test_taken_port_is_explained),
        TEST(test_loopback_takes_one_port_for_both_families),
        TEST(test_stop_lets_answers_finish),
        TEST(test_stop_ends_the_rest_after_its_grace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
