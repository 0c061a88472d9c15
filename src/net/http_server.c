#include "net/http_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    s->refusal = http_refusal_create();
    if (!s->ping || !s->refusal || http_guard_find_own_names(&s->guard) < 0) {
        http_server_destroy(s);
        return -ENOMEM;
    }
    *out = s;
    return 0;
}

void http_server_stop(struct http_server *s, int64_t grace_ns)
{
    s->is_stopping = true;
    listener_group_close(&s->listeners);
    for_each_connection(s, stop_one);
    loop_timer_start(&s->grace, grace_ns);
}

void http_server_destroy(struct http_server *s)
{
    if (!s) {
        return;
    }
    listener_group_close(&s->listeners);
    for_each_connection(s, lose_one);
    loop_timer_finish(&s->sweep);
    loop_timer_finish(&s->grace);
    loop_message_cancel(s->loop, &s->reap);
    free_dead(s);
    http_guard_finish(&s->guard);
    buf_unref(&s->ping);
    buf_unref(&s->refusal);
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

void http_server_set_names(struct http_server *s, bool (*has_name)(const char *name, void *arg),
                           void *arg)
{
    s->has_name = has_name;
    s->has_name_arg = arg;
}

const char *http_server_address(const struct http_server *s)
{
    return listener_group_address(&s->listeners);
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

int http_server_listen(struct http_server *s, const struct http_config *config, char *error,
                       size_t error_size)
{
    int rc = http_guard_set(&s->guard, config->hosts, config->origins);
    if (rc < 0) {
        snprintf(error, error_size, "out of memory");
    }
    const struct listener_group_config listeners = {
        .addresses = config->listen,
        .scheme = s->scheme,
        .setting = "--http",
        .log = &s->log,
        .on_accept = on_accept,
        .arg = s,
    };
    return rc < 0 ? rc : listener_group_open(&s->listeners, s->loop, &listeners, error, error_size);
}
