/* A source that never gives a picture: every waiting request is answered in its time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <unistd.h>

#include "lab.h"
#include "sink/byte_viewer.h"
#include "sink/still.h"

static void expect_503(int fd, int64_t begin_ns, int64_t patience_ns, const char *word)
{
    struct text head = {0};
    struct text body = {0};
    assert_true(client_read_answer(fd, &head, &body));
    const int64_t took_ns = time_monotonic_ns() - begin_ns;
    text_append(&head, "");
    text_append(&body, "");
    assert_int_equal(client_status(&head), 503);
    assert_non_null(strstr(head.data, "Retry-After: "));
    assert_non_null(strstr(body.data, word));
    assert_true(took_ns > patience_ns - NS_PER_S / 2 && took_ns < patience_ns + 2 * NS_PER_S);
    text_finish(&head);
    text_finish(&body);
    close(fd);
}

static void test_nothing_comes(void **state)
{
    struct lab l;
    struct lab decoding; /* has a keyframe, and no picture of it yet */
    lab_create(&l);
    lab_create(&decoding);
    lab_publish_h264(&decoding, 'k', 100, true);
    const int64_t begin_ns = time_monotonic_ns();
    const int snapshot = lab_request(&l, "/cam/snapshot.jpg");
    const int stream = lab_request(&l, "/cam/stream.mp4");
    const int behind = lab_request(&decoding, "/cam/snapshot.jpg");
    expect_503(snapshot, begin_ns, STILL_PATIENCE_NS, "no picture came from the source yet");
    expect_503(behind, begin_ns, STILL_PATIENCE_NS, "is still being decoded");
    expect_503(stream, begin_ns, BYTE_VIEWER_PATIENCE_NS, "no picture came from the source yet");
    lab_wait_wanted(&l, 0);
    fixture_wait_for_connections(&l.fixture, 0); /* descriptors are counted, of both */
    lab_destroy(&decoding);                      /* created last */
    lab_destroy(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
