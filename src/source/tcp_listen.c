#include "source/tcp_listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "source/byte_stream.h"
#include "source/keepalive.h"
#include "source/wait.h"

enum { BACKLOG = 1 };

struct tcp_listen_source {
    struct byte_stream stream;
    struct source_params params;
    int listen_fd; /* -1: none */
    int fd;        /* the writer's; -1: none */
    bool is_open;
    bool is_another; /* writer than the one that gave the last packet */
    bool had_writer;
};

static int fail(struct option_error *error, int result, const char *what, const char *where)
{
    snprintf(error->sentence, sizeof(error->sentence), "tcp-listen: %s '%.80s' (%s)", what, where,
             strerror(-result));
    return result;
}

static int parse_location(const char *location, struct address *out)
{
    char text[ADDRESS_TEXT_SIZE];
    const bool has_address = strchr(location, ':') != NULL;
    snprintf(text, sizeof(text), has_address ? "%s" : "127.0.0.1:%s", location);
    return address_parse(out, text);
}

static int listen_at(const struct address *address)
{
    const int one = 1;
    const int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, &address->sa, address_size(address)) < 0 || listen(fd, BACKLOG) < 0) {
        const int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

/* With the port that it really is, when 0 was asked for. */
static void say_place(const struct tcp_listen_source *s)
{
    struct address bound;
    socklen_t size = sizeof(bound);
    char text[ADDRESS_TEXT_SIZE];
    if (getsockname(s->listen_fd, &bound.sa, &size) == 0) {
        address_format(&bound.sa, text, sizeof(text));
        log_info(s->params.log, "tcp-listen: waiting for a writer at %s", text);
    }
}

static int listen_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct tcp_listen_source *s = state;
    struct address address;
    *s = (struct tcp_listen_source){.params = *params, .listen_fd = -1, .fd = -1};
    if (parse_location(params->location, &address) < 0) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "tcp-listen: '%.80s' is no place to listen, write tcp-listen:PORT or "
                 "tcp-listen:ADDRESS:PORT",
                 params->location);
        return -EINVAL;
    }
    if (byte_stream_init(&s->stream, params) < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "tcp-listen: no memory");
        return -ENOMEM;
    }
    s->is_open = true;
    const int fd = listen_at(&address);
    if (fd < 0) {
        return fail(error, fd, "cannot listen at", params->location);
    }
    s->listen_fd = fd;
    say_place(s);
    return 0;
}

/* A stream of its own begins with each writer. */
static int begin_writer(struct tcp_listen_source *s, int fd)
{
    byte_stream_finish(&s->stream);
    if (byte_stream_init(&s->stream, &s->params) < 0) {
        close(fd);
        return -ENOMEM;
    }
    source_set_keepalive(fd);
    s->fd = fd;
    s->is_another = s->had_writer;
    s->had_writer = true;
    log_info(s->params.log, "tcp-listen:%s has a writer", s->params.location);
    return 0;
}

static int await_writer(struct tcp_listen_source *s, int64_t deadline_ns)
{
    while (s->fd < 0) {
        const int result = source_wait(s->listen_fd, POLLIN, s->params.wake_fd, deadline_ns);
        if (result < 0) {
            return result;
        }
        const int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            const int begun = begin_writer(s, fd);
            if (begun < 0) {
                return begun;
            }
        } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

static void let_writer_go(struct tcp_listen_source *s, int why)
{
    log_info(s->params.log, "tcp-listen:%s: the writer %s", s->params.location,
             why == -EPIPE ? "has ended" : strerror(-why));
    close(s->fd);
    s->fd = -1;
}

static bool is_own(int result)
{
    return result == 0 || result == -EINTR || result == -ETIMEDOUT || result == -ENOMEM;
}

/* The end of a writer is no end of the source: the next one is waited for. */
static int listen_read(void *state, int64_t deadline_ns, struct source_unit *out,
                       struct option_error *error)
{
    struct tcp_listen_source *s = state;
    for (;;) {
        int result = await_writer(s, deadline_ns);
        if (result < 0) {
            return is_own(result) ? result
                                  : fail(error, result, "cannot accept at", s->params.location);
        }
        result = byte_stream_read(&s->stream, s->fd, s->params.wake_fd, deadline_ns, out);
        if (result == 0 && s->is_another) {
            out->packet->flags |= PACKET_DISCONTINUITY;
            s->is_another = false;
        }
        if (is_own(result)) {
            return result;
        }
        let_writer_go(s, result);
    }
}

static void listen_describe(const void *state, char *out, size_t size)
{
    byte_stream_describe(&((const struct tcp_listen_source *)state)->stream, out, size);
}

static const char *listen_instead(const void *state)
{
    return byte_stream_instead(&((const struct tcp_listen_source *)state)->stream);
}

static void listen_close(void *state)
{
    struct tcp_listen_source *s = state;
    if (!s->is_open) {
        return;
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
    }
    s->fd = s->listen_fd = -1;
    s->is_open = false;
    byte_stream_finish(&s->stream);
}

const struct source_type source_tcp_listen = {
    .scheme = "tcp-listen",
    .summary = "raw H.264 or MPEG-TS from whoever connects, tcp-listen:[ADDRESS:]PORT",
    .state_size = sizeof(struct tcp_listen_source),
    .open = listen_open,
    .read = listen_read,
    .describe = listen_describe,
    .instead = listen_instead,
    .close = listen_close,
    .is_drained_while_asleep = true,
    .listens = true,
};
