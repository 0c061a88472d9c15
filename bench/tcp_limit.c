/*
 * The limit for TCP fan-out: one thread, epoll, writev of one shared buffer to every connection,
 * nothing else. What a real server adds to this is its overhead.
 *
 * usage: tcp_limit SECONDS FRAME_BYTES FPS
 *
 * Prints "ready PORT", accepts while it sends, and after SECONDS from the first connection prints
 * the CPU microseconds per connection and second.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/time.h"

enum { CONNECTIONS_MAX = 4096 };

struct connection {
    int fd;
    size_t offset; /* of the frame being written; frame_size: idle */
};

static struct connection connections[CONNECTIONS_MAX];
static unsigned n_connections;
static unsigned long n_dropped;

static int64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

static void push(int epoll, struct connection *c, const uint8_t *frame, size_t size)
{
    struct iovec part = {(void *)(uintptr_t)(frame + c->offset), size - c->offset};
    const ssize_t n = writev(c->fd, &part, 1);
    if (n > 0) {
        c->offset += (size_t)n;
    }
    struct epoll_event e = {.events = c->offset < size ? EPOLLOUT : 0, .data.ptr = c};
    if (c->offset < size || n < 0) {
        epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e);
    }
}

static void accept_all(int listener, int epoll, size_t frame_size)
{
    int fd;
    while (n_connections < CONNECTIONS_MAX &&
           (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        const int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        struct connection *c = &connections[n_connections++];
        *c = (struct connection){.fd = fd, .offset = frame_size};
        struct epoll_event e = {.events = 0, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    }
}

static void send_frame(int epoll, const uint8_t *frame, size_t size)
{
    for (unsigned i = 0; i < n_connections; i++) {
        struct connection *c = &connections[i];
        if (c->offset < size) {
            n_dropped++;
            continue;
        }
        c->offset = 0;
        push(epoll, c, frame, size);
    }
}

static int open_listener(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) < 0) {
        perror("listen");
        exit(1);
    }
    printf("ready %u\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: tcp_limit SECONDS FRAME_BYTES FPS\n");
        return 2;
    }
    const double seconds = atof(argv[1]);
    const size_t frame_size = (size_t)atol(argv[2]);
    const int64_t interval_ns = NS_PER_S / atoi(argv[3]);
    uint8_t *frame = calloc(1, frame_size);
    const int epoll = epoll_create1(0);
    const int listener = open_listener();
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    const struct itimerspec every = {.it_interval = {0, interval_ns}, .it_value = {0, interval_ns}};
    timerfd_settime(timer, 0, &every, NULL);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)&listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    e = (struct epoll_event){.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)&timer};
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &e);

    int64_t start_ns = 0;
    int64_t start_cpu_us = 0;
    for (;;) {
        struct epoll_event events[256];
        const int n = epoll_wait(epoll, events, 256, 1000);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &listener) {
                accept_all(listener, epoll, frame_size);
                start_ns = time_monotonic_ns() + NS_PER_S; /* settled a second after the last */
                start_cpu_us = -1;
            } else if (events[i].data.ptr == &timer) {
                uint64_t ticks;
                if (read(timer, &ticks, sizeof(ticks)) > 0) {
                    send_frame(epoll, frame, frame_size);
                }
            } else if (events[i].events & EPOLLOUT) {
                push(epoll, events[i].data.ptr, frame, frame_size);
            }
        }
        const int64_t now_ns = time_monotonic_ns();
        if (start_ns > 0 && start_cpu_us < 0 && now_ns >= start_ns) {
            start_cpu_us = cpu_us();
            start_ns = now_ns;
        }
        if (start_ns > 0 && start_cpu_us >= 0 && (double)(now_ns - start_ns) / 1e9 >= seconds) {
            const double elapsed_s = (double)(now_ns - start_ns) / 1e9;
            printf("%.1f us/viewer.s, %u connections, %lu frames dropped\n",
                   (double)(cpu_us() - start_cpu_us) / n_connections / elapsed_s, n_connections,
                   n_dropped);
            return 0;
        }
    }
}
