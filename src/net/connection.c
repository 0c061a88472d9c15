#include "net/connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "net/tcp_backlog.h"

enum {
    PARTS_MAX = 4,
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_PROBES = 3,
};

/* ---- plain TCP ---- */

static ssize_t tcp_read(struct connection *c, void *out, size_t size)
{
    const ssize_t n = recv(c->watch.fd, out, size, 0);
    return n < 0 ? -errno : n;
}

static ssize_t tcp_write(struct connection *c, const struct iovec *parts, size_t n_parts)
{
    const struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = n_parts};
    const ssize_t n = sendmsg(c->watch.fd, &m, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

static void tcp_end(struct connection *c)
{
    shutdown(c->watch.fd, SHUT_WR);
}

static void tcp_finish(struct connection *c)
{
    close(c->watch.fd);
}

static const struct connection_transport tcp_transport = {
    .read = tcp_read,
    .write = tcp_write,
    .end = tcp_end,
    .finish = tcp_finish,
};

/* ---- events ---- */

static bool is_not_now(ssize_t error)
{
    return error == -EAGAIN || error == -EWOULDBLOCK || error == -EINTR || error == -ENOBUFS ||
           error == -ENOMEM;
}

static void update_watch(struct connection *c)
{
    const bool is_writing = !connection_is_ready(c) || c->wakes || c->is_broken;
    const unsigned events = (c->is_reading ? LOOP_READ : 0) | (is_writing ? LOOP_WRITE : 0);
    if (loop_watch_set(&c->watch, events) < 0) {
        c->is_broken = true; /* without memory for an event: its owner's sweep finds it */
    }
}

static void drop_first(struct connection *c)
{
    buf_unref(&c->queue[c->first]);
    c->first = (uint16_t)((c->first + 1) % CONNECTION_QUEUE_MAX);
    c->n_queued--;
    c->first_sent_bytes = 0;
}

static void take_sent(struct connection *c, size_t size)
{
    c->bytes_sent += size;
    c->queued_bytes -= size;
    while (c->n_queued > 0 && size >= c->queue[c->first]->size - c->first_sent_bytes) {
        size -= c->queue[c->first]->size - c->first_sent_bytes;
        drop_first(c);
    }
    c->first_sent_bytes += size;
}

static size_t gather(const struct connection *c, struct iovec *parts)
{
    for (size_t i = 0; i < c->n_queued; i++) {
        struct buf *b = c->queue[(c->first + i) % CONNECTION_QUEUE_MAX];
        parts[i] = (struct iovec){.iov_base = b->data, .iov_len = b->size};
    }
    parts[0].iov_base = (uint8_t *)parts[0].iov_base + c->first_sent_bytes;
    parts[0].iov_len -= c->first_sent_bytes;
    return c->n_queued;
}

static void flush(struct connection *c)
{
    struct iovec parts[CONNECTION_QUEUE_MAX];
    const ssize_t n = c->transport->write(c, parts, gather(c, parts));
    if (n >= 0) {
        c->progress_ns = loop_now_ns(c->watch.loop);
        take_sent(c, (size_t)n);
    } else if (!is_not_now(n)) {
        c->is_broken = true;
    }
}

static void on_writable(struct connection *c)
{
    const bool was_full = c->is_full;
    c->is_full = false;
    if (!c->is_broken && c->n_queued > 0) {
        flush(c);
        c->is_full = c->is_stream && c->n_queued == 0;
    }
    if (c->is_broken) {
        c->ops->on_broken(c);
    } else if (connection_is_ready(c)) {
        c->progress_ns = was_full ? loop_now_ns(c->watch.loop) : c->progress_ns;
        c->wakes = false;
        update_watch(c);
        c->ops->on_drained(c);
    }
}

static void on_event(struct loop_watch *w, unsigned events)
{
    struct connection *c = list_entry(w, struct connection, watch);
    if (events & LOOP_WRITE) {
        on_writable(c);
    } else {
        c->ops->on_input(c);
    }
}

/* ---- life ---- */

void connection_init(struct connection *c, struct loop *loop, int fd, const struct address *peer,
                     const struct connection_ops *ops)
{
    const int one = 1;
    *c = (struct connection){
        .ops = ops, .transport = &tcp_transport, .peer = *peer, .slow_ns = TIME_NONE};
    loop_watch_init(&c->watch, loop, fd, on_event);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void connection_close(struct connection *c)
{
    if (c->watch.fd < 0) {
        return;
    }
    loop_watch_finish(&c->watch);
    c->transport->finish(c);
    c->watch.fd = -1;
    c->is_broken = true;
    while (c->n_queued > 0) {
        drop_first(c);
    }
}

static void set_tcp_option(const struct connection *c, int option, int value)
{
    setsockopt(c->watch.fd, IPPROTO_TCP, option, &value, sizeof(value));
}

void connection_tune_for_stream(struct connection *c)
{
    const int one = 1;
    c->is_stream = true;
    setsockopt(c->watch.fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    set_tcp_option(c, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_tcp_option(c, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_tcp_option(c, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set_tcp_option(c, TCP_NOTSENT_LOWAT, CONNECTION_NOTSENT_LOWAT_BYTES);
}

int connection_set_reading(struct connection *c, bool is_reading)
{
    c->is_reading = is_reading;
    update_watch(c);
    return c->is_broken ? -EPIPE : 0;
}

ssize_t connection_read(struct connection *c, void *out, size_t size)
{
    const ssize_t n = c->transport->read(c, out, size);
    return n < 0 && is_not_now(n) ? -EAGAIN : n;
}

static size_t skip_empty(struct buf *const *bufs, size_t n, struct buf **out, size_t *size)
{
    size_t n_out = 0;
    *size = 0;
    for (size_t i = 0; i < n; i++) {
        if (bufs[i] && bufs[i]->size > 0) {
            out[n_out++] = bufs[i];
            *size += bufs[i]->size;
        }
    }
    return n_out;
}

/* What is left of bufs, of which sent bytes went. */
static void enqueue(struct connection *c, struct buf *const *bufs, size_t n, size_t sent)
{
    for (size_t i = 0; i < n; i++) {
        if (sent >= bufs[i]->size) {
            sent -= bufs[i]->size;
            continue;
        }
        if (c->n_queued == 0) {
            c->first_sent_bytes = sent;
        }
        c->queue[(c->first + c->n_queued) % CONNECTION_QUEUE_MAX] = buf_ref(bufs[i]);
        c->n_queued++;
        sent = 0;
    }
}

static ssize_t write_at_once(struct connection *c, struct buf *const *bufs, size_t n)
{
    struct iovec parts[PARTS_MAX];
    for (size_t i = 0; i < n; i++) {
        parts[i] = (struct iovec){.iov_base = bufs[i]->data, .iov_len = bufs[i]->size};
    }
    const ssize_t sent = c->transport->write(c, parts, n);
    return sent < 0 && is_not_now(sent) ? 0 : sent;
}

static bool is_slow(struct connection *c)
{
    if (c->slow_ns != TIME_NONE && loop_now_ns(c->watch.loop) - c->slow_ns > CONNECTION_SLOW_NS) {
        c->slow_ns = TIME_NONE;
        set_tcp_option(c, TCP_NOTSENT_LOWAT, CONNECTION_NOTSENT_LOWAT_BYTES);
    }
    return c->slow_ns != TIME_NONE;
}

static void note_slow(struct connection *c)
{
    if (c->is_stream && c->slow_ns == TIME_NONE) {
        set_tcp_option(c, TCP_NOTSENT_LOWAT, CONNECTION_NOTSENT_SLOW_BYTES);
    }
    c->slow_ns = c->progress_ns = loop_now_ns(c->watch.loop);
}

int connection_send(struct connection *c, struct buf *const *given, size_t n_given)
{
    struct buf *bufs[PARTS_MAX];
    size_t size;
    const size_t n = skip_empty(given, n_given, bufs, &size);
    if (c->is_broken) {
        return -EPIPE;
    }
    if (n == 0) {
        return 0;
    }
    if (c->n_queued > 0) {
        if (c->n_queued + n > CONNECTION_QUEUE_MAX) {
            return -ENOBUFS;
        }
        enqueue(c, bufs, n, 0);
        c->queued_bytes += size;
        return 0;
    }
    const ssize_t sent = write_at_once(c, bufs, n);
    if (sent < 0) {
        connection_break(c);
        return -EPIPE;
    }
    c->bytes_sent += (size_t)sent;
    if ((size_t)sent < size) {
        enqueue(c, bufs, n, (size_t)sent);
        c->queued_bytes = size - (size_t)sent;
        note_slow(c);
        update_watch(c);
    } else if (c->is_stream && is_slow(c)) {
        c->is_full = true;
        c->progress_ns = loop_now_ns(c->watch.loop);
        update_watch(c);
    }
    return 0;
}

int64_t connection_backlog_ns(struct connection *c)
{
    if (!c->is_stream || c->is_broken || !is_slow(c)) {
        return 0;
    }
    const int64_t backlog_ns = tcp_backlog_ns(c->watch.fd);
    if (backlog_ns > CONNECTION_SLOW_BACKLOG_NS) {
        c->slow_ns = loop_now_ns(c->watch.loop);
    }
    return backlog_ns;
}

void connection_wake(struct connection *c)
{
    c->wakes = true;
    update_watch(c);
}

/* A broken socket is always writable; one that is merely given up is made so. */
void connection_break(struct connection *c)
{
    if (!c->is_broken) {
        c->is_broken = true;
        shutdown(c->watch.fd, SHUT_RDWR);
        update_watch(c);
    }
}

void connection_end_output(struct connection *c)
{
    c->transport->end(c);
}

int connection_local(const struct connection *c, struct address *out)
{
    struct address a;
    socklen_t size = sizeof(a);
    if (getsockname(c->watch.fd, &a.sa, &size) < 0) {
        return -errno;
    }
    return address_set(out, &a.sa);
}
