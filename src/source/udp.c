#include "source/udp.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "source/byte_stream.h"

enum { RECEIVE_BUFFER_SIZE = 2 * 1024 * 1024 };

struct udp_source {
    char *interface; /* option */
    /* state */
    struct byte_stream stream;
    const char *location;
    struct address address;
    int fd; /* -1: none */
    int wake_fd;
};

static int fail(const struct udp_source *s, int code, const char *why, struct option_error *error)
{
    snprintf(error->sentence, sizeof(error->sentence), "udp: cannot receive at %.100s, %.100s",
             s->location, why);
    return code;
}

/* "239.0.0.1:5000", "[ff15::7]:5000", "0.0.0.0:5000", or ":5000" */
static int parse_location(struct udp_source *s)
{
    char text[ADDRESS_TEXT_SIZE];
    const bool has_ip = s->location[0] != ':';
    const int size = snprintf(text, sizeof(text), "%s%s", has_ip ? "" : "127.0.0.1", s->location);
    return size < (int)sizeof(text) && address_parse(&s->address, text) == 0 &&
                   address_port(&s->address) != 0
               ? 0
               : -EINVAL;
}

static int join(const struct udp_source *s, int index)
{
    if (s->address.sa.sa_family == AF_INET6) {
        const struct ipv6_mreq membership = {.ipv6mr_multiaddr = s->address.in6.sin6_addr,
                                             .ipv6mr_interface = (unsigned)index};
        return setsockopt(s->fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &membership, sizeof(membership));
    }
    const struct ip_mreqn membership = {.imr_multiaddr = s->address.in.sin_addr,
                                        .imr_ifindex = index};
    return setsockopt(s->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof(membership));
}

/* Several programs of this machine may receive the same group. */
static int open_socket(struct udp_source *s, struct option_error *error)
{
    const int on = 1;
    const int buffer = RECEIVE_BUFFER_SIZE;
    const bool is_group = address_is_multicast(&s->address);
    const int index = s->interface ? (int)if_nametoindex(s->interface) : 0;
    if (s->interface && index == 0) {
        return fail(s, -ENODEV, "there is no interface of that name", error);
    }
    s->fd = socket(s->address.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        return fail(s, -errno, strerror(errno), error);
    }
    (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    if (is_group) {
        (void)setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (bind(s->fd, &s->address.sa, address_size(&s->address)) < 0) {
        return fail(s, -errno,
                    errno == EADDRINUSE ? "another program uses this port" : strerror(errno),
                    error);
    }
    if (is_group && join(s, index) < 0) {
        return fail(s, -errno,
                    errno == ENODEV ? "no route leads to that group: say interface="
                                    : strerror(errno),
                    error);
    }
    return 0;
}

static int udp_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct udp_source *s = state;
    *s = (struct udp_source){.interface = s->interface,
                             .location = params->location,
                             .fd = -1,
                             .wake_fd = params->wake_fd};
    if (byte_stream_init(&s->stream, params, ACCESS_UNIT_IDLE_NS) < 0) {
        return fail(s, -ENOMEM, "no memory", error);
    }
    s->stream.is_datagrams = true;
    if (parse_location(s) < 0) {
        return fail(
            s, -EINVAL,
            "that is no address: write udp://ADDRESS:PORT with an IP address of this machine "
            "or a multicast group",
            error);
    }
    return open_socket(s, error);
}

static int udp_read(void *state, int64_t deadline_ns, struct source_unit *out,
                    struct option_error *error)
{
    struct udp_source *s = state;
    const int result = byte_stream_read(&s->stream, s->fd, s->wake_fd, deadline_ns, out);
    if (result < 0 && result != -EINTR && result != -ETIMEDOUT) {
        return fail(s, result, strerror(-result), error);
    }
    return result;
}

static void udp_describe(const void *state, char *out, size_t size)
{
    byte_stream_describe(&((const struct udp_source *)state)->stream, out, size);
}

static void udp_close(void *state)
{
    struct udp_source *s = state;
    if (!s->stream.chunk) { /* never opened */
        return;
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
    byte_stream_finish(&s->stream);
}

static const struct option options[] = {
    {"interface", OPTION_TEXT, offsetof(struct udp_source, interface),
     .help = "where a multicast group is joined, such as eth0; default: as the routes say"},
    {0},
};

const struct source_type source_udp = {
    .scheme = "udp",
    .summary = "MPEG-TS in datagrams, udp://ADDRESS:PORT, also of a multicast group",
    .state_size = sizeof(struct udp_source),
    .options = options,
    .open = udp_open,
    .read = udp_read,
    .describe = udp_describe,
    .close = udp_close,
    .listens = true,
};
