#include "app/listen_addresses.h"

#include <stdio.h>
#include <string.h>

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
