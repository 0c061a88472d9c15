#include "net/tcp_outlet.h"

#include <errno.h>

enum { INPUT_SIZE = 4096 };
#define CHECK_NS (5 * NS_PER_S)

static struct tcp_outlet *of(struct outlet *o)
{
    return list_entry(o, struct tcp_outlet, outlet);
}

static struct tcp_outlet *of_connection(struct connection *c)
{
    return list_entry(c, struct tcp_outlet, connection);
}

static void let_go(struct tcp_outlet *t)
{
    loop_timer_finish(&t->check);
    connection_close(&t->connection);
}

static void lose(struct tcp_outlet *t)
{
    let_go(t);
    t->outlet.ops->on_close(&t->outlet, t->outlet.arg);
}

/* ---- as an outlet ---- */

static int send_bufs(struct outlet *o, struct buf *const *bufs, size_t n_bufs)
{
    return connection_send(&of(o)->connection, bufs, n_bufs);
}

static bool is_idle(const struct outlet *o)
{
    const struct tcp_outlet *t = list_entry(o, const struct tcp_outlet, outlet);
    return !t->connection.is_broken && connection_is_ready(&t->connection);
}

static int64_t backlog_ns(struct outlet *o)
{
    return connection_backlog_ns(&of(o)->connection);
}

/* There is nothing to say to a player of bare bytes but the end. */
static void close_outlet(struct outlet *o, int code, const char *reason)
{
    let_go(of(o));
}

static const struct outlet_type tcp_outlet_type = {
    .send = send_bufs,
    .is_idle = is_idle,
    .backlog_ns = backlog_ns,
    .close = close_outlet,
};

/* ---- events ---- */

/* A player that has ended its half may still listen. */
static void on_input(struct connection *c)
{
    uint8_t thrown_away[INPUT_SIZE];
    const ssize_t n = connection_read(c, thrown_away, sizeof(thrown_away));
    if (n == 0) {
        of_connection(c)->has_ended = true;
        connection_set_reading(c, false);
    } else if (n < 0 && n != -EAGAIN) {
        lose(of_connection(c));
    }
}

static void on_drained(struct connection *c)
{
    struct tcp_outlet *t = of_connection(c);
    t->outlet.ops->on_idle(&t->outlet, t->outlet.arg);
}

static void on_broken(struct connection *c)
{
    lose(of_connection(c));
}

static const struct connection_ops connection_ops = {
    .on_input = on_input,
    .on_drained = on_drained,
    .on_broken = on_broken,
};

static bool is_stalled(const struct tcp_outlet *t)
{
    const struct connection *c = &t->connection;
    return !connection_is_ready(c) &&
           loop_now_ns(c->watch.loop) - c->progress_ns > TCP_OUTLET_STALL_NS;
}

static void on_check(struct loop_timer *timer)
{
    struct tcp_outlet *t = list_entry(timer, struct tcp_outlet, check);
    const uint64_t n_bytes = t->connection.bytes_sent;
    if (is_stalled(t) || (t->has_ended && n_bytes == t->checked_bytes)) {
        lose(t);
        return;
    }
    t->checked_bytes = n_bytes;
    loop_timer_start(timer, CHECK_NS);
}

void tcp_outlet_open(struct tcp_outlet *t, struct loop *loop, int fd, const struct address *peer,
                     const struct outlet_ops *ops, void *arg)
{
    t->outlet = (struct outlet){.type = &tcp_outlet_type, .ops = ops, .arg = arg};
    connection_init(&t->connection, loop, fd, peer, &connection_ops);
    connection_tune_for_stream(&t->connection);
    loop_timer_init(&t->check, loop, on_check);
    t->checked_bytes = 0;
    t->has_ended = false;
    loop_timer_start(&t->check, CHECK_NS);
    connection_set_reading(&t->connection, true);
}
