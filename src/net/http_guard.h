/*
 * Which Host and Origin a request may have, so that a web page elsewhere cannot reach a camera on
 * loopback or in the home network by DNS rebinding or a cross-site request.
 *
 * Hosts: IP literals, localhost, *.local, the machine's own names (hostname, and /etc/hosts for
 * loopback), and those of the configuration, where *.example.org stands for every name below it.
 * The port is not compared. Origins: scheme://Host of the request itself, where the scheme may be that
 * of a proxy in front, and those configured.
 *
 * Ownership: copies what it is given.
 * Thread:    one owner.
 */
#ifndef AVOCET_NET_HTTP_GUARD_H
#define AVOCET_NET_HTTP_GUARD_H

#include <stdbool.h>

#include "base/text.h"

struct http_guard {
    /* Each a row of NUL-terminated texts, lower case. */
    struct text own_names;
    struct text hosts;
    struct text origins;
};

enum http_guard_origin {
    HTTP_GUARD_NONE,   /* no Origin: not a browser, or nothing to fear */
    HTTP_GUARD_SAME,   /* our own page */
    HTTP_GUARD_LISTED, /* of the configuration */
    HTTP_GUARD_FOREIGN,
};

/* hosts and origins as in struct http_config. -ENOMEM leaves it as it was. */
int http_guard_set(struct http_guard *g, const char *const *hosts, const char *const *origins);
/* The names of this machine; hosts_file is the content of /etc/hosts. */
int http_guard_set_own_names(struct http_guard *g, const char *hostname, const char *hosts_file);
/* As it says, from the system. */
int http_guard_find_own_names(struct http_guard *g);
void http_guard_finish(struct http_guard *g);

/* Value of a Host header: name or IP literal, with or without port. -EBADMSG nonsense (400), -EPERM
 * not one of ours (421). */
int http_guard_check_host(const struct http_guard *g, const char *host);
/* The scheme that the viewer's browser sees: that of this server, or https where X-Forwarded-Proto
 * (may be NULL) says that a proxy in front has taken TLS off. A page elsewhere gains nothing by the
 * header: browsers send it with no WebSocket, and with a request of another origin only after a
 * preflight, which http_dispatch.c refuses; and its origin would have to equal Host all the same. It
 * never turns https into http. */
const char *http_guard_scheme(const char *scheme, const char *forwarded_proto);
/* host and origin may be NULL. */
enum http_guard_origin http_guard_check_origin(const struct http_guard *g, const char *scheme,
                                               const char *host, const char *origin);

#endif
