#include "app/listen_addresses.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void add_address(struct listen_addresses *a, const char *address, uint16_t port)
{
    if (a->n_items < LISTEN_ADDRESSES_MAX) {
        const bool is_v6 = strchr(address, ':') != NULL;
        snprintf(a->texts[a->n_items], sizeof(a->texts[0]), is_v6 ? "[%s]:%u" : "%s:%u", address,
                 port);
        a->items[a->n_items] = a->texts[a->n_items];
        a->n_items++;
    }
}

void listen_addresses_collect(struct listen_addresses *a, const struct config *config,
                              enum config_server_id id)
{
    const struct config_server *server = &config->servers[id];
    if (server->is_address_given) {
        add_address(a, server->address, server->port);
    } else if (config->listen.n_items == 0) {
        add_address(a, "127.0.0.1", server->port);
        add_address(a, "::1", server->port);
    }
    for (unsigned i = 0; !server->is_address_given && i < config->listen.n_items; i++) {
        add_address(a, config->listen.items[i], server->port);
    }
}

char *listen_addresses_describe(const struct config *config)
{
    struct text out = {0};
    for (int id = 0; id < N_SERVERS; id++) {
        struct listen_addresses a = {0};
        listen_addresses_collect(&a, config, (enum config_server_id)id);
        text_printf(&out, "%s:", config_server_name((enum config_server_id)id));
        for (unsigned i = 0; !config->servers[id].is_off && i < a.n_items; i++) {
            text_printf(&out, " %s", a.items[i]);
        }
        text_append(&out, "\n");
    }
    for (unsigned i = 0; i < config->webrtc_addresses.n_items; i++) {
        text_printf(&out, "viewers are told %s\n", config->webrtc_addresses.items[i]);
    }
    return text_take(&out);
}
