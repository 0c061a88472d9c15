/*
 * An IP address and a UDP port, as STUN and SDP carry them.
 *
 * Thread: a value; no shared state.
 * Errors: endpoint_from_sockaddr() and endpoint_parse_ip() give -EAFNOSUPPORT, -EINVAL.
 */
#ifndef AVOCET_PROTO_ENDPOINT_H
#define AVOCET_PROTO_ENDPOINT_H

#include <netinet/in.h>

#include "base/bytes.h"

enum { ENDPOINT_IP_TEXT_SIZE = 46 }; /* longest IPv6 text and its NUL */

struct endpoint {
    uint8_t ip[16];  /* network order; the first 4 bytes for IPv4 */
    uint16_t port;   /* host order */
    uint8_t version; /* 4 or 6; 0: none */
};

/* IPv4-mapped IPv6 addresses (::ffff:a.b.c.d) become IPv4. */
int endpoint_from_sockaddr(const struct sockaddr *address, struct endpoint *out);
/* Returns the size of the address written. */
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out);
/* IP literals only, no names, no brackets, no zone; the port is left 0. */
int endpoint_parse_ip(struct bytes text, struct endpoint *out);
const char *endpoint_format_ip(const struct endpoint *e, char out[ENDPOINT_IP_TEXT_SIZE]);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

#endif
