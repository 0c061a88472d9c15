/*
 * IP addresses with a port: text to sockaddr and back, and the machine's own.
 *
 * IPv4-mapped IPv6 addresses become plain IPv4 wherever an address enters (address_set), so that
 * one peer has one form.
 *
 * Ownership: plain values.
 * Thread:    any.
 * Errors:    -EINVAL for text that is no address; names are never resolved here.
 */
#ifndef AVOCET_NET_ADDRESS_H
#define AVOCET_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
    union {
        struct sockaddr sa; /* sa_family AF_UNSPEC: none */
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    };
};

enum { ADDRESS_TEXT_SIZE = 56 }; /* "[…]:65535" with its NUL */

/* "127.0.0.1:8080", "[::1]:0"; the port is required. */
int address_parse(struct address *out, const char *text);
/* "127.0.0.1", "::1" or "[::1]", without a port. */
int address_parse_ip(struct address *out, const char *text, uint16_t port);
/* A copy of what a socket call gave; other families give -EAFNOSUPPORT. */
int address_set(struct address *out, const struct sockaddr *sa);

/* Of sockaddr: "127.0.0.1:8080", "[::1]:8080"; "?" for other families. */
void address_format(const struct sockaddr *sa, char *out, size_t size);
/* Without port and brackets. */
void address_format_ip(const struct sockaddr *sa, char *out, size_t size);

socklen_t address_size(const struct address *a);
uint16_t address_port(const struct address *a);
void address_set_port(struct address *a, uint16_t port);
bool address_equal(const struct address *a, const struct address *b);    /* with port */
bool address_equal_ip(const struct address *a, const struct address *b); /* without */
bool address_is_loopback(const struct address *a);
bool address_is_any(const struct address *a); /* 0.0.0.0, :: */
bool address_is_multicast(const struct address *a);
/* Of IP and port, for tables of peers; seed makes it unpredictable to them. */
uint32_t address_hash(const struct address *a, uint32_t seed);

/*
 * The addresses of this machine's interfaces that are up, port 0: IPv4 before IPv6, loopback last,
 * no link-local IPv6. Gives the number written, at most max; -errno when the kernel gives none.
 */
int address_interfaces(struct address *out, size_t max);

#endif
