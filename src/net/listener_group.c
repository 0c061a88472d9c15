#include "net/listener_group.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Connections at their limits, and as much again for sessions, cameras, files. */
enum { DESCRIPTORS_WANTED = 16384 };

static void explain(int error, const struct listener_group_config *config, const char *address,
                    char *out, size_t size)
{
    switch (error) {
    case -EADDRINUSE:
        snprintf(out, size,
                 "cannot listen on %s://%s: another program uses this port; stop it, or choose "
                 "another port with %s",
                 config->scheme, address, config->setting);
        break;
    case -EACCES:
        snprintf(out, size,
                 "cannot listen on %s://%s: ports below 1024 need a privilege; choose one above "
                 "with %s",
                 config->scheme, address, config->setting);
        break;
    case -EADDRNOTAVAIL:
        snprintf(out, size,
                 "cannot listen on %s://%s: this machine has no such address; choose another with "
                 "--listen or %s",
                 config->scheme, address, config->setting);
        break;
    default:
        snprintf(out, size, "cannot listen on %s://%s: %s", config->scheme, address,
                 strerror(-error));
        break;
    }
}

static bool is_best_effort(const struct listener_group *g, const struct address *a)
{
    if (g->n_listeners == 0 || a->sa.sa_family != AF_INET6) {
        return false;
    }
    const struct address *first = &g->listeners[0].address;
    return first->sa.sa_family == AF_INET &&
           ((address_is_loopback(a) && address_is_loopback(first)) ||
            (address_is_any(a) && address_is_any(first)));
}

static int listen_on(struct listener_group *g, struct loop *loop,
                     const struct listener_group_config *config, const char *text, char *sentence,
                     size_t size)
{
    struct address a;
    if (g->n_listeners == LISTENER_GROUP_MAX || address_parse(&a, text) < 0) {
        snprintf(sentence, size,
                 "cannot listen on %s: it must be an IP address with a port, such as "
                 "127.0.0.1:8080 or [::1]:8080",
                 text);
        return -EINVAL;
    }
    if (address_port(&a) == 0 && g->n_listeners > 0) {
        address_set_port(&a, address_port(&g->listeners[0].address));
    }
    const int rc = listener_open(&g->listeners[g->n_listeners], loop, &a, config->log, &g->shortage,
                                 config->on_accept, config->arg);
    if (rc == 0) {
        g->n_listeners++;
        return 0;
    }
    char name[ADDRESS_TEXT_SIZE];
    address_format(&a.sa, name, sizeof(name));
    if (is_best_effort(g, &a)) {
        log_info(config->log, "not listening on %s (%s), going on without", name, strerror(-rc));
        return 0;
    }
    explain(rc, config, name, sentence, size);
    return rc;
}

/* The usual soft limit of 1024 is for programs that select(). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS_WANTED) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int listener_group_open(struct listener_group *g, struct loop *loop,
                        const struct listener_group_config *config, char *sentence, size_t size)
{
    int rc = 0;
    raise_descriptor_limit();
    for (const char *const *text = config->addresses; rc == 0 && *text; text++) {
        rc = listen_on(g, loop, config, *text, sentence, size);
    }
    if (rc < 0) {
        listener_group_close(g);
        g->n_listeners = 0;
    } else if (g->n_listeners > 0) {
        address_format(&g->listeners[0].address.sa, g->address, sizeof(g->address));
    }
    return rc;
}

void listener_group_close(struct listener_group *g)
{
    for (unsigned i = 0; i < g->n_listeners; i++) {
        listener_close(&g->listeners[i]);
    }
}

const char *listener_group_address(const struct listener_group *g)
{
    return g->n_listeners > 0 ? g->address : NULL;
}
