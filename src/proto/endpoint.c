#include "proto/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>

static const uint8_t V4_MAPPED[12] = {[10] = 0xff, [11] = 0xff};

int endpoint_from_sockaddr(const struct sockaddr *address, struct endpoint *out)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof(v4));
        *out = (struct endpoint){.version = 4, .port = ntohs(v4.sin_port)};
        memcpy(out->ip, &v4.sin_addr, 4);
        return 0;
    }
    if (address->sa_family != AF_INET6) {
        return -EAFNOSUPPORT;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof(v6));
    const uint8_t *ip = v6.sin6_addr.s6_addr;
    const bool is_v4 = memcmp(ip, V4_MAPPED, sizeof(V4_MAPPED)) == 0;
    *out = (struct endpoint){.version = is_v4 ? 4 : 6, .port = ntohs(v6.sin6_port)};
    memcpy(out->ip, is_v4 ? ip + sizeof(V4_MAPPED) : ip, is_v4 ? 4 : 16);
    return 0;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (e->version == 4) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(e->port)};
        memcpy(&v4.sin_addr, e->ip, 4);
        memcpy(out, &v4, sizeof(v4));
        return sizeof(v4);
    }
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
    memcpy(&v6.sin6_addr, e->ip, 16);
    memcpy(out, &v6, sizeof(v6));
    return sizeof(v6);
}

int endpoint_parse_ip(struct bytes text, struct endpoint *out)
{
    char copy[ENDPOINT_IP_TEXT_SIZE];
    if (text.size == 0 || text.size >= sizeof(copy) || memchr(text.data, '\0', text.size)) {
        return -EINVAL;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    struct endpoint e = {0};
    if (inet_pton(AF_INET, copy, e.ip) == 1) {
        e.version = 4;
    } else if (inet_pton(AF_INET6, copy, e.ip) == 1) {
        e.version = 6;
    } else {
        return -EINVAL;
    }
    *out = e;
    return 0;
}

const char *endpoint_format_ip(const struct endpoint *e, char out[ENDPOINT_IP_TEXT_SIZE])
{
    return inet_ntop(e->version == 4 ? AF_INET : AF_INET6, e->ip, out, ENDPOINT_IP_TEXT_SIZE);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->version == b->version && a->port == b->port &&
           memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}
