#include "net/udp_sender.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

enum { LOWER, UPPER, SEND_BUFFER_SIZE = 1024 * 1024 };

int udp_sender_ttl(const struct udp_sender *s)
{
    return s->given.ttl > 0 ? s->given.ttl : 1;
}

bool udp_sender_is_open(const struct udp_sender *s)
{
    return s->config && s->fds[LOWER] >= 0;
}

bool udp_sender_local(const struct udp_sender *s, struct address *out)
{
    struct sockaddr_storage local;
    socklen_t size = sizeof(local);
    return udp_sender_is_open(s) &&
           getsockname(s->fds[LOWER], (struct sockaddr *)&local, &size) == 0 &&
           address_set(out, (struct sockaddr *)&local) == 0;
}

/* ---- what goes wrong ---- */

static void close_sockets(struct udp_sender *s)
{
    for (int i = LOWER; i <= UPPER; i++) {
        if (s->fds[i] >= 0) {
            close(s->fds[i]);
        }
        s->fds[i] = -1;
    }
}

static void say_once(struct udp_sender *s, const char *sentence)
{
    if (strcmp(s->failure, sentence) != 0) {
        log_warn(s->config->log, "%s, trying on", sentence);
        text_copy(s->failure, sizeof(s->failure), sentence);
    }
}

static void say_over(struct udp_sender *s)
{
    if (s->failure[0] != '\0') {
        log_info(s->config->log, "it can be sent to %s again", s->config->location);
        s->failure[0] = '\0';
    }
}

static void try_later(struct udp_sender *s, const char *what, const char *why)
{
    char sentence[UDP_SENDER_SENTENCE_SIZE];
    snprintf(sentence, sizeof(sentence), "%s %.80s: %.80s", what, s->config->location, why);
    say_once(s, sentence);
    close_sockets(s);
    const int64_t doubled_ns = s->retry_ns * 2;
    s->retry_ns = s->retry_ns == 0                       ? UDP_SENDER_RETRY_MIN_NS
                  : doubled_ns < UDP_SENDER_RETRY_MAX_NS ? doubled_ns
                                                         : UDP_SENDER_RETRY_MAX_NS;
    loop_timer_start(&s->retry, s->retry_ns);
}

/* ---- sockets ---- */

static int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_multicast_v4(const struct udp_sender *s, int fd, int index)
{
    const struct ip_mreqn interface = {.imr_ifindex = index};
    int result = set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, udp_sender_ttl(s));
    if (result == 0) {
        result = set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, s->config->is_looped);
    }
    if (result == 0 && index > 0 &&
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)) < 0) {
        result = -errno;
    }
    return result;
}

static int set_multicast_v6(const struct udp_sender *s, int fd, int index)
{
    int result = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, udp_sender_ttl(s));
    if (result == 0) {
        result = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, s->config->is_looped);
    }
    if (result == 0 && index > 0) {
        result = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
    }
    return result;
}

static int set_hops(const struct udp_sender *s, int fd)
{
    const bool is_v6 = s->to.sa.sa_family == AF_INET6;
    if (!address_is_multicast(&s->to)) {
        return s->config->ttl == 0 ? 0
               : is_v6             ? set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, s->config->ttl)
                                   : set_int(fd, IPPROTO_IP, IP_TTL, s->config->ttl);
    }
    const char *name = s->config->interface;
    const int index = name ? (int)if_nametoindex(name) : 0;
    if (name && index == 0) {
        return -ENODEV;
    }
    return is_v6 ? set_multicast_v6(s, fd, index) : set_multicast_v4(s, fd, index);
}

static int open_socket(struct udp_sender *s, int which)
{
    struct address to = s->to;
    const int fd = socket(to.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    address_set_port(&to, (uint16_t)(s->port + which));
    (void)set_int(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_SIZE);
    int result = set_hops(s, fd);
    if (result == 0 && connect(fd, &to.sa, address_size(&to)) < 0) {
        result = -errno;
    }
    if (result < 0) {
        close(fd);
        return result;
    }
    s->fds[which] = fd;
    return 0;
}

static void open_sockets(struct udp_sender *s)
{
    int result = open_socket(s, LOWER);
    if (result == 0 && s->config->has_upper) {
        result = open_socket(s, UPPER);
    }
    if (result < 0) {
        const bool no_interface = result == -ENODEV && s->config->interface;
        try_later(s, "cannot send to",
                  no_interface ? "there is no interface of that name" : strerror(-result));
        return;
    }
    say_over(s);
    s->retry_ns = 0;
    s->config->on_open(s);
}

/* ---- the name ---- */

static void on_resolved(void *arg, int failure, const struct address *address)
{
    struct udp_sender *s = arg;
    s->resolver = NULL;
    if (failure != 0) {
        try_later(s, "no address for", gai_strerror(failure));
        return;
    }
    s->to = *address;
    address_set_port(&s->to, s->port);
    open_sockets(s);
}

static void begin(struct loop_timer *t)
{
    struct udp_sender *s = list_entry(t, struct udp_sender, retry);
    if (address_parse_ip(&s->to, s->host, s->port) == 0) {
        open_sockets(s);
        return;
    }
    const int result = resolver_start(&s->resolver, s->loop, s->host, on_resolved, s);
    if (result < 0) {
        try_later(s, "cannot look up", strerror(-result));
    }
}

/* "host:5000", "192.0.2.7:5000", "[ff05::1]:5000" */
static int parse_location(const char *location, char host[UDP_SENDER_HOST_SIZE], uint16_t *port)
{
    const char *colon = strrchr(location, ':');
    char *end = NULL;
    const unsigned long number =
        colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : 0;
    size_t size = colon ? (size_t)(colon - location) : 0;
    if (size >= 2 && location[0] == '[' && location[size - 1] == ']') {
        location++;
        size -= 2;
    }
    if (size == 0 || size >= UDP_SENDER_HOST_SIZE || number == 0 || number > UINT16_MAX ||
        *end != '\0') {
        return -EINVAL;
    }
    memcpy(host, location, size);
    host[size] = '\0';
    *port = (uint16_t)number;
    return 0;
}

bool udp_sender_is_place(const char *location)
{
    char host[UDP_SENDER_HOST_SIZE];
    uint16_t port;
    return parse_location(location, host, &port) == 0;
}

int udp_sender_open(struct udp_sender *s, struct loop *loop, const struct udp_sender_config *config,
                    char *sentence, size_t size)
{
    *s = (struct udp_sender){.given = *config, .loop = loop, .fds = {-1, -1}};
    s->config = &s->given;
    const int parsed = parse_location(config->location, s->host, &s->port);
    if (parsed < 0 || (config->has_upper && s->port == UINT16_MAX)) {
        snprintf(sentence, size, "'%.80s' is no place to send to: write HOST:PORT",
                 config->location);
        s->config = NULL;
        return -EINVAL;
    }
    loop_timer_init(&s->retry, loop, begin);
    loop_timer_start(&s->retry, 0);
    return 0;
}

void udp_sender_close(struct udp_sender *s)
{
    if (!s->config) {
        return;
    }
    loop_timer_finish(&s->retry);
    resolver_cancel(s->resolver);
    close_sockets(s);
    s->config = NULL;
}

/* ---- sending ---- */

/* A port that is closed there is told by the datagram after: the next one goes again. */
static ssize_t send_past_refusal(int fd, struct bytes datagram)
{
    const ssize_t n = send(fd, datagram.data, datagram.size, MSG_NOSIGNAL);
    return n < 0 && (errno == ECONNREFUSED || errno == EINTR)
               ? send(fd, datagram.data, datagram.size, MSG_NOSIGNAL)
               : n;
}

static int send_on(struct udp_sender *s, int which, struct bytes datagram)
{
    if (!s->config || s->fds[which] < 0) {
        return 0;
    }
    if (send_past_refusal(s->fds[which], datagram) >= 0) {
        say_over(s);
        return 0;
    }
    if (errno == EAGAIN) {
        return -EAGAIN;
    }
    if (errno != ECONNREFUSED && errno != ENOBUFS) {
        char sentence[UDP_SENDER_SENTENCE_SIZE];
        snprintf(sentence, sizeof(sentence), "cannot send to %.80s: %s", s->config->location,
                 strerror(errno));
        say_once(s, sentence);
    }
    return 0;
}

int udp_sender_send(struct udp_sender *s, struct bytes datagram)
{
    return send_on(s, LOWER, datagram);
}

int udp_sender_send_upper(struct udp_sender *s, struct bytes datagram)
{
    return send_on(s, UPPER, datagram);
}
