#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "net/tcp_backlog.h"

static void test_estimate(void **state)
{
    static const struct {
        const char *name;
        int64_t n_bytes, rate, round_trip_ns, expected_ns;
    } rows[] = {
        {"nothing waits", 0, 125000, 40 * NS_PER_MS, 0},
        {"no rate known", 20000, 0, 40 * NS_PER_MS, 0},
        {"a full path without queue", 5000, 125000, 40 * NS_PER_MS, 0},
        {"a queue behind it", 25000, 125000, 40 * NS_PER_MS, 160 * NS_PER_MS},
        {"a slow beginning", 5000, 12500, 40 * NS_PER_MS, 360 * NS_PER_MS},
        {"nearly stalled", INT32_MAX, 1, 0, TCP_BACKLOG_MAX_NS},
        {"fast", INT32_MAX, INT64_MAX / NS_PER_S, 0, 232 * NS_PER_MS},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int64_t ns =
            tcp_backlog_estimate_ns(rows[i].n_bytes, rows[i].rate, rows[i].round_trip_ns);
        if (ns / NS_PER_MS != rows[i].expected_ns / NS_PER_MS) {
            fail_msg("%s: %lld ns", rows[i].name, (long long)ns);
        }
    }
}

static void test_no_tcp_has_none(void **state)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(tcp_backlog_ns(fds[0]), 0);
    assert_int_equal(tcp_backlog_ns(-1), 0);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_estimate),
        cmocka_unit_test(test_no_tcp_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
