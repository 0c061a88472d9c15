/*
 * Many viewers of one HTTP stream or WebSocket in one process: reads and throws away.
 *
 * usage: tcp_drain PORT N SECONDS PATH [ws|bare]
 *
 * ws: does the WebSocket handshake; bare: sends nothing at all (tcp_limit). Prints bytes per
 * viewer: least, mean, most; and the number of writes seen by the first viewer, whose stream is
 * read whole: frames (WebSocket binary messages, or JPEG parts) and gaps of the counter "AVOC" +
 * u32 in them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/time.h"

enum { VIEWERS_MAX = 4096, BLOCK_SIZE = 1024 * 1024 };

struct viewer {
    int fd;
    uint64_t n_bytes;
};

/* Looks for a mark and the number behind it, over cuts. */
struct counter {
    uint8_t tail[8];
    size_t n_tail;
    uint64_t n_seen;
    uint64_t n_lost;
    uint64_t n_repeated;
    uint32_t last;
};

static struct viewer viewers[VIEWERS_MAX];

static void note(struct counter *c, uint32_t value)
{
    if (c->n_seen > 0) {
        const int32_t step = (int32_t)(value - c->last);
        c->n_repeated += step <= 0;
        c->n_lost += step > 1 ? (uint64_t)step - 1 : 0;
    }
    c->n_seen++;
    c->last = value;
}

static void scan(struct counter *c, const uint8_t *data, size_t size)
{
    static uint8_t joined[BLOCK_SIZE + 8];
    memcpy(joined, c->tail, c->n_tail);
    memcpy(joined + c->n_tail, data, size);
    const size_t total = c->n_tail + size;
    size_t at = 0;
    while (at + 8 <= total) {
        const uint8_t *mark = memmem(joined + at, total - at, "AVOC", 4);
        if (!mark || (size_t)(mark - joined) + 8 > total) {
            break;
        }
        note(c, bytes_get_u32(mark + 4));
        at = (size_t)(mark - joined) + 8;
    }
    const size_t keep = total - at < 7 ? total - at : 7;
    memcpy(c->tail, joined + total - keep, keep);
    c->n_tail = keep;
}

static int open_viewer(uint16_t port, const char *path, const char *kind)
{
    char request[512];
    const struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
        perror("connect");
        exit(1);
    }
    if (strcmp(kind, "bare") != 0) {
        const int size = snprintf(
            request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n", path, port,
            strcmp(kind, "ws") == 0
                ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                : "");
        if (write(fd, request, (size_t)size) != size) {
            exit(1);
        }
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void drain(struct viewer *v, struct counter *c, uint8_t *block)
{
    for (;;) {
        const bool is_first = v == &viewers[0];
        const ssize_t n =
            recv(v->fd, is_first ? block : NULL, BLOCK_SIZE, is_first ? 0 : MSG_TRUNC);
        if (n <= 0) {
            return;
        }
        v->n_bytes += (uint64_t)n;
        if (is_first) {
            scan(c, block, (size_t)n);
        }
        if (n < BLOCK_SIZE / 16) {
            return; /* most likely all: epoll says when there is more */
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: tcp_drain PORT N SECONDS PATH [ws|bare]\n");
        return 2;
    }
    const unsigned n_viewers = (unsigned)atoi(argv[2]);
    const char *kind = argc > 5 ? argv[5] : "http";
    uint8_t *block = malloc(BLOCK_SIZE);
    struct counter counter = {0};
    const int epoll = epoll_create1(0);
    if (n_viewers > VIEWERS_MAX || n_viewers == 0) {
        return 2;
    }
    for (unsigned i = 0; i < n_viewers; i++) {
        viewers[i].fd = open_viewer((uint16_t)atoi(argv[1]), argv[4], kind);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &viewers[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, viewers[i].fd, &e);
    }
    printf("joined %u\n", n_viewers);
    fflush(stdout);
    const int64_t end_ns = time_monotonic_ns() + (int64_t)(atof(argv[3]) * 1e9);
    while (time_monotonic_ns() < end_ns) {
        struct epoll_event events[256];
        const int n = epoll_wait(epoll, events, 256, 100);
        for (int i = 0; i < n; i++) {
            drain(events[i].data.ptr, &counter, block);
        }
    }
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    uint64_t total = 0;
    for (unsigned i = 0; i < n_viewers; i++) {
        const uint64_t b = viewers[i].n_bytes;
        least = b < least ? b : least;
        most = b > most ? b : most;
        total += b;
    }
    printf("{\"viewers\":%u,\"least_bytes\":%llu,\"mean_bytes\":%llu,\"most_bytes\":%llu,"
           "\"frames\":%llu,\"lost\":%llu,\"repeated\":%llu}\n",
           n_viewers, (unsigned long long)least, (unsigned long long)(total / n_viewers),
           (unsigned long long)most, (unsigned long long)counter.n_seen,
           (unsigned long long)counter.n_lost, (unsigned long long)counter.n_repeated);
    return 0;
}
