#include "app/served_sinks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/listen_addresses.h"
#include "app/registry.h"

static int server_id_of(const struct sink_type *type)
{
    for (int id = 0; type->server && id < N_SERVERS; id++) {
        if (strcmp(config_server_name((enum config_server_id)id), type->server) == 0) {
            return id;
        }
    }
    return -1;
}

/* A server of its own, where the configuration wants it. */
static int listen_sink(struct sink *sink, const struct config *config, char *sentence, size_t size)
{
    const int id = server_id_of(sink->type);
    if (id < 0 || config->servers[id].is_off) {
        return 0;
    }
    struct listen_addresses addresses = {0};
    listen_addresses_collect(&addresses, config, (enum config_server_id)id);
    return sink->type->listen(sink, addresses.items, sentence, size);
}

static int open_one(struct served_sinks *s, const struct sink_type *type,
                    const struct sink_env *env, const struct config *config, char *sentence,
                    size_t size)
{
    struct sink *sink = calloc(1, type->state_size);
    if (!sink) {
        return -ENOMEM;
    }
    sink->type = type;
    sink->env = env;
    log_init(&sink->log, NULL, "sink/%s", type->name);
    s->items[s->n_items++] = sink;
    int result = type->open ? type->open(sink) : 0;
    if (result == 0 && type->routes) {
        result = http_server_add_routes(env->http, type->routes, sink);
    }
    if (result == 0) {
        result = listen_sink(sink, config, sentence, size);
    }
    return result;
}

int served_sinks_open(struct served_sinks *s, const struct sink_env *env,
                      const struct config *config, char *sentence, size_t size)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && registry_sinks[i]; i++) {
        result = s->n_items < SERVED_SINKS_MAX
                     ? open_one(s, registry_sinks[i], env, config, sentence, size)
                     : -ENOSPC;
    }
    return result;
}

void served_sinks_close(struct served_sinks *s)
{
    while (s->n_items > 0) {
        struct sink *sink = s->items[--s->n_items];
        if (sink->type->close) {
            sink->type->close(sink);
        }
        free(sink);
    }
}

struct sink *served_sinks_find(const struct served_sinks *s, const struct sink_type *type)
{
    for (unsigned i = 0; i < s->n_items; i++) {
        if (s->items[i]->type == type) {
            return s->items[i];
        }
    }
    return NULL;
}

void served_sinks_describe(const struct served_sinks *s, struct text *out)
{
    for (unsigned i = 0; i < s->n_items; i++) {
        const struct sink_type *type = s->items[i]->type;
        const char *address = type->server ? type->address(s->items[i]) : NULL;
        if (address) {
            text_printf(out, " %s=%s", type->server, address);
        }
    }
}
