/*
 * The limit for WebRTC and RTP fan-out: one thread encrypts each packet of a frame with each
 * viewer's own key, straight by libcrypto, and sends the frame by one sendmsg() with UDP GSO. No
 * ICE, no RTCP, no history, no pacing. What a real server adds to this is its overhead. `plain`
 * encrypts nothing: the limit for RTP as RTSP sends it.
 *
 * usage: rtp_limit gcm|sha1|plain N SECONDS [FRAME_BYTES]
 *
 * 30 frames per second (without FRAME_BYTES, of 4 Mbit/s) to N sockets of a child process that
 * reads and throws away. Prints the CPU microseconds per viewer and second, and how long after the
 * beginning of its frame a viewer's part was handed to the kernel (95th percentile of all viewers
 * and frames).
 */
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/time.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
    VIEWERS_MAX = 4096,
    FPS = 30,
    FRAME = 4000000 / 8 / FPS,
    FRAME_MAX = 60000, /* one run */
    PAYLOAD = 1150,
    HEADER = 24, /* with playout-delay and abs-send-time */
    TAG_MAX = 16,
    PACKETS_MAX = FRAME_MAX / PAYLOAD + 1,
};

struct viewer {
    struct sockaddr_in to;
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac; /* NULL: GCM */
};

static struct viewer viewers[VIEWERS_MAX];
static uint8_t frame[FRAME_MAX];
static size_t frame_size = FRAME;
static uint8_t scratch[PACKETS_MAX * (HEADER + PAYLOAD + TAG_MAX)];

static int64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

/* ---- the viewers ---- */

static void read_and_throw_away(const int *fds, unsigned n)
{
    enum { BATCH = 64, SIZE = 1500 };
    static uint8_t bytes[BATCH][SIZE];
    struct mmsghdr messages[BATCH];
    struct iovec iov[BATCH];
    struct epoll_event events[64];
    const int epoll = epoll_create1(0);
    for (unsigned i = 0; i < n; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fds[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &e);
    }
    for (unsigned i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){bytes[i], SIZE};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
    }
    for (;;) {
        const int n_events = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < n_events; i++) {
            (void)!recvmmsg(events[i].data.fd, messages, BATCH, MSG_DONTWAIT, NULL);
        }
    }
}

static pid_t start_viewers(unsigned n)
{
    static int fds[VIEWERS_MAX];
    const int size = 1 << 20;
    for (unsigned i = 0; i < n; i++) {
        viewers[i].to =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t length = sizeof(viewers[i].to);
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (bind(fds[i], (struct sockaddr *)&viewers[i].to, length) < 0 ||
            getsockname(fds[i], (struct sockaddr *)&viewers[i].to, &length) < 0) {
            perror("rtp_limit");
            exit(1);
        }
    }
    const pid_t child = fork();
    if (child == 0) {
        read_and_throw_away(fds, n);
    }
    return child;
}

/* ---- the sender ---- */

static void make_keys(struct viewer *v, unsigned i, bool is_gcm)
{
    uint8_t key[20] = {(uint8_t)i, (uint8_t)(i >> 8), 1};
    v->cipher = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(v->cipher, is_gcm ? EVP_aes_128_gcm() : EVP_aes_128_ctr(), NULL, key, NULL);
    if (!is_gcm) {
        EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        const OSSL_PARAM digest[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA1", 0),
            OSSL_PARAM_construct_end()};
        v->mac = EVP_MAC_CTX_new(hmac);
        EVP_MAC_init(v->mac, key, sizeof(key), digest);
        EVP_MAC_free(hmac);
    }
}

static size_t protect(struct viewer *v, uint16_t sequence, const uint8_t *payload, size_t size,
                      uint8_t *out)
{
    uint8_t iv[16] = {0};
    int n;
    memset(out, 0, HEADER);
    out[0] = 0x90;
    bytes_put_u16(out + 2, sequence);
    if (!v->cipher) {
        memcpy(out + HEADER, payload, size);
        return HEADER + size;
    }
    bytes_put_u16(iv + 10, sequence);
    EVP_EncryptInit_ex(v->cipher, NULL, NULL, NULL, iv);
    if (!v->mac) {
        EVP_EncryptUpdate(v->cipher, NULL, &n, out, HEADER);
        EVP_EncryptUpdate(v->cipher, out + HEADER, &n, payload, (int)size);
        EVP_EncryptFinal_ex(v->cipher, out, &n);
        EVP_CIPHER_CTX_ctrl(v->cipher, EVP_CTRL_GCM_GET_TAG, 16, out + HEADER + size);
        return HEADER + size + 16;
    }
    const uint8_t rollover[4] = {0};
    uint8_t tag[20];
    size_t tag_size;
    EVP_EncryptUpdate(v->cipher, out + HEADER, &n, payload, (int)size);
    EVP_MAC_init(v->mac, NULL, 0, NULL);
    EVP_MAC_update(v->mac, out, HEADER + size);
    EVP_MAC_update(v->mac, rollover, sizeof(rollover));
    EVP_MAC_final(v->mac, tag, &tag_size, sizeof(tag));
    memcpy(out + HEADER + size, tag, 10);
    return HEADER + size + 10;
}

static void send_frame(int fd, struct viewer *v, uint16_t *sequence)
{
    size_t end = 0;
    uint16_t segment = 0;
    for (size_t at = 0; at < frame_size; at += PAYLOAD) {
        const size_t size = frame_size - at < PAYLOAD ? frame_size - at : PAYLOAD;
        const size_t n = protect(v, (*sequence)++, frame + at, size, scratch + end);
        segment = segment == 0 ? (uint16_t)n : segment;
        end += n;
    }
    struct iovec iov = {scratch, end};
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr m = {.msg_name = &v->to,
                       .msg_namelen = sizeof(v->to),
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){
        .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof(segment))};
    memcpy(CMSG_DATA(c), &segment, sizeof(segment));
    if (sendmsg(fd, &m, 0) < 0) {
        perror("rtp_limit: sendmsg");
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    return *(const int32_t *)a - *(const int32_t *)b;
}

static void wait_until(int64_t time_ns)
{
    const struct timespec at = {time_ns / NS_PER_S, time_ns % NS_PER_S};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

int main(int argc, char **argv)
{
    if (argc < 4 || atoi(argv[2]) < 1 || atoi(argv[2]) > VIEWERS_MAX || atoi(argv[3]) < 1) {
        fputs("usage: rtp_limit gcm|sha1|plain N SECONDS [FRAME_BYTES]\n", stderr);
        return 2;
    }
    if (argc > 4 && atoi(argv[4]) > 0 && atoi(argv[4]) <= FRAME_MAX) {
        frame_size = (size_t)atoi(argv[4]);
    }
    const unsigned n = (unsigned)atoi(argv[2]);
    const unsigned n_frames = (unsigned)atoi(argv[3]) * FPS;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const pid_t child = start_viewers(n);
    int32_t *delays_us = malloc(n * n_frames * sizeof(*delays_us));
    uint16_t sequence = 0;
    for (unsigned i = 0; i < n && strcmp(argv[1], "plain") != 0; i++) {
        make_keys(&viewers[i], i, strcmp(argv[1], "gcm") == 0);
    }
    const int64_t start_ns = time_monotonic_ns();
    const int64_t start_us = cpu_us();
    for (unsigned f = 0; f < n_frames; f++) {
        wait_until(start_ns + f * (NS_PER_S / FPS));
        const int64_t begun_ns = time_monotonic_ns();
        for (unsigned i = 0; i < n; i++) {
            send_frame(fd, &viewers[i], &sequence);
            delays_us[f * n + i] = (int32_t)((time_monotonic_ns() - begun_ns) / NS_PER_US);
        }
    }
    qsort(delays_us, n * n_frames, sizeof(*delays_us), compare);
    printf("p95 %d us to the kernel\n", delays_us[n * n_frames * 95 / 100]);
    printf("%.1f us/viewer.s\n", (double)(cpu_us() - start_us) * FPS / n_frames / n);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}
