#include "net/http_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Connections at their limit, and as much again for sessions, cameras, files. */
enum { DESCRIPTORS_WANTED = 2 * HTTP_CONNECTIONS_MAX };

/* ---- sweep: deadlines are looked at, not armed ---- */

static void move_all(struct list *from, struct list *to)
{
    list_init(to);
    while (!list_is_empty(from)) {
        struct list *first = from->next;
        list_remove(first);
        list_append(to, first);
    }
}

/* Each connection once, whatever closes meanwhile. */
static void for_each_connection(struct http_server *s,
                                void (*visit)(struct http_connection *hc, int64_t now_ns))
{
    const int64_t now_ns = loop_now_ns(s->loop);
    struct list rest;
    move_all(&s->connections, &rest);
    while (!list_is_empty(&rest)) {
        struct http_connection *hc = list_entry(rest.next, struct http_connection, link);
        list_remove(&hc->link);
        list_append(&s->connections, &hc->link);
        visit(hc, now_ns);
    }
}

static void on_sweep(struct loop_timer *t)
{
    struct http_server *s = list_entry(t, struct http_server, sweep);
    for_each_connection(s, http_connection_check);
    s->is_sweeping = !list_is_empty(&s->connections);
    if (s->is_sweeping) {
        loop_timer_start(&s->sweep, HTTP_SWEEP_INTERVAL_NS);
    }
}

static void free_dead(struct http_server *s)
{
    struct http_connection *hc, *next;
    list_for_each_safe(hc, next, &s->dead, link)
    {
        list_remove(&hc->link);
        http_connection_free(hc);
    }
}

static void on_reap(struct loop_message *m)
{
    free_dead(list_entry(m, struct http_server, reap));
}

/* ---- life ---- */

static void stop_one(struct http_connection *hc, int64_t now_ns)
{
    http_connection_stop(hc);
}

static void lose_one(struct http_connection *hc, int64_t now_ns)
{
    http_connection_lose(hc);
}

static void on_grace_over(struct loop_timer *t)
{
    for_each_connection(list_entry(t, struct http_server, grace), lose_one);
}

int http_server_create(struct http_server **out, struct loop *loop, const struct log *log)
{
    struct http_server *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->loop = loop;
    s->scheme = "http";
    s->timeouts = (struct http_timeouts){
        .header_ns = HTTP_HEADER_TIMEOUT_NS,
        .body_ns = HTTP_BODY_TIMEOUT_NS,
        .idle_ns = HTTP_IDLE_TIMEOUT_NS,
        .stall_ns = HTTP_STALL_TIMEOUT_NS,
        .linger_ns = 2 * NS_PER_S,
        .ping_ns = 20 * NS_PER_S,
    };
    s->connections_max = HTTP_CONNECTIONS_MAX;
    s->connections_per_address_max = HTTP_CONNECTIONS_PER_ADDRESS_MAX;
    log_init(&s->log, log, "http");
    list_init(&s->connections);
    list_init(&s->dead);
    loop_message_init(&s->reap, on_reap);
    loop_timer_init(&s->sweep, loop, on_sweep);
    loop_timer_init(&s->grace, loop, on_grace_over);
    s->ping = buf_copy(bytes_of("\x89\0", 2));
    if (!s->ping || http_guard_find_own_names(&s->guard) < 0) {
        http_server_destroy(s);
        return -ENOMEM;
    }
    *out = s;
    return 0;
}

static void close_listeners(struct http_server *s)
{
    for (unsigned i = 0; i < s->n_listeners; i++) {
        listener_close(&s->listeners[i]);
    }
}

void http_server_stop(struct http_server *s, int64_t grace_ns)
{
    s->is_stopping = true;
    close_listeners(s);
    for_each_connection(s, stop_one);
    loop_timer_start(&s->grace, grace_ns);
}

void http_server_destroy(struct http_server *s)
{
    if (!s) {
        return;
    }
    close_listeners(s);
    for_each_connection(s, lose_one);
    loop_timer_finish(&s->sweep);
    loop_timer_finish(&s->grace);
    loop_message_cancel(s->loop, &s->reap);
    free_dead(s);
    http_guard_finish(&s->guard);
    buf_unref(&s->ping);
    free(s);
}

int http_server_add_routes(struct http_server *s, const struct http_route *routes, void *arg)
{
    if (s->n_tables == HTTP_ROUTE_TABLES_MAX) {
        return -ENOSPC;
    }
    s->tables[s->n_tables++] = (struct http_route_table){.routes = routes, .arg = arg};
    return 0;
}

const char *http_server_address(const struct http_server *s)
{
    return s->n_listeners > 0 ? s->address : NULL;
}

const struct http_server_stats *http_server_stats(const struct http_server *s)
{
    return &s->stats;
}

void http_server_set_hosts(struct http_server *s, const struct http_config *config)
{
    if (http_guard_set(&s->guard, config->hosts, config->origins) < 0) {
        log_error(&s->log, "out of memory for http.hosts and http.origins, keeping the old ones");
    }
}

/* ---- listening ---- */

static void on_accept(struct listener *l, int fd, const struct address *peer)
{
    struct http_server *s = l->arg;
    http_accept(s, fd, peer);
    if (!s->is_sweeping) {
        s->is_sweeping = true;
        loop_timer_start(&s->sweep, HTTP_SWEEP_INTERVAL_NS);
    }
}

static void explain(int error, const char *address, char *out, size_t size)
{
    switch (error) {
    case -EADDRINUSE:
        snprintf(out, size,
                 "cannot listen on http://%s: another program uses this port; stop it, or choose "
                 "another port with --http",
                 address);
        break;
    case -EACCES:
        snprintf(out, size,
                 "cannot listen on http://%s: ports below 1024 need a privilege; choose one above "
                 "with --http",
                 address);
        break;
    case -EADDRNOTAVAIL:
        snprintf(
            out, size,
            "cannot listen on http://%s: this machine has no such address; choose another with "
            "--listen",
            address);
        break;
    default:
        snprintf(out, size, "cannot listen on http://%s: %s", address, strerror(-error));
        break;
    }
}

/* IPv6 beside the same IPv4: a machine without IPv6 must do without saying much. */
static bool is_best_effort(const struct http_server *s, const struct address *a)
{
    if (s->n_listeners == 0 || a->sa.sa_family != AF_INET6) {
        return false;
    }
    const struct address *first = &s->listeners[0].address;
    return first->sa.sa_family == AF_INET &&
           ((address_is_loopback(a) && address_is_loopback(first)) ||
            (address_is_any(a) && address_is_any(first)));
}

static int listen_on(struct http_server *s, const char *text, char *error, size_t error_size)
{
    struct address a;
    if (s->n_listeners == HTTP_LISTENERS_MAX || address_parse(&a, text) < 0) {
        snprintf(error, error_size,
                 "cannot listen on %s: it must be an IP address with a port, such as "
                 "127.0.0.1:8080 or [::1]:8080",
                 text);
        return -EINVAL;
    }
    if (address_port(&a) == 0 && s->n_listeners > 0) {
        address_set_port(&a, address_port(&s->listeners[0].address));
    }
    const int rc = listener_open(&s->listeners[s->n_listeners], s->loop, &a, &s->log, on_accept, s);
    if (rc == 0) {
        s->n_listeners++;
        return 0;
    }
    char name[ADDRESS_TEXT_SIZE];
    address_format(&a.sa, name, sizeof(name));
    if (is_best_effort(s, &a)) {
        log_info(&s->log, "not listening on %s (%s), going on without", name, strerror(-rc));
        return 0;
    }
    explain(rc, name, error, error_size);
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

int http_server_listen(struct http_server *s, const struct http_config *config, char *error,
                       size_t error_size)
{
    int rc = http_guard_set(&s->guard, config->hosts, config->origins);
    raise_descriptor_limit();
    if (rc < 0) {
        snprintf(error, error_size, "out of memory");
    }
    for (const char *const *text = config->listen; rc == 0 && *text; text++) {
        rc = listen_on(s, *text, error, error_size);
    }
    if (rc < 0) {
        close_listeners(s);
        s->n_listeners = 0;
    } else if (s->n_listeners > 0) {
        address_format(&s->listeners[0].address.sa, s->address, sizeof(s->address));
    }
    return rc;
}
