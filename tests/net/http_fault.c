/* Bad clients by the thousand, beside a good viewer that must not notice. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fixture.h"

#define HOST "Host: localhost\r\n"
#define UPGRADE                                                                                    \
    "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                             \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

enum {
    BAD_REQUESTS = 10000,
    WARM_UP_REQUESTS = 1000,
    CROWD = 500,
    FRAME_SIZE = 2000,
    FRAMES_SEEN_MIN = 10,
    STREAMS_MAX = 1024,
    HEAP_SLACK_BYTES = 32 * 1024,
};
#define FRAME_INTERVAL_NS (5 * NS_PER_MS)

static struct fixture f;
static struct outlet *streams[STREAMS_MAX]; /* loop only; [0] is the good viewer's */
static struct loop_timer clock_timer;
static uint32_t sequence;

/* ---- the server: frames with a counter for everybody, dropped where they do not fit ---- */

static void send_frame_to(struct outlet *o, struct buf *b, bool must)
{
    if (o && (must || outlet_is_idle(o))) {
        const int rc = outlet_send(o, b);
        assert_true(rc == 0 || !must);
    }
}

static void on_clock(struct loop_timer *t)
{
    struct buf *b = buf_create(FRAME_SIZE);
    memset(b->data, 'f', FRAME_SIZE);
    bytes_put_u32(b->data, sequence++);
    b->size = FRAME_SIZE;
    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        send_frame_to(streams[i], b, i == 0);
    }
    buf_unref(&b);
    loop_timer_start(t, FRAME_INTERVAL_NS);
}

static void on_stream_closed(struct outlet *o, void *arg)
{
    *(struct outlet **)arg = NULL;
}

static void on_text(struct outlet *o, struct bytes text, void *arg)
{
    outlet_send_text(o, text);
}

static const struct outlet_ops stream_ops = {.on_close = on_stream_closed, .on_text = on_text};

static struct outlet **free_place(unsigned from)
{
    while (from < STREAMS_MAX && streams[from]) {
        from++;
    }
    return from < STREAMS_MAX ? &streams[from] : NULL;
}

static void handle_stream(struct http_exchange *x, void *arg)
{
    struct outlet **place = free_place(http_query(x, "good") ? 0 : 1);
    if (!place) {
        http_respond_error(x, 503, "full");
        return;
    }
    *place = http_start_stream(x, "video/h264", &stream_ops, place);
}

static void handle_ws(struct http_exchange *x, void *arg)
{
    struct outlet **place = free_place(1);
    if (!place) {
        http_respond_error(x, 503, "full");
        return;
    }
    *place = http_accept_websocket(x, &stream_ops, place);
}

static void handle_echo(struct http_exchange *x, void *arg)
{
    http_respond(x, 200, "text/plain", http_body(x));
}

static const struct http_route routes[] = {
    {HTTP_METHOD_GET, "/NAME/stream.h264", handle_stream},
    {HTTP_METHOD_GET, "/NAME/ws", handle_ws},
    {HTTP_METHOD_POST | HTTP_METHOD_GET, "/echo", handle_echo, .body_max_bytes = 1000},
    {0},
};

/* ---- the good viewer, on its own thread ---- */

struct viewer {
    pthread_t thread;
    int fd;
    atomic_bool is_ending;
    uint32_t n_frames;
    bool has_lost;
};

static void *watch(void *arg)
{
    struct viewer *v = arg;
    uint8_t frame[FRAME_SIZE];
    struct text head = {0};
    uint32_t next = 0;
    v->has_lost = !client_read_until(v->fd, &head, "\r\n\r\n");
    text_finish(&head);
    while (!v->has_lost && (v->n_frames <= FRAMES_SEEN_MIN || !atomic_load(&v->is_ending))) {
        if (!client_read_exactly(v->fd, frame, sizeof(frame))) {
            v->has_lost = true;
            break;
        }
        v->has_lost = v->n_frames > 0 && bytes_get_u32(frame) != next;
        next = bytes_get_u32(frame) + 1;
        v->n_frames++;
    }
    return NULL;
}

static void viewer_start(struct viewer *v)
{
    *v = (struct viewer){.fd = client_connect(&f)};
    client_send_text(v->fd, "GET /cam/stream.h264?good HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(pthread_create(&v->thread, NULL, watch, v), 0);
}

static void viewer_stop(struct viewer *v)
{
    atomic_store(&v->is_ending, true);
    pthread_join(v->thread, NULL);
    assert_false(v->has_lost);
    assert_true(v->n_frames > FRAMES_SEEN_MIN);
    close(v->fd);
}

static int setup(void **state)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
    setrlimit(RLIMIT_NOFILE, &limit);
    fixture_create(&f);
    sequence = 0;
    assert_int_equal(http_server_add_routes(f.server, routes, NULL), 0);
    f.server->timeouts.header_ns = 300 * NS_PER_MS;
    f.server->timeouts.body_ns = 300 * NS_PER_MS;
    f.server->timeouts.linger_ns = 300 * NS_PER_MS;
    loop_timer_init(&clock_timer, f.loop, on_clock);
    loop_timer_start(&clock_timer, 0);
    fixture_run(&f, NULL);
    return 0;
}

static void stop_clock(void *arg)
{
    loop_timer_finish(&clock_timer);
}

static int teardown(void **state)
{
    fixture_call(&f, stop_clock, NULL);
    fixture_destroy(&f);
    return 0;
}

/* ---- 10,000 malformed requests ---- */

static uint32_t random_state = 1;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

static const char *const models[] = {
    "GET /echo?a=b HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n",
    "GET /cam/stream.h264 HTTP/1.1\r\n" HOST "\r\n",
    "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n0123456789",
    "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    "GET /cam/ws HTTP/1.1\r\n" UPGRADE "\r\n\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
    "GET /echo HTTP/1.1\r\n" HOST "\r\nGET /no/thing HTTP/1.1\r\n" HOST "\r\n",
};

/* Some bytes changed, taken out, doubled; the end cut off. */
static size_t mutate(uint8_t *out, size_t capacity)
{
    static const char evil[] = "\r\n\0 :/%?#\xff\x80\t,;=HTTP/1.";
    const char *model = models[next_random(sizeof(models) / sizeof(models[0]))];
    size_t size = strlen(model);
    memcpy(out, model, size);
    for (uint32_t n = 1 + next_random(4); n > 0 && size > 2; n--) {
        const size_t at = next_random((uint32_t)size - 1);
        const size_t length =
            1 + next_random((uint32_t)(size - at) < 40 ? (uint32_t)(size - at) : 40);
        switch (next_random(5)) {
        case 0:
            out[at] = (uint8_t)next_random(256);
            break;
        case 1:
            out[at] = (uint8_t)evil[next_random(sizeof(evil) - 1)];
            break;
        case 2:
            memmove(out + at, out + at + length, size - at - length);
            size -= length;
            break;
        case 3:
            if (size + length <= capacity) {
                memmove(out + at + length, out + at, size - at);
                size += length;
            }
            break;
        default:
            size = at + 1;
            break;
        }
    }
    return size;
}

static void send_bad_requests(unsigned n)
{
    const struct linger reset = {.l_onoff = 1};
    for (unsigned i = 0; i < n; i++) {
        uint8_t request[1024];
        const size_t size = mutate(request, sizeof(request));
        const int fd = client_connect(&f);
        const uint32_t way = next_random(8);
        client_send(fd, request, size);
        if (way == 0) { /* hears what it has to say */
            char part[4096];
            shutdown(fd, SHUT_WR);
            client_read(fd, part, sizeof(part));
        } else if (way == 1) {
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        close(fd);
    }
    fixture_wait_for_connections(&f, 1);
}

static void test_malformed_requests(void **state)
{
    struct viewer v;
    viewer_start(&v);
    send_bad_requests(WARM_UP_REQUESTS);
    const unsigned n_fds = fixture_count_fds();
    const size_t heap_bytes = fixture_heap_bytes();
    send_bad_requests(BAD_REQUESTS);
    assert_int_equal(fixture_count_fds(), n_fds);
    assert_true(fixture_heap_bytes() < heap_bytes + HEAP_SLACK_BYTES);
    viewer_stop(&v);
    assert_true(f.server->stats.n_bad_requests > BAD_REQUESTS / 4);
}

/* ---- a crowd that comes and goes ---- */

static void come_and_go(int *fds)
{
    static const char *const requests[] = {
        "",
        "GET ",
        "GET /echo HTTP/1.1\r\n" HOST "\r\n",
        "GET /cam/stream.h264 HTTP/1.1\r\n" HOST "\r\n",
        "GET /cam/ws HTTP/1.1\r\n" UPGRADE "\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n",
    };
    for (unsigned i = 0; i < CROWD; i++) {
        fds[i] = client_connect(&f);
        client_send_text(fds[i], requests[i % (sizeof(requests) / sizeof(requests[0]))]);
    }
    for (unsigned i = 0; i < CROWD; i++) {
        char part[1000];
        if (i % 6 >= 2 && i % 6 <= 4) {
            assert_true(client_read(fds[i], part, sizeof(part)) > 0);
        }
    }
    for (unsigned i = CROWD; i > 0; i--) {
        const unsigned k = next_random(i);
        const int fd = fds[k];
        fds[k] = fds[i - 1];
        close(fd);
    }
    fixture_wait_for_connections(&f, 1);
}

static void test_crowds_come_and_go(void **state)
{
    int fds[CROWD];
    struct viewer v;
    viewer_start(&v);
    come_and_go(fds);
    const unsigned n_fds = fixture_count_fds();
    const size_t heap_bytes = fixture_heap_bytes();
    come_and_go(fds);
    come_and_go(fds);
    assert_int_equal(fixture_count_fds(), n_fds);
    assert_true(fixture_heap_bytes() < heap_bytes + HEAP_SLACK_BYTES);
    viewer_stop(&v);
}

/* ---- more than the limit ---- */

static void limit_to_one(void *arg)
{
    f.server->connections_max = 1;
    f.server->timeouts.linger_ns = 10 * NS_PER_S;
}

static void expect_refusal(int fd)
{
    struct text answer = {0};
    client_read_to_end(fd, &answer);
    assert_false(answer.error);
    assert_memory_equal(answer.data, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(answer.data, "\r\nRetry-After: "));
    assert_non_null(strstr(answer.data, "\r\n\r\n{\"error\":\""));
    text_finish(&answer);
}

/* None of them leaves before all have come. */
static void test_hundreds_over_the_limit_hear_503(void **state)
{
    int fds[CROWD];
    struct viewer v;
    viewer_start(&v);
    fixture_call(&f, limit_to_one, NULL);
    for (unsigned i = 0; i < CROWD; i++) {
        fds[i] = client_connect(&f);
        client_send_text(fds[i], "GET /echo HTTP/1.1\r\n" HOST "\r\n");
    }
    for (unsigned i = 0; i < CROWD; i++) {
        expect_refusal(fds[i]);
    }
    for (unsigned i = 0; i < CROWD; i++) {
        close(fds[i]);
    }
    fixture_wait_for_connections(&f, 1);
    viewer_stop(&v);
    assert_int_equal(f.server->stats.n_refused, CROWD);
}

static void count_refusals(void *arg)
{
    *(unsigned *)arg = f.server->n_refusals;
}

/* They hear it too, and nobody is waited for any more. */
static void test_more_than_can_be_told_at_a_time(void **state)
{
    enum { MORE = 50 };
    static int fds[HTTP_REFUSALS_MAX + MORE];
    struct viewer v;
    unsigned n_told = 0;
    viewer_start(&v);
    fixture_call(&f, limit_to_one, NULL);
    for (unsigned i = 0; i < HTTP_REFUSALS_MAX + MORE; i++) {
        fds[i] = client_connect(&f);
    }
    for (unsigned i = 0; i < HTTP_REFUSALS_MAX + MORE; i++) {
        expect_refusal(fds[i]);
    }
    fixture_call(&f, count_refusals, &n_told);
    assert_int_equal(n_told, HTTP_REFUSALS_MAX);
    for (unsigned i = 0; i < HTTP_REFUSALS_MAX + MORE; i++) {
        close(fds[i]);
    }
    fixture_wait_for_connections(&f, 1);
    viewer_stop(&v);
}

/* ---- no descriptors left ---- */

static void test_descriptors_run_out_and_come_back(void **state)
{
    enum { N = 40, LEFT = 8 };
    int fds[N];
    struct rlimit before, few;
    struct viewer v;
    char part[1000];
    viewer_start(&v);
    for (unsigned i = 0; i < N; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(f.port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = (rlim_t)fds[N - 1] + LEFT;
    setrlimit(RLIMIT_NOFILE, &few);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(connect(fds[i], (const struct sockaddr *)&to, sizeof(to)), 0);
        client_send_text(fds[i], "GET /echo HTTP/1.1\r\n" HOST "\r\n");
    }
    assert_true(client_read(fds[0], part, sizeof(part)) > 0);
    for (unsigned i = 0; i < N; i++) { /* each that leaves makes room for one that waits */
        if (i > 0) {
            assert_true(client_read(fds[i], part, sizeof(part)) > 0);
        }
        close(fds[i]);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    fixture_wait_for_connections(&f, 1);
    viewer_stop(&v);
    assert_int_equal(f.server->listeners.shortage.n_said,
                     1); /* though it was over and back many times */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_malformed_requests),
        TEST(test_crowds_come_and_go),
        TEST(test_hundreds_over_the_limit_hear_503),
        TEST(test_more_than_can_be_told_at_a_time),
        TEST(test_descriptors_run_out_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
