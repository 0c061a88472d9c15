#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static int parse_port(const char *text, uint16_t *out)
{
    unsigned port = 0;
    if (*text == '\0') {
        return -EINVAL;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return -EINVAL;
        }
        port = port * 10 + (unsigned)(*text - '0');
        if (port > UINT16_MAX) {
            return -EINVAL;
        }
    }
    *out = (uint16_t)port;
    return 0;
}

int address_parse_ip(struct address *out, const char *text, uint16_t port)
{
    char ip[INET6_ADDRSTRLEN];
    size_t size = strlen(text);
    const bool has_brackets = size >= 2 && text[0] == '[' && text[size - 1] == ']';
    if (has_brackets) {
        text++;
        size -= 2;
    }
    if (size >= sizeof(ip)) {
        return -EINVAL;
    }
    memcpy(ip, text, size);
    ip[size] = '\0';
    struct address a = {.in = {.sin_family = AF_INET}};
    if (!has_brackets && inet_pton(AF_INET, ip, &a.in.sin_addr) == 1) {
        a.in.sin_port = htons(port);
        *out = a;
        return 0;
    }
    a = (struct address){.in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    if (inet_pton(AF_INET6, ip, &a.in6.sin6_addr) != 1) {
        return -EINVAL;
    }
    return address_set(out, &a.sa);
}

int address_parse(struct address *out, const char *text)
{
    char ip[ADDRESS_TEXT_SIZE];
    const char *colon = strrchr(text, ':');
    const size_t size = colon ? (size_t)(colon - text) : 0;
    uint16_t port;
    if (!colon || size >= sizeof(ip) || parse_port(colon + 1, &port) < 0) {
        return -EINVAL;
    }
    memcpy(ip, text, size);
    ip[size] = '\0';
    if (strchr(ip, ':') && ip[0] != '[') {
        return -EINVAL; /* "::1" is no address with a port */
    }
    return address_parse_ip(out, ip, port);
}

int address_set(struct address *out, const struct sockaddr *sa)
{
    struct address a = {.sa = {.sa_family = AF_UNSPEC}};
    if (sa->sa_family == AF_INET) {
        memcpy(&a.in, sa, sizeof(a.in));
    } else if (sa->sa_family == AF_INET6) {
        memcpy(&a.in6, sa, sizeof(a.in6));
    } else {
        return -EAFNOSUPPORT;
    }
    if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a.in6.sin6_addr)) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = a.in6.sin6_port};
        memcpy(&in.sin_addr, &a.in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
        a = (struct address){.in = in};
    }
    *out = a;
    return 0;
}

void address_format_ip(const struct sockaddr *sa, char *out, size_t size)
{
    struct address a;
    const char *text = NULL;
    if (address_set(&a, sa) == 0) {
        text = a.sa.sa_family == AF_INET
                   ? inet_ntop(AF_INET, &a.in.sin_addr, out, (socklen_t)size)
                   : inet_ntop(AF_INET6, &a.in6.sin6_addr, out, (socklen_t)size);
    }
    if (!text) {
        snprintf(out, size, "?");
    }
}

void address_format(const struct sockaddr *sa, char *out, size_t size)
{
    struct address a;
    char ip[INET6_ADDRSTRLEN];
    address_format_ip(sa, ip, sizeof(ip));
    if (address_set(&a, sa) < 0) {
        snprintf(out, size, "?");
        return;
    }
    const bool is_v6 = a.sa.sa_family == AF_INET6;
    snprintf(out, size, is_v6 ? "[%s]:%u" : "%s:%u", ip, address_port(&a));
}

socklen_t address_size(const struct address *a)
{
    return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

uint16_t address_port(const struct address *a)
{
    return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

void address_set_port(struct address *a, uint16_t port)
{
    if (a->sa.sa_family == AF_INET6) {
        a->in6.sin6_port = htons(port);
    } else {
        a->in.sin_port = htons(port);
    }
}

bool address_equal_ip(const struct address *a, const struct address *b)
{
    if (a->sa.sa_family != b->sa.sa_family) {
        return false;
    }
    if (a->sa.sa_family == AF_INET6) {
        return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0 &&
               a->in6.sin6_scope_id == b->in6.sin6_scope_id;
    }
    return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return address_equal_ip(a, b) && address_port(a) == address_port(b);
}

bool address_is_loopback(const struct address *a)
{
    if (a->sa.sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
    }
    return a->sa.sa_family == AF_INET && ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
}

bool address_is_multicast(const struct address *a)
{
    return a->sa.sa_family == AF_INET6
               ? IN6_IS_ADDR_MULTICAST(&a->in6.sin6_addr)
               : a->sa.sa_family == AF_INET && IN_MULTICAST(ntohl(a->in.sin_addr.s_addr));
}

bool address_is_any(const struct address *a)
{
    if (a->sa.sa_family == AF_INET6) {
        return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
    }
    return a->sa.sa_family == AF_INET && a->in.sin_addr.s_addr == htonl(INADDR_ANY);
}

uint32_t address_hash(const struct address *a, uint32_t seed)
{
    const bool is_v6 = a->sa.sa_family == AF_INET6;
    const uint8_t *ip = is_v6 ? a->in6.sin6_addr.s6_addr : (const uint8_t *)&a->in.sin_addr;
    uint64_t h = seed ^ UINT64_C(0x9e3779b97f4a7c15) * (address_port(a) + 1u);
    for (size_t i = 0; i < (is_v6 ? 16 : 4); i++) {
        h = (h ^ ip[i]) * UINT64_C(0x100000001b3);
        h ^= h >> 29;
    }
    return (uint32_t)(h ^ h >> 32);
}

static bool is_wanted(const struct ifaddrs *i, struct address *out)
{
    if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || address_set(out, i->ifa_addr) < 0) {
        return false;
    }
    address_set_port(out, 0);
    return out->sa.sa_family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&out->in6.sin6_addr);
}

/* Ascending order of what a peer should try first. */
static unsigned rank(const struct address *a)
{
    return (address_is_loopback(a) ? 2u : 0u) + (a->sa.sa_family == AF_INET6 ? 1u : 0u);
}

int address_interfaces(struct address *out, size_t max)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) < 0) {
        return -errno;
    }
    size_t n = 0;
    for (unsigned wanted_rank = 0; wanted_rank < 4; wanted_rank++) {
        for (const struct ifaddrs *i = all; i && n < max; i = i->ifa_next) {
            struct address a;
            if (is_wanted(i, &a) && rank(&a) == wanted_rank) {
                out[n++] = a;
            }
        }
    }
    freeifaddrs(all);
    return (int)n;
}
