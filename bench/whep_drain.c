/*
 * Many WHEP viewers in one process: real ICE, DTLS and SRTP sessions, each on a socket of its own,
 * which report as browsers do and count packets by their clear headers.
 *
 * usage: whep_drain PORT N SECONDS PATH [gcm|sha1]
 *
 * Prints "joined N" when all are connected and receive; SECONDS later one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/rtc_client.h"
#include "proto/rtcp.h"

enum { VIEWERS_MAX = 4096, JOINING_MAX = 32, ANSWER_MAX = 65536 };
#define CHECK_NS      (2500 * NS_PER_MS)
#define RETRY_NS      (200 * NS_PER_MS)
#define REPORT_NS     NS_PER_S
#define JOIN_LIMIT_NS (60 * NS_PER_S)

struct viewer {
    struct rtc_client client;
    int64_t check_ns; /* the next one */
    int64_t report_ns;
    uint64_t n_reported_lost;
    uint64_t n_reported;
    uint32_t lsr;
    int64_t sr_ns;
    int64_t longest_gap_ns;
    int64_t begun_ns;
    int64_t first_ns; /* from the offer to the end of the first frame; 0: not yet */
};

static struct viewer viewers[VIEWERS_MAX];
static unsigned n_viewers; /* begun */

static void fail(const char *what)
{
    fprintf(stderr, "whep_drain: %s\n", what);
    exit(1);
}

/* ---- HTTP ---- */

static void post(uint16_t port, const char *path, const struct text *offer, struct text *answer)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct text request = {0};
    static char in[ANSWER_MAX];
    size_t n = 0;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
        fail("no server");
    }
    text_printf(&request,
                "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
                path, offer->size, offer->data);
    (void)!write(fd, request.data, request.size);
    for (ssize_t k; n < sizeof(in) - 1 && (k = read(fd, in + n, sizeof(in) - 1 - n)) > 0;) {
        n += (size_t)k;
    }
    in[n] = '\0';
    close(fd);
    text_finish(&request);
    const char *body = strstr(in, "\r\n\r\n");
    if (strncmp(in, "HTTP/1.1 201", 12) != 0 || !body) {
        fprintf(stderr, "%.300s\n", in);
        fail("the offer was refused");
    }
    text_append(answer, body + 4);
}

/* ---- viewers ---- */

static void on_rtcp(struct rtc_client *c, struct bytes plain, void *arg)
{
    struct viewer *v = arg;
    struct rtcp_reader r;
    rtcp_reader_init(&r, plain);
    for (struct rtcp_item item; rtcp_reader_next(&r, &item);) {
        if (item.type == RTCP_SENDER_REPORT) {
            v->lsr = rtcp_ntp_middle(item.sr.ntp);
            v->sr_ns = time_monotonic_ns();
        }
    }
}

static void begin(int epoll, const struct rtc_client_env *env, uint16_t port, const char *path)
{
    struct viewer *v = &viewers[n_viewers];
    struct text offer = {0}, answer = {0};
    v->begun_ns = time_monotonic_ns();
    if (rtc_client_open(&v->client, env) < 0) {
        fail("no socket");
    }
    rtc_client_offer(&v->client, &offer);
    post(port, path, &offer, &answer);
    if (rtc_client_answer(&v->client, text_bytes(&answer)) < 0) {
        fail("the answer cannot be used");
    }
    v->client.decrypts = false;
    v->client.on_rtcp = on_rtcp;
    v->client.arg = v;
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = n_viewers};
    epoll_ctl(epoll, EPOLL_CTL_ADD, v->client.fd, &e);
    n_viewers++;
    text_finish(&offer);
    text_finish(&answer);
}

static void send_report(struct viewer *v, int64_t now_ns)
{
    struct rtc_client *c = &v->client;
    uint8_t out[100];
    struct byte_writer w;
    const uint64_t n_lost = c->n_lost - v->n_reported_lost;
    const uint64_t n = c->n_packets + c->n_lost - v->n_reported;
    const struct rtcp_report_block block = {
        .ssrc = c->ssrc,
        .fraction_lost = n > 0 ? (uint8_t)(n_lost * 255 / n) : 0,
        .n_lost = (int32_t)c->n_lost,
        .highest_sequence = c->highest,
        .lsr = v->lsr,
        .dlsr = v->lsr ? rtcp_delay(now_ns - v->sr_ns) : 0,
    };
    byte_writer_init(&w, out, sizeof(out));
    rtcp_write_rr(&w, 1, &block, 1);
    rtc_client_send_rtcp(c, bytes_of(out, byte_writer_size(&w)));
    v->n_reported_lost = c->n_lost;
    v->n_reported = c->n_packets + c->n_lost;
    v->report_ns = now_ns + REPORT_NS;
}

static void on_time(struct viewer *v, int64_t now_ns)
{
    struct rtc_client *c = &v->client;
    rtc_client_on_time(c, now_ns);
    if (now_ns >= v->check_ns) {
        rtc_client_check(c, NULL, true);
        v->check_ns = now_ns + (c->is_checked ? CHECK_NS : RETRY_NS);
    }
    if (c->is_connected && c->has_sequence && now_ns >= v->report_ns) {
        send_report(v, now_ns);
    }
}

static void on_readable(struct viewer *v, int64_t now_ns)
{
    struct rtc_client *c = &v->client;
    const int64_t last_ns = c->last_ns;
    rtc_client_read(c, now_ns);
    if (c->is_checked && !c->dtls) {
        rtc_client_start(c, now_ns);
    }
    if (v->first_ns == 0 && c->n_frames > 0) {
        v->first_ns = time_monotonic_ns() - v->begun_ns;
    }
    if (last_ns != TIME_NONE && c->last_ns > last_ns && c->last_ns - last_ns > v->longest_gap_ns) {
        v->longest_gap_ns = c->last_ns - last_ns;
    }
}

static void turn(int epoll)
{
    static int64_t swept_ns;
    struct epoll_event events[256];
    const int n = epoll_wait(epoll, events, 256, 10);
    const int64_t now_ns = time_monotonic_ns();
    for (int i = 0; i < n; i++) {
        on_readable(&viewers[events[i].data.u32], now_ns);
    }
    if (now_ns - swept_ns > 20 * NS_PER_MS) {
        swept_ns = now_ns;
        for (unsigned i = 0; i < n_viewers; i++) {
            on_time(&viewers[i], now_ns);
        }
    }
}

static unsigned count_playing(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < n_viewers; i++) {
        n += viewers[i].client.n_frames > 0;
    }
    return n;
}

static void join(int epoll, const struct rtc_client_env *env, uint16_t port, const char *path,
                 unsigned n)
{
    const int64_t until_ns = time_monotonic_ns() + JOIN_LIMIT_NS;
    while (count_playing() < n) {
        if (n_viewers < n && n_viewers - count_playing() < JOINING_MAX) {
            begin(epoll, env, port, path);
        }
        turn(epoll);
        if (time_monotonic_ns() > until_ns) {
            fail("not all got a picture within a minute");
        }
    }
    printf("joined %u\n", n);
    fflush(stdout);
}

/* ---- result ---- */

static void forget_counts(void)
{
    for (unsigned i = 0; i < n_viewers; i++) {
        struct rtc_client *c = &viewers[i].client;
        c->n_packets = c->n_repeats = c->n_lost = c->n_frames = c->n_bytes = 0;
        viewers[i].n_reported = viewers[i].n_reported_lost = 0;
        viewers[i].longest_gap_ns = 0;
    }
}

static void print_result(double seconds)
{
    struct rtc_client sum = {0};
    uint64_t least = UINT64_MAX, most = 0;
    int64_t gap_ns = 0, first_ns = 0, first_sum_ns = 0;
    unsigned n_closed = 0;
    for (unsigned i = 0; i < n_viewers; i++) {
        const struct rtc_client *c = &viewers[i].client;
        sum.n_packets += c->n_packets;
        sum.n_lost += c->n_lost;
        sum.n_repeats += c->n_repeats;
        sum.n_bytes += c->n_bytes;
        least = c->n_frames < least ? c->n_frames : least;
        most = c->n_frames > most ? c->n_frames : most;
        gap_ns = viewers[i].longest_gap_ns > gap_ns ? viewers[i].longest_gap_ns : gap_ns;
        first_ns = viewers[i].first_ns > first_ns ? viewers[i].first_ns : first_ns;
        first_sum_ns += viewers[i].first_ns;
        n_closed += c->is_closed;
    }
    printf(
        "{\"viewers\": %u, \"packets\": %llu, \"lost\": %llu, \"repeats\": %llu, "
        "\"frames_least\": %llu, \"frames_most\": %llu, \"longest_gap_ms\": %.1f, "
        "\"first_ms_mean\": %.1f, \"first_ms_most\": %.1f, \"mean_bytes\": %.0f, \"mbps\": %.3f, "
        "\"closed\": %u}\n",
        n_viewers, (unsigned long long)sum.n_packets, (unsigned long long)sum.n_lost,
        (unsigned long long)sum.n_repeats, (unsigned long long)least, (unsigned long long)most,
        (double)gap_ns / NS_PER_MS, (double)first_sum_ns / NS_PER_MS / n_viewers,
        (double)first_ns / NS_PER_MS, (double)sum.n_bytes / n_viewers,
        (double)sum.n_bytes * 8 / n_viewers / seconds / 1e6, n_closed);
}

int main(int argc, char **argv)
{
    struct rtc_client_env env;
    if (argc < 5 || atoi(argv[2]) < 1 || atoi(argv[2]) > VIEWERS_MAX ||
        rtc_client_env_init(&env) < 0) {
        fputs("usage: whep_drain PORT N SECONDS PATH [gcm|sha1]\n", stderr);
        return 2;
    }
    if (argc > 5) {
        env.profiles[0] = strcmp(argv[5], "sha1") == 0 ? SRTP_PROFILE_SHA1_80 : SRTP_PROFILE_GCM;
        env.profiles[1] = SRTP_PROFILE_NONE;
    }
    const int epoll = epoll_create1(0);
    join(epoll, &env, (uint16_t)atoi(argv[1]), argv[4], (unsigned)atoi(argv[2]));
    forget_counts();
    const int64_t start_ns = time_monotonic_ns();
    while (time_monotonic_ns() - start_ns < atoi(argv[3]) * NS_PER_S) {
        turn(epoll);
    }
    print_result((double)(time_monotonic_ns() - start_ns) / NS_PER_S);
    for (unsigned i = 0; i < n_viewers; i++) {
        rtc_client_close(&viewers[i].client);
    }
    rtc_client_env_finish(&env);
    return 0;
}
