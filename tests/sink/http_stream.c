#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab.h"

static struct text head;
static struct text body;

static int begin(struct lab *l, const char *target, encoding_set wanted)
{
    const int fd = lab_request(l, target);
    lab_wait_wanted(l, wanted);
    return fd;
}

static void read_head(int fd)
{
    head.size = 0;
    assert_true(client_read_until(fd, &head, "\r\n\r\n"));
    text_append(&head, "");
}

static void expect_bytes(int fd, const void *expected, size_t size)
{
    uint8_t *got = malloc(size);
    assert_true(client_read_exactly(fd, got, size));
    assert_memory_equal(got, expected, size);
    free(got);
}

static void expect_text(int fd, const char *expected)
{
    expect_bytes(fd, expected, strlen(expected));
}

static void test_mjpg_sends_the_next_header_early(void **state)
{
    struct lab l;
    lab_create(&l);
    const int fd = begin(&l, "/cam/stream.mjpg", 1 << ENCODING_JPEG);
    lab_publish_jpeg(&l, 'a', 10, 0);
    read_head(fd);
    assert_non_null(strstr(head.data, "200"));
    assert_non_null(strstr(head.data, "multipart/x-mixed-replace;boundary=boundarydonotcross"));
    assert_non_null(strstr(head.data, "no-store"));
    const char next[] = "\r\n--boundarydonotcross\r\nContent-Type: image/jpeg\r\n\r\n";
    expect_text(fd, next + 2);
    expect_text(fd, "\xff\xd8"
                    "aaaaaaaa");
    expect_text(fd, next); /* before there is a second picture */
    lab_publish_jpeg(&l, 'b', 6, 0);
    expect_text(fd, "\xff\xd8"
                    "bbbb");
    expect_text(fd, next);
    lab_leave(fd);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_mjpg_for_programs(void **state)
{
    static const char *const targets[] = {"/cam/stream.mjpg?advance=0", "/?action=stream",
                                          "/?action=stream&stream=cam"};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct lab l;
        lab_create(&l);
        const int fd = begin(&l, targets[i], 1 << ENCODING_JPEG);
        lab_publish_jpeg(&l, 'a', 10, 0);
        read_head(fd);
        body.size = 0;
        assert_true(client_read_until(fd, &body, "\r\n\r\n"));
        text_append(&body, "");
        assert_non_null(strstr(body.data, "Content-Length: 10\r\n"));
        assert_non_null(strstr(body.data, "X-Timestamp: "));
        expect_text(fd, "\xff\xd8"
                        "aaaaaaaa\r\n");
        lab_leave(fd);
        lab_wait_wanted(&l, 0);
        lab_destroy(&l);
    }
}

static void test_h264_begins_with_a_keyframe(void **state)
{
    struct lab l;
    lab_create(&l);
    const int first = begin(&l, "/cam/stream.h264", 1 << ENCODING_H264);
    lab_publish_h264(&l, 'p', 10, false); /* of no use yet */
    lab_publish_h264(&l, 'k', 10, true);
    lab_publish_h264(&l, 'p', 10, false);
    static const uint8_t aud[] = {0, 0, 0, 1, 0x09, 0xf0};
    read_head(first);
    expect_bytes(first, aud, sizeof(aud));
    expect_bytes(first, "\0\0\0\1\x65kkkkk", 10);
    expect_bytes(first, aud, sizeof(aud)); /* at once, so that the picture is known to be whole */
    expect_bytes(first, "\0\0\0\1\x41ppppp", 10);
    expect_bytes(first, aud, sizeof(aud));

    const int second = lab_request(&l, "/cam/stream.h264?mode=drive"); /* from the cached group */
    read_head(second);
    expect_bytes(second, aud, sizeof(aud));
    expect_bytes(second, "\0\0\0\1\x65kkkkk", 10);
    assert_int_equal(l.n_key_wishes, 0);
    lab_leave(first);
    lab_leave(second);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_mp4_begins_with_its_header(void **state)
{
    struct lab l;
    lab_create(&l);
    const int fd = begin(&l, "/cam/stream.mp4", 1 << ENCODING_H264);
    lab_publish_h264(&l, 'k', 100, true);
    read_head(fd);
    assert_non_null(strstr(head.data, "Content-Type: video/mp4"));
    uint8_t box[8];
    assert_true(client_read_exactly(fd, box, sizeof(box)));
    assert_memory_equal(box + 4, "ftyp", 4);
    body.size = 0;
    assert_true(client_read_until(fd, &body, "moof"));
    lab_leave(fd);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_refusals(void **state)
{
    struct lab l;
    lab_create(&l);
    assert_int_equal(lab_ask(&l, "/none/stream.mp4", &head, &body), 404);
    assert_int_equal(lab_ask(&l, "/?action=stream&stream=none", &head, &body), 404);
    assert_int_equal(lab_ask(&l, "/?action=dance", &head, &body), 400);

    const int fd = begin(&l, "/cam/stream.mjpg", 1 << ENCODING_JPEG);
    stream_set_encoding_error(l.stream, ENCODING_JPEG, "this build has no JPEG encoder");
    head.size = body.size = 0;
    assert_true(client_read_answer(fd, &head, &body));
    assert_int_equal(client_status(&head), 503);
    text_append(&head, "");
    assert_non_null(strstr(head.data, "Retry-After: 2"));
    assert_non_null(strstr(body.data, "this build has no JPEG encoder"));
    lab_leave(fd);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_head_wakes_nothing(void **state)
{
    static const struct {
        const char *target, *mime;
    } outputs[] = {
        {"/cam/stream.mp4", "video/mp4"},
        {"/cam/stream.h264", "video/h264"},
        {"/cam/stream.mjpg", "multipart/x-mixed-replace"},
        {"/?action=stream", "multipart/x-mixed-replace"},
        {"/?action=snapshot", "image/jpeg"},
    };
    struct lab l;
    lab_create(&l);
    const int fd = client_connect(&l.fixture);
    while (sem_trywait(&l.demanded) == 0) { /* as it is told at first */
    }
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) { /* on one connection */
        char request[100];
        snprintf(request, sizeof(request), "HEAD %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 outputs[i].target);
        client_send_text(fd, request);
        read_head(fd);
        assert_int_equal(client_status(&head), 200);
        assert_non_null(strstr(head.data, outputs[i].mime));
        assert_null(strstr(head.data, "Content-Length"));
    }
    assert_int_equal(sem_trywait(&l.demanded), -1);
    lab_leave(fd);
    lab_destroy(&l);
}

static void test_the_stream_goes_away(void **state)
{
    struct lab l;
    lab_create(&l);
    const int waiting = begin(&l, "/cam/stream.mjpg", 1 << ENCODING_JPEG);
    const int playing = begin(&l, "/cam/stream.h264", 1 << ENCODING_JPEG | 1 << ENCODING_H264);
    lab_publish_h264(&l, 'k', 10, true);
    read_head(playing);
    lab_end_stream(&l);
    body.size = 0;
    client_read_to_end(playing, &body);
    head.size = body.size = 0;
    assert_true(client_read_answer(waiting, &head, &body));
    assert_int_equal(client_status(&head), 503);
    lab_leave(waiting);
    lab_leave(playing);
    lab_destroy(&l);
}

/* Who does not read gets the newest picture when it reads again, not what it missed. */
static void test_slow_viewer_gets_the_newest(void **state)
{
    enum { N = 200, SIZE = 60000 }; /* all of them fit the ring, and come within the budget */
    struct lab l;
    lab_create(&l);
    const int fd = begin(&l, "/cam/stream.mjpg?advance=0", 1 << ENCODING_JPEG);
    const int probe = begin(&l, "/cam/stream.mjpg?advance=0", 1 << ENCODING_JPEG);
    uint8_t *picture = malloc(SIZE);
    for (int i = 0; i < N; i++) { /* the probe reads each one, so that all went through the loop */
        lab_publish_jpeg(&l, (char)i, SIZE, 0);
        body.size = 0;
        assert_true(client_read_until(probe, &body, "X-Timestamp: "));
        assert_true(client_read_until(probe, &body, "\r\n\r\n"));
        assert_true(client_read_exactly(probe, picture, SIZE));
        assert_int_equal(picture[2], (uint8_t)i);
    }
    lab_leave(probe);
    int n_got = 0;
    uint8_t last = 0;
    while (last != N - 1) {
        body.size = 0;
        assert_true(client_read_until(fd, &body, "X-Timestamp: "));
        assert_true(client_read_until(fd, &body, "\r\n\r\n"));
        assert_true(client_read_exactly(fd, picture, SIZE));
        assert_true(n_got == 0 || picture[2] > last);
        last = picture[2];
        n_got++;
    }
    assert_true(n_got < N / 2);
    free(picture);
    lab_leave(fd);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_half_open_requests_are_forgotten(void **state)
{
    enum { N = 50 };
    struct lab l;
    lab_create(&l);
    int fds[N];
    for (int i = 0; i < N; i++) {
        fds[i] = lab_request(&l, i % 2 ? "/cam/stream.mjpg" : "/cam/stream.h264");
    }
    lab_wait_wanted(&l, 1 << ENCODING_JPEG | 1 << ENCODING_H264);
    for (int i = 0; i < N; i++) {
        lab_leave(fds[i]); /* before anything was answered */
    }
    fixture_wait_for_connections(&l.fixture, 0);
    lab_wait_wanted(&l, 0);
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
        cmocka_unit_test(test_mjpg_sends_the_next_header_early),
        cmocka_unit_test(test_mjpg_for_programs),
        cmocka_unit_test(test_h264_begins_with_a_keyframe),
        cmocka_unit_test(test_mp4_begins_with_its_header),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_head_wakes_nothing),
        cmocka_unit_test(test_the_stream_goes_away),
        cmocka_unit_test(test_slow_viewer_gets_the_newest),
        cmocka_unit_test(test_half_open_requests_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
