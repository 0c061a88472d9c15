#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lab.h"

static struct text head;
static struct text body;

static void expect_answer(int fd, int status, const char *text)
{
    head.size = body.size = 0;
    assert_true(client_read_answer(fd, &head, &body));
    text_append(&head, "");
    text_append(&body, "");
    assert_int_equal(client_status(&head), status);
    assert_non_null(strstr(body.data, text));
    lab_leave(fd);
}

static void test_wakes_the_stream_and_waits(void **state)
{
    static const char *const targets[] = {"/cam/snapshot.jpg", "/?action=snapshot"};
    for (int i = 0; i < 2; i++) {
        struct lab l;
        lab_create(&l);
        const int fd = lab_request(&l, targets[i]);
        lab_wait_wanted(&l, 1 << ENCODING_JPEG);
        lab_publish_jpeg(&l, 'a', 10, 0);
        expect_answer(fd, 200,
                      "\xff\xd8"
                      "aaaaaaaa");
        assert_non_null(strstr(head.data, "Content-Type: image/jpeg"));
        assert_non_null(strstr(head.data, "X-Timestamp: "));
        assert_non_null(strstr(head.data, "no-store"));
        lab_wait_wanted(&l, 0);
        lab_destroy(&l);
    }
}

static void test_max_age(void **state)
{
    struct lab l;
    lab_create(&l);
    const int watching = lab_request(&l, "/cam/stream.mjpg");
    lab_wait_wanted(&l, 1 << ENCODING_JPEG);
    lab_publish_jpeg(&l, 'o', 10, 2 * NS_PER_S);
    expect_answer(lab_request(&l, "/cam/snapshot.jpg?max_age=10s"), 200, "oooo");
    const int fresh = lab_request(&l, "/cam/snapshot.jpg");
    const int freshest = lab_request(&l, "/cam/snapshot.jpg?max_age=0");
    lab_wait_requests(&l, 4);
    lab_publish_jpeg(&l, 'n', 10, 0);
    expect_answer(fresh, 200, "nnnn");
    expect_answer(freshest, 200, "nnnn");
    lab_leave(watching);
    lab_destroy(&l);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *target;
        int status;
    } rows[] = {
        {"/none/snapshot.jpg", 404},
        {"/cam/snapshot.jpg?max_age=soon", 400},
        {"/cam/snapshot.jpg?max_age=2h", 400},
        {"/cam/snapshot.jpg?width=100", 501}, /* no scaler in this lab */
        {"/cam/snapshot.jpg?width=15", 400},
        {"/cam/snapshot.jpg?width=4097", 400},
        {"/cam/snapshot.jpg?width=", 400},
    };
    struct lab l;
    lab_create(&l);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int status = lab_ask(&l, rows[i].target, &head, &body);
        if (status != rows[i].status) {
            fail_msg("%s: %d", rows[i].target, status);
        }
    }
    const int fd = lab_request(&l, "/cam/snapshot.jpg");
    lab_wait_wanted(&l, 1 << ENCODING_JPEG);
    stream_set_encoding_error(l.stream, ENCODING_JPEG, "no decoder here");
    expect_answer(fd, 503, "no decoder here");
    assert_non_null(strstr(head.data, "Retry-After: "));
    lab_destroy(&l);
}

/* "scaled to WIDTH"; wider than 640 enlarges; a picture of 'x' is damaged. */
static int scale(struct bytes jpeg, int width, int quality, struct buf **out)
{
    char text[40];
    (void)quality;
    if (jpeg.data[2] == 'x') {
        return -EBADMSG;
    }
    if (width > 640) {
        return -ERANGE;
    }
    snprintf(text, sizeof(text), "scaled to %d", width);
    *out = buf_copy(bytes_of_text(text));
    return 0;
}

static void test_width(void **state)
{
    struct lab l;
    lab_create(&l);
    l.env.scale_jpeg = scale;
    const int watching = lab_request(&l, "/cam/stream.mjpg");
    lab_wait_wanted(&l, 1 << ENCODING_JPEG);
    lab_publish_jpeg(&l, 'a', 10, 0);
    expect_answer(lab_request(&l, "/cam/snapshot.jpg?width=320&max_age=20s"), 200, "scaled to 320");
    expect_answer(lab_request(&l, "/cam/snapshot.jpg?width=1280&max_age=20s"), 200, "aaaaaaaa");
    lab_publish_jpeg(&l, 'x', 10, 0);
    while (lab_ask(&l, "/cam/snapshot.jpg?width=320&max_age=20s", &head, &body) == 200) {
        /* the damaged one is on its way */
    }
    assert_int_equal(client_status(&head), 503);
    lab_leave(watching);
    lab_destroy(&l);
}

static void test_client_leaves_while_waiting(void **state)
{
    struct lab l;
    lab_create(&l);
    l.env.scale_jpeg = scale;
    for (int i = 0; i < 20; i++) {
        const int fd = lab_request(&l, i % 2 ? "/cam/snapshot.jpg?max_age=0"
                                             : "/cam/snapshot.jpg?max_age=0&width=32");
        lab_wait_wanted(&l, 1 << ENCODING_JPEG);
        if (i % 3 == 0) {
            lab_publish_jpeg(&l, 'a', 10, 0);
        }
        lab_leave(fd);
        fixture_wait_for_connections(&l.fixture, 0);
        lab_wait_wanted(&l, 0);
    }
    lab_destroy(&l);
}

static void test_the_stream_goes_away(void **state)
{
    struct lab l;
    lab_create(&l);
    const int fd = lab_request(&l, "/cam/snapshot.jpg");
    lab_wait_wanted(&l, 1 << ENCODING_JPEG);
    lab_end_stream(&l);
    expect_answer(fd, 503, "the stream has ended");
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
        cmocka_unit_test(test_wakes_the_stream_and_waits),
        cmocka_unit_test(test_max_age),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_client_leaves_while_waiting),
        cmocka_unit_test(test_the_stream_goes_away),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
