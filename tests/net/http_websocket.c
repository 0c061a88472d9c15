#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

#define UPGRADE                                                                                    \
    "Host: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"                 \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define MASK "\0\0\0\0"

enum { MEDIA_SIZE = 200 * 1000 };

static struct fixture f;
static struct text head, body;
static struct outlet *outlet;
static struct http_exchange *waiting;
static struct buf *media; /* one binary frame */
static sem_t has_come;
static sem_t has_gone;

/* ---- handlers: an echo; some words make it do other things ---- */

static void on_close(struct outlet *o, void *arg)
{
    assert_int_equal(outlet_send_text(o, bytes_of_text("x")), -EPIPE);
    outlet = NULL;
    sem_post(&has_gone);
}

static void on_text(struct outlet *o, struct bytes text, void *arg)
{
    if (bytes_equal(text, bytes_of_text("close"))) {
        outlet_close(o, 4001, "as you wish");
        outlet = NULL;
    } else if (bytes_equal(text, bytes_of_text("media"))) {
        outlet_send(o, media);
        outlet_send_text(o, bytes_of_text("between"));
        outlet_send_pair(o, media, NULL);
    } else if (bytes_equal(text, bytes_of_text("silence"))) {
        o->ops = NULL;
        o->arg = NULL;
    } else {
        outlet_send_text(o, text);
    }
}

static const struct outlet_ops ops = {.on_close = on_close, .on_text = on_text};

static void handle_ws(struct http_exchange *x, void *arg)
{
    outlet = http_accept_websocket(x, &ops, NULL);
    if (outlet) {
        sem_post(&has_come);
    }
}

static void handle_late(struct http_exchange *x, void *arg)
{
    waiting = x;
    sem_post(&has_come);
}

static void accept_late(void *arg)
{
    outlet = http_accept_websocket(waiting, &ops, NULL);
}

static const struct http_route routes[] = {
    {HTTP_METHOD_GET, "/NAME/ws", handle_ws},
    {HTTP_METHOD_GET, "/NAME/late", handle_late},
    {0},
};

static int setup(void **state)
{
    sem_init(&has_come, 0, 0);
    sem_init(&has_gone, 0, 0);
    media = buf_create(10 + MEDIA_SIZE);
    memcpy(media->data, "\x82\x7f\0\0\0\0", 6);
    bytes_put_u32(media->data + 6, MEDIA_SIZE);
    memset(media->data + 10, 'm', MEDIA_SIZE);
    media->size = 10 + MEDIA_SIZE;
    fixture_create(&f);
    assert_int_equal(http_server_add_routes(f.server, routes, NULL), 0);
    f.server->timeouts.ping_ns = 300 * NS_PER_MS;
    f.server->timeouts.linger_ns = 300 * NS_PER_MS;
    fixture_run(&f, NULL);
    return 0;
}

static int teardown(void **state)
{
    fixture_destroy(&f);
    assert_int_equal(atomic_load(&media->n_refs), 1);
    buf_unref(&media);
    text_finish(&head);
    text_finish(&body);
    sem_destroy(&has_come);
    sem_destroy(&has_gone);
    return 0;
}

/* ---- a client ---- */

static int open_websocket(void)
{
    const int fd = client_connect(&f);
    client_send_text(fd, "GET /cam/ws HTTP/1.1\r\n" UPGRADE "\r\n");
    assert_true(client_read_answer(fd, &head, &body));
    assert_int_equal(client_status(&head), 101);
    sem_wait(&has_come);
    return fd;
}

static void send_frame(int fd, uint8_t first, const char *payload)
{
    uint8_t frame[6 + 125] = {first, 0x80};
    const size_t size = strlen(payload);
    assert_true(size <= 125);
    frame[1] |= (uint8_t)size;
    memcpy(frame + 6, payload, size);
    client_send(fd, frame, 6 + size);
}

/* Gives the first byte of the next frame that is no ping, 0 at the end. */
static uint8_t read_frame(int fd, struct text *payload)
{
    uint8_t h[10];
    text_finish(payload);
    text_append(payload, "");
    if (!client_read_exactly(fd, h, 2)) {
        return 0;
    }
    assert_int_equal(h[1] & 0x80, 0); /* servers do not mask */
    size_t size = h[1];
    if (size == 126) {
        assert_true(client_read_exactly(fd, h + 2, 2));
        size = bytes_get_u16(h + 2);
    } else if (size == 127) {
        assert_true(client_read_exactly(fd, h + 2, 8));
        size = bytes_get_u32(h + 6);
    }
    char *in = malloc(size + 1);
    assert_true(client_read_exactly(fd, in, size));
    text_append_bytes(payload, bytes_of(in, size));
    free(in);
    return h[0] == 0x89 ? read_frame(fd, payload) : h[0];
}

static void expect_frame(int fd, uint8_t first, const char *payload)
{
    struct text t = {0};
    assert_int_equal(read_frame(fd, &t), first);
    assert_string_equal(t.data, payload);
    text_finish(&t);
}

static void expect_close(int fd, uint16_t code)
{
    struct text t = {0};
    assert_int_equal(read_frame(fd, &t), 0x88);
    assert_true(t.size >= 2);
    assert_int_equal(bytes_get_u16((const uint8_t *)t.data), code);
    text_finish(&t);
}

/* ---- tests ---- */

static void test_handshake(void **state)
{
    static const struct {
        const char *request;
        int status;
    } cases[] = {
        {"GET /cam/ws HTTP/1.1\r\n" UPGRADE "\r\n", 101},
        {"GET /cam/ws HTTP/1.1\r\n" UPGRADE "Origin: http://localhost\r\n\r\n", 101},
        {"GET /cam/ws HTTP/1.1\r\n" UPGRADE "Origin: http://evil.example\r\n\r\n", 403},
        {"GET /cam/ws HTTP/1.1\r\nHost: localhost\r\n\r\n", 426},
        {"GET /cam/ws HTTP/1.0\r\n" UPGRADE "\r\n", 400},
        {"HEAD /cam/ws HTTP/1.1\r\n" UPGRADE "\r\n", 400},
        {"GET /cam/ws HTTP/1.1\r\n" UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
         400},
        {"GET /cam/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
         426},
        {"GET /cam/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n",
         400},
        {"GET /cam/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
         "keep-alive\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
         400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(client_ask(&f, cases[i].request, &head, &body), cases[i].status);
        if (cases[i].status == 101) {
            assert_non_null(
                strstr(head.data, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
            sem_wait(&has_gone);
        } else if (cases[i].status == 426) {
            assert_non_null(strstr(head.data, "\r\nSec-WebSocket-Version: 13\r\n"));
        }
    }
}

static void test_messages(void **state)
{
    const int fd = open_websocket();
    send_frame(fd, 0x81, "Hello");
    expect_frame(fd, 0x81, "Hello");
    send_frame(fd, 0x81, "");
    expect_frame(fd, 0x81, "");
    send_frame(fd, 0x01, "in ");
    send_frame(fd, 0x89, "ping");
    send_frame(fd, 0x80, "parts");
    expect_frame(fd, 0x8a, "ping"); /* before the message is whole */
    expect_frame(fd, 0x81, "in parts");
    send_frame(fd, 0x8a, "nobody asked");
    send_frame(fd, 0x81, "after");
    expect_frame(fd, 0x81, "after");
    close(fd);
    sem_wait(&has_gone);
}

static void test_control_and_text_frames_go_between_media_frames(void **state)
{
    const int fd = open_websocket();
    struct text t = {0};
    send_frame(fd, 0x81, "media");
    send_frame(fd, 0x89, "p");
    assert_int_equal(read_frame(fd, &t), 0x82);
    assert_int_equal(t.size, MEDIA_SIZE);
    expect_frame(fd, 0x81, "between");
    assert_int_equal(read_frame(fd, &t), 0x82);
    assert_int_equal(t.size, MEDIA_SIZE);
    expect_frame(fd, 0x8a, "p");
    text_finish(&t);
    close(fd);
    sem_wait(&has_gone);
}

static void test_frames_right_behind_the_handshake(void **state)
{
    static const char *const paths[] = {"ws", "late"};
    for (int late = 0; late < 2; late++) {
        const int fd = client_connect(&f);
        struct text request = {0};
        text_printf(&request, "GET /cam/%s HTTP/1.1\r\n" UPGRADE "\r\n", paths[late]);
        text_append_bytes(&request, bytes_of("\x81\x82" MASK "ab", 8));
        client_send(fd, request.data, request.size);
        sem_wait(&has_come);
        if (late) {
            fixture_call(&f, accept_late, NULL);
        }
        assert_true(client_read_answer(fd, &head, &body));
        expect_frame(fd, 0x81, "ab");
        text_finish(&request);
        close(fd);
        sem_wait(&has_gone);
    }
}

static void linger_long(void *arg)
{
    f.server->timeouts.linger_ns = 60 * NS_PER_S;
}

static void test_close_codes(void **state)
{
    static const struct {
        const char *name;
        struct bytes sent;
        uint16_t expected;
    } cases[] = {
        {"plain close", {(const uint8_t *)"\x88\x82" MASK "\x03\xe8", 8}, 1000},
        {"without a code", {(const uint8_t *)"\x88\x80" MASK, 6}, 1000},
        {"own code, reason",
         {(const uint8_t *)"\x88\x85" MASK "\x0f\xa0"
                           "bye",
          11},
         4000},
        {"not masked",
         {(const uint8_t *)"\x81\x02"
                           "ab",
          4},
         1002},
        {"reserved bit", {(const uint8_t *)"\xc1\x82" MASK "ab", 8}, 1002},
        {"bad opcode", {(const uint8_t *)"\x83\x82" MASK "ab", 8}, 1002},
        {"bad close code", {(const uint8_t *)"\x88\x82" MASK "\x03\xed", 8}, 1002},
        {"binary", {(const uint8_t *)"\x82\x81" MASK "a", 7}, 1003},
        {"no UTF-8", {(const uint8_t *)"\x81\x81" MASK "\xff", 7}, 1007},
        {"too big", {(const uint8_t *)"\x81\xff\0\0\0\0\0\x01\0\x01" MASK "a", 15}, 1009},
    };
    fixture_call(&f, linger_long, NULL); /* so that it ends by the handshake, not by the deadline */
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int fd = open_websocket();
        struct text rest = {0};
        client_send(fd, cases[i].sent.data, cases[i].sent.size);
        expect_close(fd, cases[i].expected);
        sem_wait(&has_gone);
        client_read_to_end(fd, &rest); /* the server ends first */
        assert_int_equal(rest.size, 0);
        text_finish(&rest);
        close(fd);
    }
    fixture_wait_for_connections(&f, 0);
}

static void test_our_close_waits_for_the_peers(void **state)
{
    for (int answers = 0; answers < 2; answers++) {
        const int fd = open_websocket();
        struct text rest = {0};
        send_frame(fd, 0x81, "close");
        expect_close(fd, 4001);
        if (answers) {
            client_send(fd, "\x88\x82" MASK "\x0f\xa1", 8);
        }
        client_read_to_end(fd, &rest);
        assert_int_equal(rest.size, 0);
        text_finish(&rest);
        close(fd);
    }
    fixture_wait_for_connections(&f, 0);
    assert_int_equal(sem_trywait(&has_gone), -1); /* who closes is not told */
}

static void test_nobody_listens(void **state)
{
    const int fd = open_websocket();
    send_frame(fd, 0x81, "silence");
    send_frame(fd, 0x81, "Hello");
    send_frame(fd, 0x89, "p");
    expect_frame(fd, 0x8a, "p");
    close(fd);
    fixture_wait_for_connections(&f, 0);
}

/* A peer that reads, but never answers our pings, is gone; one that does stays. */
static void test_silent_peer_is_gone(void **state)
{
    const int silent = open_websocket(), alive = open_websocket();
    uint8_t h[2];
    for (unsigned i = 0; i < 4; i++) {
        assert_true(client_read_exactly(alive, h, 2));
        assert_int_equal(h[0], 0x89);
        send_frame(alive, 0x8a, "");
    }
    sem_wait(&has_gone);
    send_frame(alive, 0x81, "still here");
    expect_frame(alive, 0x81, "still here");
    close(silent);
    close(alive);
    sem_wait(&has_gone);
}

static void stop_server(void *arg)
{
    http_server_stop(f.server, NS_PER_S);
}

static void test_stop_says_going_away(void **state)
{
    const int fd = open_websocket();
    fixture_call(&f, stop_server, NULL);
    expect_close(fd, 1001);
    sem_wait(&has_gone);
    close(fd);
    fixture_wait_for_connections(&f, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_handshake),
        TEST(test_messages),
        TEST(test_control_and_text_frames_go_between_media_frames),
        TEST(test_frames_right_behind_the_handshake),
        TEST(test_close_codes),
        TEST(test_our_close_waits_for_the_peers),
        TEST(test_nobody_listens),
        TEST(test_silent_peer_is_gone),
        TEST(test_stop_says_going_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
