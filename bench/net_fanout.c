/*
 * TCP fan-out of net/ alone: what the HTTP server's outlets cost beside tcp_limit, and how much
 * memory a viewer takes.
 *
 * usage: net_fanout SECONDS FRAME_BYTES FPS
 *
 * Prints "ready PORT" and serves /stream and /ws; SECONDS after the first viewer has settled it
 * prints as tcp_limit, and the bytes of memory that each viewer added.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/http.h"
#include "proto/websocket.h"

enum { VIEWERS_MAX = 4096 };

static struct loop *loop;
static struct http_server *server;
static struct outlet *outlets[VIEWERS_MAX];
static unsigned n_outlets;
static unsigned long n_dropped;
static struct buf *frame;
static struct loop_timer frame_timer;
static struct loop_timer report_timer;
static int64_t interval_ns;
static int64_t next_ns;
static double seconds;
static int64_t start_ns;
static int64_t start_cpu_us;
static size_t heap_before;
static long resident_before;

static int64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

static long resident_bytes(void)
{
    long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%ld %ld", &size, &resident) != 2) {
        resident = 0;
    }
    if (f) {
        fclose(f);
    }
    return resident * sysconf(_SC_PAGESIZE);
}

static void on_frame(struct loop_timer *t)
{
    for (unsigned i = 0; i < n_outlets; i++) {
        if (outlets[i] && outlet_is_idle(outlets[i])) {
            outlet_send(outlets[i], frame);
        } else {
            n_dropped += outlets[i] != NULL;
        }
    }
    next_ns += interval_ns;
    loop_timer_start(t, next_ns - time_monotonic_ns());
}

static void on_report(struct loop_timer *t)
{
    const int64_t now_ns = time_monotonic_ns();
    if (start_ns == 0) {
        start_ns = now_ns;
        start_cpu_us = cpu_us();
        n_dropped = 0;
        loop_timer_start(t, (int64_t)(seconds * 1e9));
        return;
    }
    const double elapsed_s = (double)(now_ns - start_ns) / 1e9;
    printf("%.1f us/viewer.s, %u connections, %lu frames dropped, %zu heap bytes/viewer, "
           "%ld resident bytes/viewer\n",
           (double)(cpu_us() - start_cpu_us) / n_outlets / elapsed_s, n_outlets, n_dropped,
           (mallinfo2().uordblks - heap_before) / n_outlets,
           (resident_bytes() - resident_before) / (long)n_outlets);
    fflush(stdout);
    loop_stop(loop);
}

static void on_close(struct outlet *o, void *arg)
{
    *(struct outlet **)arg = NULL;
}

static const struct outlet_ops ops = {.on_close = on_close};

static void handle(struct http_exchange *x, void *arg)
{
    const bool is_websocket = arg == NULL && http_query(x, "ws");
    struct outlet **place = &outlets[n_outlets];
    if (n_outlets == VIEWERS_MAX) {
        http_respond_error(x, 503, "full");
        return;
    }
    *place = is_websocket ? http_accept_websocket(x, &ops, place)
                          : http_start_stream(x, "application/octet-stream", &ops, place);
    n_outlets++;
    loop_timer_start(&report_timer, NS_PER_S); /* settled a second after the last */
}

static const struct http_route routes[] = {{HTTP_METHOD_GET, "/stream", handle}, {0}};

int main(int argc, char **argv)
{
    static const char *const listen[] = {"127.0.0.1:0", NULL};
    const struct http_config config = {.listen = listen};
    const struct log log = {.topic = "bench"};
    char error[200];
    if (argc != 4) {
        fprintf(stderr, "usage: net_fanout SECONDS FRAME_BYTES FPS\n");
        return 2;
    }
    seconds = atof(argv[1]);
    const size_t size = (size_t)atol(argv[2]);
    interval_ns = NS_PER_S / atoi(argv[3]);
    frame = buf_create(size);
    memset(frame->data, 0, size);
    frame->size = size;
    websocket_write_header(WEBSOCKET_BINARY, size - 4, frame->data); /* of a size of two bytes */
    if (loop_create(&loop) < 0 || http_server_create(&server, loop, &log) < 0 ||
        http_server_add_routes(server, routes, NULL) < 0 ||
        http_server_listen(server, &config, error, sizeof(error)) < 0) {
        return 1;
    }
    printf("ready %s\n", strrchr(http_server_address(server), ':') + 1);
    fflush(stdout);
    loop_timer_init(&frame_timer, loop, on_frame);
    loop_timer_init(&report_timer, loop, on_report);
    next_ns = time_monotonic_ns() + interval_ns;
    loop_timer_start(&frame_timer, interval_ns);
    heap_before = mallinfo2().uordblks;
    resident_before = resident_bytes();
    loop_run(loop);
    return 0;
}
