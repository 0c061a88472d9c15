#include "sink/tcp_listen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/listener_group.h"
#include "net/tcp_outlet.h"
#include "sink/pump.h"

struct tcp_listen {
    char *mode;
    struct loop *loop;
    struct stream *stream;
    struct log log;
    struct listener_group listeners;
    struct list viewers; /* tcp_viewer::link */
    unsigned n_viewers;
    bool was_limit_said;
};

struct tcp_viewer {
    struct list link;
    struct tcp_listen *output;
    struct pump pump;
    struct tcp_outlet outlet;
};

/* ---- one viewer ---- */

static void destroy(struct tcp_viewer *v)
{
    pump_close(&v->pump);
    list_remove(&v->link);
    v->output->n_viewers--;
    free(v);
}

static void on_idle(struct outlet *o, void *arg)
{
    struct tcp_viewer *v = arg;
    pump_run(&v->pump);
}

static void on_close(struct outlet *o, void *arg)
{
    destroy(arg);
}

static const struct outlet_ops outlet_ops = {.on_idle = on_idle, .on_close = on_close};

static void on_end(struct pump *p, const char *why)
{
    struct tcp_viewer *v = list_entry(p, struct tcp_viewer, pump);
    log_info(&v->output->log, "%s, closing a viewer", why);
    outlet_close(&v->outlet.outlet, 0, why);
    destroy(v);
}

static const struct pump_ops pump_ops = {.on_end = on_end};

static bool has_room(struct tcp_listen *t)
{
    const bool has = t->n_viewers < TCP_LISTEN_VIEWERS_MAX;
    if (!has && !t->was_limit_said) {
        log_warn(&t->log, "%u viewers are connected, more are turned away", t->n_viewers);
    }
    t->was_limit_said = !has;
    return has;
}

static void on_accept(struct listener *l, int fd, const struct address *peer)
{
    struct tcp_listen *t = l->arg;
    struct tcp_viewer *v = has_room(t) ? calloc(1, sizeof(*v)) : NULL;
    if (!v) {
        close(fd);
        return;
    }
    v->output = t;
    list_append(&t->viewers, &v->link);
    t->n_viewers++;
    tcp_outlet_open(&v->outlet, t->loop, fd, peer, &outlet_ops, v);
    const int result =
        pump_open(&v->pump, t->loop, t->stream, ENCODING_H264, &mux_annexb,
                  output_mode(t->stream, t->mode), output_tcp_listen.scheme, &pump_ops);
    if (result < 0) {
        const char *error = stream_encoding_error(t->stream, ENCODING_H264);
        on_end(&v->pump, error ? error : "there is no H.264 to be had here");
        return;
    }
    pump_attach(&v->pump, &v->outlet.outlet);
}

/* ---- the output ---- */

enum { ADDRESSES_MAX = LISTENER_GROUP_MAX };

struct addresses {
    char texts[ADDRESSES_MAX][ADDRESS_TEXT_SIZE];
    const char *items[ADDRESSES_MAX + 1];
    unsigned n_items;
};

static void add_address(struct addresses *a, const char *text)
{
    if (a->n_items < ADDRESSES_MAX) {
        snprintf(a->texts[a->n_items], sizeof(a->texts[0]), "%s", text);
        a->items[a->n_items] = a->texts[a->n_items];
        a->n_items++;
    }
}

/* "5001" is on every address of the configuration, "127.0.0.1:5001" just there. */
static void collect(struct addresses *a, const struct output_params *params)
{
    if (strchr(params->location, ':')) {
        add_address(a, params->location);
        return;
    }
    for (const char *const *ip = params->listen; *ip; ip++) {
        char text[ADDRESS_TEXT_SIZE];
        snprintf(text, sizeof(text), strchr(*ip, ':') ? "[%s]:%s" : "%s:%s", *ip, params->location);
        add_address(a, text);
    }
}

static int open_output(void *state, const struct output_params *params, char *sentence, size_t size)
{
    struct tcp_listen *t = state;
    struct addresses addresses = {0};
    t->loop = params->env->loop;
    t->stream = params->stream;
    list_init(&t->viewers);
    log_init(&t->log, NULL, "%s/%s", output_tcp_listen.scheme, stream_name(params->stream));
    collect(&addresses, params);
    const struct listener_group_config config = {
        .addresses = addresses.items,
        .scheme = "tcp",
        .setting = "the stream's outputs",
        .log = &t->log,
        .on_accept = on_accept,
        .arg = t,
    };
    const int result = listener_group_open(&t->listeners, t->loop, &config, sentence, size);
    if (result == 0) {
        log_info(&t->log, "raw H.264 at tcp://%s", listener_group_address(&t->listeners));
    }
    return result;
}

static void close_output(void *state)
{
    struct tcp_listen *t = state;
    struct tcp_viewer *v;
    struct tcp_viewer *next;
    listener_group_close(&t->listeners);
    list_for_each_safe(v, next, &t->viewers, link)
    {
        outlet_close(&v->outlet.outlet, 0, NULL);
        destroy(v);
    }
}

static const struct option options[] = {
    {"mode", OPTION_TEXT, offsetof(struct tcp_listen, mode), .choices = output_mode_words,
     .help = "latency budget of its viewers; default: the stream's"},
    {0},
};

const struct output_type output_tcp_listen = {
    .scheme = "tcp-listen",
    .summary = "raw H.264 to whoever connects, tcp-listen:[ADDRESS:]PORT",
    .state_size = sizeof(struct tcp_listen),
    .options = options,
    .listens = true,
    .open = open_output,
    .close = close_output,
};
