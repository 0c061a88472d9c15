/*
 * The socket of the sources that receive datagrams: an address of this machine or a multicast
 * group, which is joined.
 *
 *   location   "239.0.0.1:5000", "[ff15::7]:5000", "0.0.0.0:5000", or ":5000" for 127.0.0.1
 *   interface  where a group is joined; NULL: as the routes say
 *
 * Ownership: the descriptor is the caller's; it is non-blocking.
 * Thread:    any; no shared state.
 * Errors:    -errno, with *why the rest of a sentence: "udp: cannot receive at LOCATION, WHY".
 */
#ifndef AVOCET_SOURCE_UDP_SOCKET_H
#define AVOCET_SOURCE_UDP_SOCKET_H

/* The descriptor, or an error. */
int udp_socket_open(const char *location, const char *interface, const char **why);

#endif
