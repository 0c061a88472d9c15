#include "app/config_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct parser {
    yaml_parser_t yaml;
    struct config_error *error;
    unsigned n_nodes;
};

static int fail_at(struct parser *p, const yaml_mark_t *mark, const char *sentence)
{
    p->error->line = (unsigned)mark->line + 1;
    p->error->column = (unsigned)mark->column + 1;
    snprintf(p->error->sentence, sizeof(p->error->sentence), "%s", sentence);
    return -EBADMSG;
}

/* What libyaml means but does not say. */
static const char *advice(const char *problem)
{
    return strcmp(problem, "mapping values are not allowed in this context") == 0 ||
                   strcmp(problem, "found unexpected ':'") == 0
               ? "; a value that ends in ':' or has ': ' in it needs quotes, as in cam: \"test:\""
               : "";
}

static int next_event(struct parser *p, yaml_event_t *event)
{
    if (!yaml_parser_parse(&p->yaml, event)) {
        char sentence[200];
        const char *problem = p->yaml.problem ? p->yaml.problem : "out of memory";
        snprintf(sentence, sizeof(sentence), "this is no YAML: %s%s", problem, advice(problem));
        return fail_at(p, &p->yaml.problem_mark, sentence);
    }
    return 0;
}

static struct config_node *create_node(struct parser *p, enum config_kind kind,
                                       const yaml_mark_t *mark)
{
    if (++p->n_nodes > CONFIG_NODES_MAX) {
        fail_at(p, mark, "too many values in this file");
        return NULL;
    }
    struct config_node *node = calloc(1, sizeof(*node));
    if (!node) {
        fail_at(p, mark, "out of memory");
        return NULL;
    }
    node->kind = kind;
    node->line = (unsigned)mark->line + 1;
    node->column = (unsigned)mark->column + 1;
    return node;
}

static const char *refusal(const yaml_event_t *event)
{
    if (event->type == YAML_ALIAS_EVENT) {
        return "aliases (*name) are not allowed: write the value out";
    }
    if ((event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor) ||
        (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor) ||
        (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor)) {
        return "anchors (&name) are not allowed: write the value out";
    }
    if ((event->type == YAML_SCALAR_EVENT && event->data.scalar.tag) ||
        (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.tag) ||
        (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.tag)) {
        return "tags (!name) are not allowed: values are typed by their keys";
    }
    return NULL;
}

static int parse_node(struct parser *p, yaml_event_t *event, unsigned depth,
                      struct config_node **out);

static int parse_list(struct parser *p, struct config_node *list, unsigned depth)
{
    struct config_node **tail = &list->first;
    for (;;) {
        yaml_event_t event;
        int error = next_event(p, &event);
        if (error < 0) {
            return error;
        }
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        error = parse_node(p, &event, depth, tail);
        yaml_event_delete(&event);
        if (error < 0) {
            return error;
        }
        tail = &(*tail)->next;
    }
}

static int check_key(struct parser *p, const struct config_node *map, const yaml_event_t *event)
{
    const char *refused = refusal(event);
    if (refused) {
        return fail_at(p, &event->start_mark, refused);
    }
    if (event->type != YAML_SCALAR_EVENT) {
        return fail_at(p, &event->start_mark, "a key must be a plain word");
    }
    if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length) {
        return fail_at(p, &event->start_mark, "a key must not contain a NUL character");
    }
    if (config_tree_get(map, (const char *)event->data.scalar.value)) {
        return fail_at(p, &event->start_mark, "this key stands here twice: keep one of them");
    }
    return 0;
}

static int parse_pair(struct parser *p, const yaml_event_t *key, unsigned depth,
                      struct config_node **out)
{
    yaml_event_t value;
    int error = next_event(p, &value);
    if (error < 0) {
        return error;
    }
    error = parse_node(p, &value, depth, out);
    yaml_event_delete(&value);
    if (error < 0) {
        return error;
    }
    (*out)->key = strdup((const char *)key->data.scalar.value);
    (*out)->key_line = (unsigned)key->start_mark.line + 1;
    (*out)->key_column = (unsigned)key->start_mark.column + 1;
    return (*out)->key ? 0 : fail_at(p, &key->start_mark, "out of memory");
}

static int parse_map(struct parser *p, struct config_node *map, unsigned depth)
{
    struct config_node **tail = &map->first;
    for (;;) {
        yaml_event_t key;
        int error = next_event(p, &key);
        if (error < 0) {
            return error;
        }
        if (key.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&key);
            return 0;
        }
        error = check_key(p, map, &key);
        if (error == 0) {
            error = parse_pair(p, &key, depth, tail);
        }
        yaml_event_delete(&key);
        if (error < 0) {
            return error;
        }
        tail = &(*tail)->next;
    }
}

static int parse_scalar(struct parser *p, const yaml_event_t *event, struct config_node *node)
{
    const char *value = (const char *)event->data.scalar.value;
    if (strlen(value) != event->data.scalar.length) {
        return fail_at(p, &event->start_mark, "a value must not contain a NUL character");
    }
    node->text = strdup(value);
    return node->text ? 0 : fail_at(p, &event->start_mark, "out of memory");
}

/* Links the node into *out before it is filled, so that the tree's owner frees half-built ones. */
static int parse_node(struct parser *p, yaml_event_t *event, unsigned depth,
                      struct config_node **out)
{
    const char *refused = refusal(event);
    if (refused) {
        return fail_at(p, &event->start_mark, refused);
    }
    if (depth >= CONFIG_DEPTH_MAX) {
        return fail_at(p, &event->start_mark, "nested too deeply");
    }
    const enum config_kind kind = event->type == YAML_MAPPING_START_EVENT    ? CONFIG_MAP
                                  : event->type == YAML_SEQUENCE_START_EVENT ? CONFIG_LIST
                                                                             : CONFIG_SCALAR;
    struct config_node *node = create_node(p, kind, &event->start_mark);
    *out = node;
    if (!node) {
        return -EBADMSG;
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return parse_scalar(p, event, node);
    case YAML_MAPPING_START_EVENT:
        return parse_map(p, node, depth + 1);
    case YAML_SEQUENCE_START_EVENT:
        return parse_list(p, node, depth + 1);
    default:
        return fail_at(p, &event->start_mark, "a value is missing here");
    }
}

static int parse_document(struct parser *p, struct config_node **out)
{
    for (bool is_done = false; !is_done;) {
        yaml_event_t event;
        int error = next_event(p, &event);
        if (error < 0) {
            return error;
        }
        if (event.type == YAML_STREAM_END_EVENT) {
            is_done = true;
        } else if (event.type != YAML_STREAM_START_EVENT &&
                   event.type != YAML_DOCUMENT_START_EVENT &&
                   event.type != YAML_DOCUMENT_END_EVENT) {
            error = *out ? fail_at(p, &event.start_mark, "only one document is allowed")
                         : parse_node(p, &event, 0, out);
        }
        yaml_event_delete(&event);
        if (error < 0) {
            return error;
        }
    }
    return 0;
}

/* An empty document, or one whose only value is empty, is an empty map. */
static int make_map(struct parser *p, struct config_node **root)
{
    const yaml_mark_t start = {0};
    if (*root && (*root)->kind == CONFIG_SCALAR && (*root)->text[0] == '\0') {
        config_tree_free(*root);
        *root = NULL;
    }
    if (!*root) {
        *root = create_node(p, CONFIG_MAP, &start);
    }
    if (!*root) {
        return -EBADMSG;
    }
    return (*root)->kind == CONFIG_MAP
               ? 0
               : fail_at(p, &start, "the file must be a map of keys, such as 'streams:'");
}

int config_tree_parse(struct bytes yaml, struct config_node **out, struct config_error *error)
{
    struct parser p = {.error = error};
    *error = (struct config_error){0};
    if (yaml.size > CONFIG_BYTES_MAX) {
        snprintf(error->sentence, sizeof(error->sentence), "larger than 1 MiB");
        return -EBADMSG;
    }
    if (!yaml_parser_initialize(&p.yaml)) {
        snprintf(error->sentence, sizeof(error->sentence), "out of memory");
        return -ENOMEM;
    }
    yaml_parser_set_input_string(&p.yaml, yaml.data ? yaml.data : (const uint8_t *)"", yaml.size);
    struct config_node *root = NULL;
    int result = parse_document(&p, &root);
    if (result == 0) {
        result = make_map(&p, &root);
    }
    yaml_parser_delete(&p.yaml);
    if (result < 0) {
        config_tree_free(root);
        return result;
    }
    *out = root;
    return 0;
}

void config_tree_free(struct config_node *node)
{
    while (node) {
        struct config_node *next = node->next;
        config_tree_free(node->first); /* at most CONFIG_DEPTH_MAX levels deep */
        free(node->key);
        free(node->text);
        free(node);
        node = next;
    }
}

const struct config_node *config_tree_get(const struct config_node *node, const char *key)
{
    if (!node || node->kind != CONFIG_MAP) {
        return NULL;
    }
    for (const struct config_node *child = node->first; child; child = child->next) {
        if (child->key && strcmp(child->key, key) == 0) {
            return child;
        }
    }
    return NULL;
}
