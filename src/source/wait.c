#include "source/wait.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "base/time.h"

int source_wait(int fd, short events, int wake_fd, int64_t deadline_ns)
{
    struct pollfd fds[] = {{.fd = wake_fd, .events = POLLIN}, {.fd = fd, .events = events}};
    for (;;) {
        struct timespec left = {0};
        if (deadline_ns != INT64_MAX) {
            const int64_t now_ns = time_monotonic_ns();
            const int64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
            left = (struct timespec){.tv_sec = left_ns / NS_PER_S, .tv_nsec = left_ns % NS_PER_S};
        }
        const int n = ppoll(fds, 2, deadline_ns == INT64_MAX ? NULL : &left, NULL);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            return fds[0].revents ? -EINTR : 0;
        }
        if (n == 0) {
            return -ETIMEDOUT;
        }
    }
}
