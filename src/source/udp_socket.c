#include "source/udp_socket.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"

enum { RECEIVE_BUFFER_SIZE = 2 * 1024 * 1024 };

static int parse_location(const char *location, struct address *out)
{
    char text[ADDRESS_TEXT_SIZE];
    const bool has_ip = location[0] != ':';
    const int size = snprintf(text, sizeof(text), "%s%s", has_ip ? "" : "127.0.0.1", location);
    return size < (int)sizeof(text) && address_parse(out, text) == 0 && address_port(out) != 0
               ? 0
               : -EINVAL;
}

static int join(int fd, const struct address *group, int index)
{
    if (group->sa.sa_family == AF_INET6) {
        const struct ipv6_mreq membership = {.ipv6mr_multiaddr = group->in6.sin6_addr,
                                             .ipv6mr_interface = (unsigned)index};
        return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &membership, sizeof(membership));
    }
    const struct ip_mreqn membership = {.imr_multiaddr = group->in.sin_addr, .imr_ifindex = index};
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof(membership));
}

/* Several programs of this machine may receive the same group. */
static int settle(int fd, const struct address *address, int index, const char **why)
{
    const int on = 1;
    const int buffer = RECEIVE_BUFFER_SIZE;
    const bool is_group = address_is_multicast(address);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    if (is_group) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (bind(fd, &address->sa, address_size(address)) < 0) {
        *why = errno == EADDRINUSE ? "another program uses this port" : strerror(errno);
        return -errno;
    }
    if (is_group && join(fd, address, index) < 0) {
        *why =
            errno == ENODEV ? "no route leads to that group: say interface=" : strerror(errno);
        return -errno;
    }
    return 0;
}

int udp_socket_open(const char *location, const char *interface, const char **why)
{
    struct address address;
    const int index = interface ? (int)if_nametoindex(interface) : 0;
    if (parse_location(location, &address) < 0) {
        *why = "that is no address: write ADDRESS:PORT with an IP address of this machine or a "
               "multicast group";
        return -EINVAL;
    }
    if (interface && index == 0) {
        *why = "there is no interface of that name";
        return -ENODEV;
    }
    const int fd = socket(address.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        *why = strerror(errno);
        return -errno;
    }
    const int result = settle(fd, &address, index, why);
    if (result < 0) {
        close(fd);
        return result;
    }
    return fd;
}
