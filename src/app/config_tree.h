/*
 * A YAML document as a tree of texts with their places, for schemas to walk.
 *
 * Scalars stay text: the schema types them. Refused: anchors, aliases, tags, several documents,
 * duplicate keys, keys that are no scalars, more than CONFIG_BYTES_MAX bytes or CONFIG_DEPTH_MAX
 * levels.
 *
 * Ownership: config_tree_parse() makes a tree; config_tree_free() frees it (NULL is fine).
 * Thread:    any.
 * Errors:    -EBADMSG with error filled in; -ENOMEM.
 * Spec:      YAML 1.1, by libyaml.
 */
#ifndef AVOCET_APP_CONFIG_TREE_H
#define AVOCET_APP_CONFIG_TREE_H

#include "base/bytes.h"

enum { CONFIG_BYTES_MAX = 1024 * 1024, CONFIG_DEPTH_MAX = 16, CONFIG_NODES_MAX = 20000 };

enum config_kind { CONFIG_SCALAR, CONFIG_MAP, CONFIG_LIST };

struct config_node {
    enum config_kind kind;
    unsigned line;   /* from 1 */
    unsigned column; /* from 1 */
    char *key;       /* in a map: its key, else NULL */
    unsigned key_line;
    unsigned key_column;
    char *text;                /* CONFIG_SCALAR */
    struct config_node *first; /* children, in the order of the file */
    struct config_node *next;
};

struct config_error {
    unsigned line; /* 0: the whole file */
    unsigned column;
    char sentence[300];
};

/* An empty document gives an empty map. */
int config_tree_parse(struct bytes yaml, struct config_node **out, struct config_error *error);
void config_tree_free(struct config_node *node);
/* Child of a map by key; NULL when absent or when node is NULL or no map. */
const struct config_node *config_tree_get(const struct config_node *node, const char *key);

#endif
