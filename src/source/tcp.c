#include "source/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "source/byte_stream.h"
#include "source/keepalive.h"
#include "source/wait.h"

#define CONNECT_NS (5 * NS_PER_S) /* for each address of the host */

enum { HOST_SIZE = 256, SERVICE_SIZE = 8 };

/*
 * open() only begins to connect: waiting for the peer is read()'s, which can be woken.
 */
struct tcp_source {
    struct byte_stream stream;
    const char *location;
    struct addrinfo *addresses;
    const struct addrinfo *address; /* being connected to; NULL once connected */
    int64_t connect_deadline_ns;
    int fd; /* -1: none */
    int wake_fd;
};

static int parse_location(const char *location, char host[HOST_SIZE], char service[SERVICE_SIZE])
{
    const char *colon = strrchr(location, ':');
    size_t host_size = colon ? (size_t)(colon - location) : 0;
    const char *first = location;
    if (host_size >= 2 && first[0] == '[' && first[host_size - 1] == ']') {
        first++;
        host_size -= 2;
    }
    if (!colon || host_size == 0 || host_size >= HOST_SIZE ||
        !text_copy(service, SERVICE_SIZE, colon + 1) || service[0] == '\0') {
        return -EINVAL;
    }
    memcpy(host, first, host_size);
    host[host_size] = '\0';
    return 0;
}

static void close_socket(struct tcp_source *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
}

/* Begin to connect to s->address or, when that cannot even be begun, to one behind it. */
static int begin_connect(struct tcp_source *s)
{
    int result = -EHOSTUNREACH;
    for (; s->address; s->address = s->address->ai_next) {
        s->fd = socket(s->address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (s->fd < 0) {
            result = -errno;
            continue;
        }
        source_set_keepalive(s->fd);
        if (connect(s->fd, s->address->ai_addr, s->address->ai_addrlen) == 0 ||
            errno == EINPROGRESS) {
            s->connect_deadline_ns = time_monotonic_ns() + CONNECT_NS;
            return 0;
        }
        result = -errno;
        close_socket(s);
    }
    return result;
}

static int connect_failed(const struct tcp_source *s, int code, struct option_error *error)
{
    snprintf(error->sentence, sizeof(error->sentence),
             "tcp: cannot connect to %.120s (%s), is the camera's program listening there",
             s->location, strerror(-code));
    return code;
}

static int tcp_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct tcp_source *s = state;
    char host[HOST_SIZE];
    char service[SERVICE_SIZE];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    *s = (struct tcp_source){.location = params->location, .fd = -1, .wake_fd = params->wake_fd};
    if (byte_stream_init(&s->stream, params) < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "tcp: no memory");
        return -ENOMEM;
    }
    if (parse_location(params->location, host, service) < 0) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "tcp: '%.120s' is no address, write tcp://HOST:PORT", params->location);
        return -EINVAL;
    }
    const int failure = getaddrinfo(host, service, &hints, &s->addresses);
    if (failure != 0) {
        snprintf(error->sentence, sizeof(error->sentence), "tcp: cannot find %.120s, %s",
                 params->location, gai_strerror(failure));
        return -EHOSTUNREACH;
    }
    s->address = s->addresses;
    const int result = begin_connect(s);
    return result < 0 ? connect_failed(s, result, error) : 0;
}

static int socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
}

/* 0: connected. -EINTR and -ETIMEDOUT are the caller's own; other errors are the peer's. */
static int finish_connect(struct tcp_source *s, int64_t deadline_ns, struct option_error *error)
{
    while (s->address) {
        const bool connect_is_first = s->connect_deadline_ns < deadline_ns;
        int result = source_wait(s->fd, POLLOUT, s->wake_fd,
                                 connect_is_first ? s->connect_deadline_ns : deadline_ns);
        if (result == -EINTR || (result == -ETIMEDOUT && !connect_is_first)) {
            return result;
        }
        if (result == 0) {
            result = socket_error(s->fd);
        }
        if (result == 0) {
            s->address = NULL;
            return 0;
        }
        close_socket(s);
        s->address = s->address->ai_next;
        if (begin_connect(s) < 0) {
            return connect_failed(s, result == -ETIMEDOUT ? -EHOSTDOWN : result, error);
        }
    }
    return 0;
}

static int tcp_read(void *state, int64_t deadline_ns, struct source_unit *out,
                    struct option_error *error)
{
    struct tcp_source *s = state;
    int result = finish_connect(s, deadline_ns, error);
    if (result < 0) {
        return result;
    }
    result = byte_stream_read(&s->stream, s->fd, s->wake_fd, deadline_ns, out);
    if (result == -EPIPE) {
        snprintf(error->sentence, sizeof(error->sentence), "tcp: %.120s ended the connection",
                 s->location);
    } else if (result < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "tcp: lost %.120s, %s", s->location,
                 strerror(-result));
    }
    return result;
}

static void tcp_describe(const void *state, char *out, size_t size)
{
    byte_stream_describe(&((const struct tcp_source *)state)->stream, out, size);
}

static const char *tcp_instead(const void *state)
{
    return byte_stream_instead(&((const struct tcp_source *)state)->stream);
}

static void tcp_close(void *state)
{
    struct tcp_source *s = state;
    if (!s->stream.chunk) { /* never opened */
        return;
    }
    close_socket(s);
    if (s->addresses) {
        freeaddrinfo(s->addresses);
    }
    s->addresses = NULL;
    s->address = NULL;
    byte_stream_finish(&s->stream);
}

const struct source_type source_tcp = {
    .scheme = "tcp",
    .summary = "raw H.264 or MPEG-TS from a TCP server, tcp://HOST:PORT",
    .state_size = sizeof(struct tcp_source),
    .open = tcp_open,
    .read = tcp_read,
    .describe = tcp_describe,
    .instead = tcp_instead,
    .close = tcp_close,
    /* `rpicam-vid --listen` ends for good when its reader goes away. */
    .is_drained_while_asleep = true,
};
