#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lab.h"

enum { TEXT = 0x81, BINARY = 0x82, CLOSE = 0x88 }; /* final frames */

static struct text head;
static struct text body;

static int connect_ws(struct lab *l, const char *query)
{
    char request[400];
    snprintf(request, sizeof(request),
             "GET /cam/ws?%s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             query);
    const int fd = client_connect(&l->fixture);
    client_send_text(fd, request);
    head.size = 0;
    assert_true(client_read_until(fd, &head, "\r\n\r\n"));
    assert_int_equal(client_status(&head), 101);
    return fd;
}

/* One whole frame of the server; gives its first byte. The payload is NUL-terminated. */
static int read_frame(int fd, struct text *payload)
{
    uint8_t h[2];
    payload->size = 0;
    assert_true(client_read_exactly(fd, h, sizeof(h)));
    assert_int_equal(h[1] & 0x80, 0); /* unmasked */
    size_t size = h[1];
    if (size >= 126) {
        uint8_t more[8] = {0};
        const size_t n = size == 126 ? 2 : 8;
        assert_true(client_read_exactly(fd, more, n));
        size = 0;
        for (size_t i = 0; i < n; i++) {
            size = size << 8 | more[i];
        }
    }
    uint8_t *bytes = malloc(size + 1);
    assert_true(client_read_exactly(fd, bytes, size));
    text_append_bytes(payload, bytes_of(bytes, size));
    text_append(payload, "");
    free(bytes);
    return h[0];
}

static json_t *read_json(int fd)
{
    assert_int_equal(read_frame(fd, &body), TEXT);
    json_t *j = json_loads(body.data, 0, NULL);
    assert_non_null(j);
    return j;
}

static const char *type_of(const json_t *j)
{
    return json_string_value(json_object_get(j, "type"));
}

/* A masked text frame, key 0. */
static void send_text(int fd, const char *text)
{
    uint8_t frame[128] = {TEXT, (uint8_t)(0x80 | strlen(text))};
    memcpy(frame + 6, text, strlen(text));
    client_send(fd, frame, 6 + strlen(text));
}

/* What a viewer hears when the state changes. */
static void expect_state(int fd, const char *name)
{
    json_t *j = read_json(fd);
    assert_string_equal(type_of(j), "state");
    assert_string_equal(json_string_value(json_object_get(j, "state")), name);
    json_decref(j);
}

static void expect_hello(int fd, const char *format)
{
    json_t *j = read_json(fd);
    assert_string_equal(type_of(j), "hello");
    assert_int_equal(json_integer_value(json_object_get(j, "version")), 1);
    assert_string_equal(json_string_value(json_object_get(j, "stream")), "cam");
    assert_string_equal(json_string_value(json_object_get(j, "format")), format);
    assert_string_equal(json_string_value(json_object_get(j, "codec")), "avc1.42c01f");
    assert_int_equal(json_integer_value(json_object_get(j, "width")), 640);
    assert_int_equal(json_integer_value(json_object_get(j, "height")), 360);
    assert_true(json_number_value(json_object_get(j, "fps")) == 25);
    json_decref(j);
}

static void test_h264(void **state)
{
    struct lab l;
    lab_create(&l);
    const int fd = connect_ws(&l, "format=h264");
    lab_wait_wanted(&l, 1 << ENCODING_H264);
    lab_publish_h264(&l, 'k', 10, true); /* only now the track is known */
    expect_hello(fd, "h264");
    assert_int_equal(read_frame(fd, &body), BINARY);
    assert_int_equal(body.size, 24 + 10);
    assert_int_equal(body.data[0], 1); /* version */
    assert_int_equal(body.data[3], 1); /* key */
    assert_memory_equal(body.data + 24, "\0\0\0\1\x65kkkkk", 10);
    lab_publish_h264(&l, 'p', 70000, false);
    assert_int_equal(read_frame(fd, &body), BINARY);
    assert_int_equal(body.size, 24 + 70000);
    assert_int_equal(body.data[7], 1); /* sequence */
    lab_leave(fd);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_mp4(void **state)
{
    struct lab l;
    lab_create(&l);
    const int fd = connect_ws(&l, "format=mp4");
    lab_wait_wanted(&l, 1 << ENCODING_H264);
    lab_publish_h264(&l, 'k', 10, true);
    expect_hello(fd, "mp4");
    assert_int_equal(read_frame(fd, &body), BINARY);
    assert_memory_equal(body.data + 4, "ftyp", 4);
    assert_int_equal(read_frame(fd, &body), BINARY); /* one fragment */
    lab_publish_h264(&l, 'p', 10, false);
    assert_int_equal(read_frame(fd, &body), BINARY);
    lab_leave(fd);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_meta(void **state)
{
    struct lab l;
    lab_create(&l);
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = connect_ws(&l, "format=meta");
    }
    lab_wait_wanted(&l, 1 << ENCODING_H264);
    const double before_ms = (double)time_real_ns() / NS_PER_MS;
    for (int n = 0; n < 3; n++) {
        lab_publish_h264(&l, 'k', 10, n == 0);
    }
    for (int i = 0; i < 2; i++) {
        expect_hello(fds[i], "meta");
        double last_pts_ms = -1;
        for (int n = 0; n < 3; n++) {
            json_t *j = read_json(fds[i]);
            const double pts_ms = json_number_value(json_object_get(j, "pts_ms"));
            assert_string_equal(type_of(j), "frame");
            assert_true(json_number_value(json_object_get(j, "capture_ms")) >= before_ms - 1);
            assert_true(json_number_value(json_object_get(j, "sent_ms")) >= before_ms - 1);
            assert_true(pts_ms >= last_pts_ms); /* of the same microsecond, perhaps */
            const uint64_t ticks = (uint64_t)(pts_ms * 90);
            const uint32_t rtp = (uint32_t)json_integer_value(json_object_get(j, "rtp"));
            assert_true((uint32_t)ticks - rtp + 2 <= 4);
            last_pts_ms = pts_ms;
            json_decref(j);
        }
        lab_leave(fds[i]);
    }
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_ping(void **state)
{
    struct lab l;
    lab_create(&l);
    const int fd = connect_ws(&l, "format=h264");
    send_text(fd, "nonsense");
    send_text(fd, "{\"type\":\"dance\"}");
    send_text(fd, "{\"type\":\"ping\"}");
    send_text(fd, "{\"type\":\"ping\",\"t\":1234.5}");
    json_t *j = read_json(fd);
    assert_string_equal(type_of(j), "pong");
    assert_true(json_number_value(json_object_get(j, "t")) == 1234.5);
    const double now_ms = (double)time_real_ns() / NS_PER_MS;
    const double server_ms = json_number_value(json_object_get(j, "server_ms"));
    assert_true(server_ms <= now_ms && server_ms > now_ms - 20000);
    json_decref(j);
    lab_leave(fd);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_states(void **state)
{
    struct lab l;
    lab_create(&l);
    const int fd = connect_ws(&l, "format=h264");
    stream_set_state(l.stream, STREAM_STALLED, "the camera was unplugged, trying again");
    json_t *j = read_json(fd);
    assert_string_equal(json_string_value(json_object_get(j, "state")), "stalled");
    assert_string_equal(json_string_value(json_object_get(j, "error")),
                        "the camera was unplugged, trying again");
    json_decref(j);
    stream_set_state(l.stream, STREAM_LIVE, NULL); /* the hello says it */
    lab_publish_h264(&l, 'k', 10, true);
    expect_hello(fd, "h264");
    assert_int_equal(read_frame(fd, &body), BINARY);
    stream_set_state(l.stream, STREAM_STALLED, NULL);
    expect_state(fd, "stalled");
    stream_set_state(l.stream, STREAM_LIVE, NULL);
    j = read_json(fd);
    assert_string_equal(json_string_value(json_object_get(j, "state")), "live");
    assert_true(json_is_null(json_object_get(j, "error")));
    json_decref(j);
    lab_leave(fd);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_refusals(void **state)
{
    struct lab l;
    lab_create(&l);
    assert_int_equal(lab_ask(&l, "/none/ws?format=mp4", &head, &body), 404);
    assert_int_equal(lab_ask(&l, "/cam/ws?format=avi", &head, &body), 400);
    text_append(&body, "");
    assert_non_null(strstr(body.data, "format takes mp4, h264 or meta"));
    assert_int_equal(lab_ask(&l, "/cam/ws", &head, &body), 400);
    assert_int_equal(lab_ask(&l, "/cam/ws?format=mp4", &head, &body), 426);
    assert_int_equal(l.wanted, 0);

    const int fd = connect_ws(&l, "format=mp4");
    lab_wait_wanted(&l, 1 << ENCODING_H264);
    stream_set_encoding_error(l.stream, ENCODING_H264, "the encoder is in use");
    assert_int_equal(read_frame(fd, &body), CLOSE);
    assert_memory_equal(body.data, "\x03\xf5", 2); /* 1013 */
    assert_string_equal(body.data + 2, "the encoder is in use");
    lab_leave(fd);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_the_stream_goes_away(void **state)
{
    struct lab l;
    lab_create(&l);
    const int fd = connect_ws(&l, "format=h264");
    lab_wait_wanted(&l, 1 << ENCODING_H264);
    lab_publish_h264(&l, 'k', 10, true);
    expect_hello(fd, "h264");
    assert_int_equal(read_frame(fd, &body), BINARY);
    lab_end_stream(&l);
    assert_int_equal(read_frame(fd, &body), CLOSE);
    lab_leave(fd);
    lab_destroy(&l);
}

static int finish(void **state)
{
    text_finish(&head);
    text_finish(&body);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h264),
        cmocka_unit_test(test_mp4),
        cmocka_unit_test(test_meta),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_the_stream_goes_away),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
