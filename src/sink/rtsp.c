#include "sink/rtsp.h"

#include <sys/socket.h>
#include <unistd.h>

#include "sink/rtsp_connection.h"
#include "sink/rtsp_connections.h"
#include "sink/rtsp_ports.h"

static const struct rtsp_limits default_limits = {
    .n_connections = 1024,
    .n_per_address = 512,
    .request_ns = 10 * NS_PER_S,
    .silence_ns = (RTSP_SESSION_TIMEOUT_S + 5) * NS_PER_S,
    .stall_ns = 30 * NS_PER_S,
    .track_wait_ns = 8 * NS_PER_S,
    .play_wait_ns = 3 * NS_PER_S,
    .check_ns = 5 * NS_PER_S,
};

/* ---- what dialogues ask ---- */

static unsigned n_tracks(const char *name, void *arg)
{
    const struct rtsp_server *s = arg;
    return directory_find(s->sink.env->streams, name) ? RTSP_N_TRACKS : 0;
}

/* ---- accepting ---- */

/* One write that the kernel takes or not: nobody waits for it. What the player has sent is read
 * first, for closed over unread bytes the connection is reset, and the answer may be lost. */
static void refuse(int fd)
{
    char thrown_away[512];
    static const char answer[] = "RTSP/1.0 503 Service Unavailable\r\nServer: Avocet\r\n"
                                 "Connection: close\r\n\r\n";
    (void)recv(fd, thrown_away, sizeof(thrown_away), MSG_DONTWAIT);
    (void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static bool has_room(struct rtsp_server *s, const struct address *peer)
{
    const unsigned n = s->n_connections;
    const bool has =
        n < s->limits.n_connections &&
        (n < s->limits.n_per_address || rtsp_connections_count(s, peer) < s->limits.n_per_address);
    if (!has && !s->was_limit_said) {
        log_warn(&s->sink.log, "%u players are connected, more are turned away", s->n_connections);
    }
    s->was_limit_said = !has;
    return has;
}

static void on_check(struct loop_timer *t)
{
    struct rtsp_server *s = list_entry(t, struct rtsp_server, check);
    rtsp_connections_check(s);
    if (s->n_connections > 0) {
        loop_timer_start(t, s->limits.check_ns);
    }
}

static void on_accept(struct listener *l, int fd, const struct address *peer)
{
    struct rtsp_server *s = l->arg;
    if (!has_room(s, peer)) {
        refuse(fd);
        return;
    }
    if (s->n_connections == 0) {
        loop_timer_start(&s->check, s->limits.check_ns);
    }
    rtsp_connection_open(s, fd, peer);
}

/* ---- the sink ---- */

static int open_sink(void *state)
{
    struct rtsp_server *s = state;
    s->limits = default_limits;
    s->asks = (struct rtsp_asks){.n_tracks = n_tracks, .arg = s};
    s->sdp_id = (uint64_t)time_real_ns();
    loop_timer_init(&s->check, s->sink.env->loop, on_check);
    list_init(&s->connections);
    list_init(&s->ports);
    list_init(&s->groups);
    return 0;
}

static int listen_sink(void *state, const char *const *addresses, char *sentence, size_t size)
{
    struct rtsp_server *s = state;
    const struct listener_group_config config = {
        .addresses = addresses,
        .scheme = "rtsp",
        .setting = "--rtsp",
        .log = &s->sink.log,
        .on_accept = on_accept,
        .arg = s,
    };
    return listener_group_open(&s->listeners, s->sink.env->loop, &config, sentence, size);
}

static const char *address_of(const void *state)
{
    const struct rtsp_server *s = state;
    return listener_group_address(&s->listeners);
}

static void close_sink(void *state)
{
    struct rtsp_server *s = state;
    struct rtsp_connection *c;
    struct rtsp_connection *next;
    listener_group_close(&s->listeners);
    list_for_each_safe(c, next, &s->connections, link)
    {
        rtsp_connection_destroy(c);
    }
    loop_timer_finish(&s->check);
    rtsp_ports_close(s);
}

struct rtsp_limits *rtsp_limits(void *state)
{
    return &((struct rtsp_server *)state)->limits;
}

const struct sink_type sink_rtsp = {
    .name = "rtsp",
    .summary = "RTSP for players and recorders: rtsp://HOST:8554/NAME",
    .state_size = sizeof(struct rtsp_server),
    .open = open_sink,
    .server = "rtsp",
    .listen = listen_sink,
    .address = address_of,
    .close = close_sink,
};
