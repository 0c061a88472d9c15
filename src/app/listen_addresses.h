/*
 * The texts "ADDRESS:PORT" that a server is told to listen on.
 *
 * Ownership: items point into the struct itself, so it stays where it is.
 * Thread:    any; a value.
 */
#ifndef AVOCET_APP_LISTEN_ADDRESSES_H
#define AVOCET_APP_LISTEN_ADDRESSES_H

#include "app/config.h"

enum { LISTEN_ADDRESSES_MAX = CONFIG_LISTEN_MAX, LISTEN_ADDRESS_SIZE = 96 };

struct listen_addresses {
    char texts[LISTEN_ADDRESSES_MAX][LISTEN_ADDRESS_SIZE];
    const char *items[LISTEN_ADDRESSES_MAX + 1]; /* NULL-terminated */
    unsigned n_items;
};

/* a is zeroed. */
void listen_addresses_collect(struct listen_addresses *a, const struct config *config,
                              enum config_server_id id);

/* All that the configuration says of where servers listen and what WebRTC viewers are told, as one
 * text: equal texts, nothing to restart for. malloc'ed; NULL without memory. */
char *listen_addresses_describe(const struct config *config);

#endif
