/*
 * Many RTSP players of one stream in one process: real dialogues, then what comes is thrown away.
 *
 * usage: rtsp_drain PORT N SECONDS tcp|udp PATH CONTROL
 *
 * PATH "/cam", CONTROL what its description says: "trackID=0". Prints "joined N", and at the end
 * bytes per player, how many packets came and how many were lost (by sequence numbers; of all
 * players, over TCP of the first).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/time.h"

enum { PLAYERS_MAX = 4096, BLOCK_SIZE = 1024 * 1024, BATCH = 64, RTP_HEADER = 12 };

struct player {
    int fd;  /* the dialogue's */
    int rtp; /* UDP; -1 over TCP */
    int rtcp;
    uint64_t n_bytes;
    uint64_t n_packets;
    uint64_t n_lost;
    uint16_t sequence;
    char session[64];
};

static struct player players[PLAYERS_MAX];
static const char *path;
static const char *control;
static uint16_t port;

static void fail(const char *what)
{
    fprintf(stderr, "rtsp_drain: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the dialogue ---- */

static void read_exactly(struct player *p, void *out, size_t size)
{
    for (uint8_t *at = out; size > 0;) {
        const ssize_t n = read(p->fd, at, size);
        if (n <= 0) {
            fail("the end");
        }
        at += n;
        size -= (size_t)n;
    }
}

/* Some servers play before they answer PLAY. */
static void skip_frames(struct player *p)
{
    static uint8_t frame[UINT16_MAX];
    uint8_t h[4];
    while (recv(p->fd, h, 1, MSG_PEEK) == 1 && h[0] == '$') {
        read_exactly(p, h, sizeof(h));
        read_exactly(p, frame, bytes_get_u16(h + 2));
    }
}

static void read_answer(struct player *p)
{
    char head[4096];
    char body[4096];
    size_t n = 0;
    skip_frames(p);
    while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
        if (n + 1 == sizeof(head) || read(p->fd, head + n, 1) != 1) {
            fail("no answer");
        }
        n++;
    }
    head[n] = '\0';
    if (strncmp(head, "RTSP/1.0 200", 12) != 0) {
        fprintf(stderr, "rtsp_drain: %s", head);
        exit(1);
    }
    const char *length = strcasestr(head, "\r\nContent-Length:");
    const size_t size = length ? strtoul(length + 17, NULL, 10) : 0;
    if (size > sizeof(body)) {
        fail("a long body");
    }
    read_exactly(p, body, size);
    const char *session = strcasestr(head, "\r\nSession: ");
    if (session) {
        sscanf(session + 11, "%63[^;\r\n]", p->session);
    }
}

static void ask(struct player *p, unsigned cseq, const char *method, const char *part,
                const char *header)
{
    char request[1024];
    const int n =
        snprintf(request, sizeof(request),
                 "%s rtsp://127.0.0.1:%u%s%s%s RTSP/1.0\r\nCSeq: %u\r\n%s%s%s%s\r\n", method, port,
                 path, part[0] ? "/" : "", part, cseq, p->session[0] ? "Session: " : "", p->session,
                 p->session[0] ? "\r\n" : "", header);
    if (write(p->fd, request, (size_t)n) != n) {
        fail("write");
    }
    read_answer(p);
}

static int open_udp(uint16_t *out)
{
    const int size = 1 << 20;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(a);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (bind(fd, (struct sockaddr *)&a, length) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &length) < 0) {
        fail("bind");
    }
    *out = ntohs(a.sin_port);
    return fd;
}

/* As who never said anything (the bare loop's viewers): after a dialogue the kernel waits with it,
 * and on loopback the late ones cost the server. */
static void acknowledge_at_once(const struct player *p)
{
    const int one = 1;
    setsockopt(p->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

static void join(struct player *p, bool is_udp)
{
    char transport[120] = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    const struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *p = (struct player){.fd = socket(AF_INET, SOCK_STREAM, 0), .rtp = -1, .rtcp = -1};
    if (p->fd < 0 || connect(p->fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
        fail("connect");
    }
    if (is_udp) {
        uint16_t rtp, rtcp;
        p->rtp = open_udp(&rtp);
        p->rtcp = open_udp(&rtcp);
        snprintf(transport, sizeof(transport), "Transport: RTP/AVP;unicast;client_port=%u-%u\r\n",
                 rtp, rtcp);
    }
    ask(p, 1, "DESCRIBE", "", "Accept: application/sdp\r\n");
    ask(p, 2, "SETUP", control, transport);
    ask(p, 3, "PLAY", "", "");
    fcntl(p->fd, F_SETFL, O_NONBLOCK);
    acknowledge_at_once(p);
}

/* ---- what comes ---- */

static void note(struct player *p, const uint8_t *rtp)
{
    const uint16_t sequence = bytes_get_u16(rtp + 2);
    const int16_t step = (int16_t)(uint16_t)(sequence - p->sequence);
    p->n_lost += p->n_packets > 0 && step > 1 ? (uint64_t)step - 1 : 0;
    p->sequence = sequence;
    p->n_packets++;
}

/* Only headers are copied; the kernel tells the size. */
static void drain_udp(struct player *p)
{
    static uint8_t bytes[BATCH][RTP_HEADER];
    struct mmsghdr messages[BATCH];
    struct iovec iov[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){bytes[i], RTP_HEADER};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
    }
    const int n = recvmmsg(p->rtp, messages, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
    for (int i = 0; i < n; i++) {
        p->n_bytes += messages[i].msg_len;
        note(p, bytes[i]);
    }
}

/* The first player's interleaved frames, over cuts. */
static void scan(struct player *p, const uint8_t *in, size_t size)
{
    static uint8_t frame[UINT16_MAX + 4];
    static size_t n_frame;
    while (size > 0) {
        const size_t wanted = n_frame < 4 ? 4 : 4 + (size_t)bytes_get_u16(frame + 2);
        const size_t more = wanted - n_frame < size ? wanted - n_frame : size;
        memcpy(frame + n_frame, in, more);
        n_frame += more;
        in += more;
        size -= more;
        if (n_frame >= 4 && n_frame == 4 + (size_t)bytes_get_u16(frame + 2)) {
            if (frame[1] == 0) {
                note(p, frame + 4);
            }
            n_frame = 0;
        }
    }
}

static void drain_tcp(struct player *p)
{
    static uint8_t block[BLOCK_SIZE];
    const bool is_first = p == &players[0];
    ssize_t n;
    do {
        n = recv(p->fd, is_first ? block : NULL, BLOCK_SIZE, is_first ? 0 : MSG_TRUNC);
        p->n_bytes += n > 0 ? (uint64_t)n : 0;
        if (n > 0 && is_first) {
            scan(p, block, (size_t)n);
        }
    } while (n >= BLOCK_SIZE / 16);
}

static void report(unsigned n)
{
    uint64_t n_bytes = 0, n_packets = 0, n_lost = 0, least = UINT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        n_bytes += players[i].n_bytes;
        n_packets += players[i].n_packets;
        n_lost += players[i].n_lost;
        least = players[i].n_bytes < least ? players[i].n_bytes : least;
    }
    printf("{\"viewers\":%u,\"least_bytes\":%llu,\"mean_bytes\":%llu,\"packets\":%llu,\"lost\":%"
           "llu}\n",
           n, (unsigned long long)least, (unsigned long long)(n_bytes / n),
           (unsigned long long)n_packets, (unsigned long long)n_lost);
}

int main(int argc, char **argv)
{
    if (argc < 7 || atoi(argv[2]) < 1 || atoi(argv[2]) > PLAYERS_MAX) {
        fputs("usage: rtsp_drain PORT N SECONDS tcp|udp PATH CONTROL\n", stderr);
        return 2;
    }
    const unsigned n = (unsigned)atoi(argv[2]);
    const bool is_udp = strcmp(argv[4], "udp") == 0;
    const int epoll = epoll_create1(0);
    port = (uint16_t)atoi(argv[1]);
    path = argv[5];
    control = argv[6];
    for (unsigned i = 0; i < n; i++) {
        join(&players[i], is_udp);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &players[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, is_udp ? players[i].rtp : players[i].fd, &e);
    }
    printf("joined %u\n", n);
    fflush(stdout);
    const int64_t end_ns = time_monotonic_ns() + (int64_t)(atof(argv[3]) * 1e9);
    while (time_monotonic_ns() < end_ns) {
        struct epoll_event events[256];
        const int n_events = epoll_wait(epoll, events, 256, 100);
        for (int i = 0; i < n_events; i++) {
            (is_udp ? drain_udp : drain_tcp)(events[i].data.ptr);
        }
    }
    report(n);
    return 0;
}
