#include "app/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config_names.h"
#include "app/registry.h"
#include "app/source_url.h"
#include "base/text.h"
#include "net/address.h"
#include "stream/directory.h"

static const char *const start_words[] = {"on-demand", "always", NULL};
static const char *const preset_words[] = {"ultrafast", "superfast", "veryfast", "faster",
                                           "fast",      "medium",    NULL};
static const char *const mode_words[] = {"drive", "watch", "smooth", NULL};

const struct option stream_option_table[] = {
    {"size", OPTION_SIZE, offsetof(struct stream_options, size), .def = "1280x720",
     .help = "picture size; a preset also sets the default bitrate"},
    {"fps", OPTION_RATE, offsetof(struct stream_options, fps), .def = "30",
     .help = "frames per second"},
    {"bitrate", OPTION_BITRATE, offsetof(struct stream_options, bitrate_bps), .min = 10000,
     .max = 100000000, .help = "H.264 bitrate; default by size"},
    {"keyframe", OPTION_DURATION, offsetof(struct stream_options, keyframe_ns), .def = "2s",
     .min = 100 * NS_PER_MS, .max = 3600 * NS_PER_S, .help = "longest time between keyframes"},
    {"start", OPTION_CHOICE, offsetof(struct stream_options, start), .def = "on-demand",
     .choices = start_words, .help = "run only while somebody watches, or always"},
    {"stop_after", OPTION_DURATION, offsetof(struct stream_options, stop_after_ns), .def = "10s",
     .min = 0, .max = 3600 * NS_PER_S, .help = "go on for so long after the last viewer"},
    {"mode", OPTION_CHOICE, offsetof(struct stream_options, mode), .def = "watch",
     .choices = mode_words, .help = "latency budget of viewers that ask for none"},
    {"intra_refresh", OPTION_BOOL, offsetof(struct stream_options, intra_refresh), .def = "off",
     .help = "spread keyframes over several frames (x264)"},
    {"slice_max_size", OPTION_BYTES, offsetof(struct stream_options, slice_max_size_bytes),
     .min = 0, .max = 1000000, .help = "largest H.264 slice in bytes; 0: one slice a frame (x264)"},
    {"quality", OPTION_INT, offsetof(struct stream_options, quality), .def = "80", .min = 1,
     .max = 100, .help = "JPEG quality"},
    {"encoder", OPTION_TEXT, offsetof(struct stream_options, encoder),
     .help = "H.264 encoder by name; default: the first that works"},
    {"preset", OPTION_TEXT, offsetof(struct stream_options, preset), .choices = preset_words,
     .help = "speed preset of x264; default: superfast"},
    {0},
};

static const struct {
    const char *name;
    uint16_t port;
    bool is_on;
} servers[N_SERVERS] = {
    [SERVER_HTTP] = {"http", 8080, true}, [SERVER_WEBRTC] = {"webrtc", 8189, true},
    [SERVER_RTSP] = {"rtsp", 8554, true}, [SERVER_RTMP] = {"rtmp", 1935, false},
    [SERVER_SRT] = {"srt", 8890, false},
};

const char *config_server_name(enum config_server_id id)
{
    return servers[id].name;
}

__attribute__((format(printf, 3, 4))) static int
fail(struct config_error *error, const struct config_node *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->sentence, sizeof(error->sentence), format, args);
    va_end(args);
    error->line = at ? at->line : 0;
    error->column = at ? at->column : 0;
    return -EINVAL;
}

void config_init(struct config *c)
{
    memset(c, 0, sizeof(*c));
    for (int i = 0; i < N_SERVERS; i++) {
        c->servers[i] =
            (struct config_server){.is_off = !servers[i].is_on, .port = servers[i].port};
    }
}

void config_finish_texts(struct config_texts *texts)
{
    for (unsigned i = 0; i < texts->n_items; i++) {
        free(texts->items[i]);
    }
    *texts = (struct config_texts){0};
}

static void finish_stream(struct config_stream *s)
{
    if (s->source && s->source_options) {
        option_finish(s->source->options, s->source_options);
    }
    for (unsigned i = 0; i < s->n_outputs; i++) {
        config_output_finish(&s->outputs[i]);
    }
    free(s->source_options);
    free(s->location);
    free(s->fingerprint);
    option_finish(stream_option_table, &s->options);
    memset(s, 0, sizeof(*s));
}

void config_finish(struct config *c)
{
    for (unsigned i = 0; i < c->n_streams; i++) {
        finish_stream(&c->streams[i]);
    }
    config_finish_texts(&c->listen);
    config_finish_texts(&c->hosts);
    config_finish_texts(&c->origins);
    config_finish_texts(&c->webrtc_addresses);
    free(c->file);
    free(c->file_addresses);
    memset(c, 0, sizeof(*c));
}

int config_add_text(struct config_texts *texts, const char *text)
{
    if (texts->n_items == CONFIG_TEXTS_MAX) {
        return -ENOSPC;
    }
    char *copy = strdup(text);
    if (!copy) {
        return -ENOMEM;
    }
    texts->items[texts->n_items++] = copy;
    return 0;
}

/* ---- addresses ---- */

static bool is_ip(const char *text)
{
    uint8_t address[16];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool is_loopback(const char *text)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, text, address) == 1) {
        return address[0] == 127;
    }
    static const uint8_t one[16] = {[15] = 1};
    return inet_pton(AF_INET6, text, address) == 1 && memcmp(address, one, sizeof(one)) == 0;
}

static int parse_port(const char *text, uint16_t *out)
{
    char *end = NULL;
    const long value = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > 65535) {
        return -EINVAL;
    }
    *out = (uint16_t)value;
    return 0;
}

/* "ADDR:PORT" or "[ADDR6]:PORT" */
static int parse_address_port(const char *text, char *address, size_t size, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    if (!colon || parse_port(colon + 1, port) < 0) {
        return -EINVAL;
    }
    size_t length = (size_t)(colon - text);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length >= size) {
        return -EINVAL;
    }
    memcpy(address, text, length);
    address[length] = '\0';
    return is_ip(address) ? 0 : -EINVAL;
}

static int set_server(struct config *c, enum config_server_id id, const char *value,
                      const struct config_node *at, struct config_error *error)
{
    struct config_server server = {0};
    if (strcmp(value, "off") == 0) {
        server.is_off = true;
    } else if (parse_port(value, &server.port) < 0) {
        if (parse_address_port(value, server.address, sizeof(server.address), &server.port) < 0) {
            return fail(
                error, at,
                "'%.80s' is no value for %s: it takes PORT, ADDRESS:PORT, 0 (any free port) "
                "or off",
                value, servers[id].name);
        }
        server.is_address_given = true;
    }
    c->servers[id] = server;
    return 0;
}

int config_set_server(struct config *c, enum config_server_id id, const char *value,
                      struct config_error *error)
{
    return set_server(c, id, value, NULL, error);
}

/* "IP", "[IP]" or "IP:PORT", an IPv6 address with a port in brackets. */
static int add_webrtc_address(struct config *c, const char *text, const struct config_node *at,
                              struct config_error *error)
{
    struct address address;
    if (address_parse_ip(&address, text, 0) < 0 && address_parse(&address, text) < 0) {
        return fail(
            error, at,
            "'%.80s' is no address to tell viewers: write an IP address or IP:PORT, such as "
            "203.0.113.5 or 203.0.113.5:8189",
            text);
    }
    if (c->webrtc_addresses.n_items == CONFIG_WEBRTC_ADDRESSES_MAX) {
        return fail(error, at, "too many addresses to tell viewers, at most %d",
                    CONFIG_WEBRTC_ADDRESSES_MAX);
    }
    return config_add_text(&c->webrtc_addresses, text) < 0 ? fail(error, at, "out of memory") : 0;
}

static int add_listen(struct config *c, const char *address, const struct config_node *at,
                      struct config_error *error)
{
    char bare[80];
    const size_t length = strlen(address);
    const bool is_bracketed = length > 2 && address[0] == '[' && address[length - 1] == ']';
    snprintf(bare, sizeof(bare), "%.*s", (int)(is_bracketed ? length - 2 : length),
             is_bracketed ? address + 1 : address);
    if (!is_ip(bare)) {
        return fail(
            error, at,
            "'%.80s' is no address to listen on: write an IP address such as 0.0.0.0, :: or "
            "192.168.1.5",
            address);
    }
    if (c->listen.n_items == CONFIG_LISTEN_MAX || config_add_text(&c->listen, bare) < 0) {
        return fail(error, at, "too many addresses to listen on, at most %d", CONFIG_LISTEN_MAX);
    }
    return 0;
}

int config_add_listen(struct config *c, const char *address, struct config_error *error)
{
    return add_listen(c, address, NULL, error);
}

void config_forget_listen(struct config *c)
{
    config_finish_texts(&c->listen);
}

void config_forget_webrtc_addresses(struct config *c)
{
    config_finish_texts(&c->webrtc_addresses);
}

int config_add_webrtc_address(struct config *c, const char *text, struct config_error *error)
{
    return add_webrtc_address(c, text, NULL, error);
}

/* A server that this build lacks listens nowhere, whatever is said of it. */
static bool is_built(enum config_server_id id)
{
    return id == SERVER_HTTP || id == SERVER_WEBRTC || registry_has_server(servers[id].name);
}

static const char *stream_beyond_loopback(const struct config_stream *s)
{
    if (s->source->listens && config_is_beyond_loopback(s->location)) {
        return s->location;
    }
    for (unsigned i = 0; i < s->n_outputs; i++) {
        const struct config_output *o = &s->outputs[i];
        if (o->type->listens && config_is_beyond_loopback(o->location)) {
            return o->location;
        }
    }
    return NULL;
}

const char *config_streams_beyond_loopback(const struct config *c)
{
    const char *beyond = NULL;
    for (unsigned i = 0; !beyond && i < c->n_streams; i++) {
        beyond = stream_beyond_loopback(&c->streams[i]);
    }
    return beyond;
}

const char *config_beyond_loopback(const struct config *c)
{
    for (unsigned i = 0; i < c->listen.n_items; i++) {
        if (!is_loopback(c->listen.items[i])) {
            return c->listen.items[i];
        }
    }
    for (int i = 0; i < N_SERVERS; i++) {
        const struct config_server *s = &c->servers[i];
        if (is_built((enum config_server_id)i) && !s->is_off && s->is_address_given &&
            !is_loopback(s->address)) {
            return s->address;
        }
    }
    return config_streams_beyond_loopback(c);
}

/* ---- streams ---- */

static int set_parameter(struct config_stream *s, const char *name, const char *value,
                         const struct config_node *at, struct config_error *error)
{
    struct option_error option_error;
    int result;
    const bool is_own = s->source && option_find(s->source->options, name);
    if (!is_own && !option_find(stream_option_table, name)) {
        return fail(error, at, "unknown parameter '%.60s' of %s: avocet serve --help lists them",
                    name, s->source ? s->source->scheme : "a stream");
    }
    if (is_own) {
        result = option_set(s->source->options, s->source_options, name, value, &option_error);
    } else {
        result = option_set(stream_option_table, &s->options, name, value, &option_error);
    }
    if (result < 0) {
        return fail(error, at, "%s", option_error.sentence);
    }
    if (!is_own && strcmp(name, "encoder") == 0 && !registry_has_encoder(value)) {
        return fail(error, at,
                    "this build has no H.264 encoder '%.60s': avocet features lists those it has",
                    value);
    }
    s->options.is_size_given |= strcmp(name, "size") == 0;
    s->options.is_fps_given |= strcmp(name, "fps") == 0;
    return 0;
}

static bool reads_standard_input(const struct source_type *source, const char *location)
{
    return strcmp(source->scheme, "pipe") == 0 && strcmp(location, "-") == 0;
}

/* Opens the source's option table and takes the URL's parameters. */
static int set_source(struct config *c, struct config_stream *s, const char *url_text,
                      const struct config_node *at, struct config_error *error)
{
    struct source_url *url = malloc(sizeof(*url));
    char sentence[200];
    if (!url) {
        return fail(error, at, "out of memory");
    }
    int result = source_url_parse(url_text, url, sentence, sizeof(sentence));
    if (result < 0) {
        result = fail(error, at, "%s", sentence);
    }
    if (result == 0) {
        s->source = registry_find_source(url->scheme);
        if (!s->source) {
            result =
                fail(error, at, "no source '%s:' in this build: avocet features lists those it has",
                     url->scheme);
        }
    }
    if (result == 0 && reads_standard_input(s->source, url->location)) {
        result = c->has_standard_input
                     ? fail(error, at, "two streams read standard input: only one can have pipe:-")
                     : 0;
        c->has_standard_input = true;
    }
    if (result == 0) {
        s->location = strdup(url->location);
        s->source_options = calloc(1, s->source->state_size);
        if (!s->location || !s->source_options) {
            result = fail(error, at, "out of memory");
        } else {
            option_init(s->source->options, s->source_options);
        }
    }
    for (unsigned i = 0; result == 0 && i < url->n_parameters; i++) {
        result = set_parameter(s, url->parameters[i].name, url->parameters[i].value, at, error);
    }
    free(url);
    return result;
}

static int begin_stream(struct config *c, const char *name, const struct config_node *at,
                        struct config_error *error, struct config_stream **out)
{
    const char *why = directory_check_name(name);
    if (why) {
        return fail(error, at, "'%.70s' cannot be a stream's name: %s", name, why);
    }
    for (unsigned i = 0; i < c->n_streams; i++) {
        if (strcmp(c->streams[i].name, name) == 0) {
            return fail(error, at, "two streams are named '%s': rename one, NAME=SOURCE", name);
        }
    }
    if (c->n_streams == CONFIG_STREAMS_MAX) {
        return fail(error, at, "too many streams, at most %d", CONFIG_STREAMS_MAX);
    }
    struct config_stream *s = &c->streams[c->n_streams++];
    text_copy(s->name, sizeof(s->name), name);
    option_init(stream_option_table, &s->options);
    *out = s;
    return 0;
}

static void add_fingerprint(struct config_stream *s, const char *what)
{
    struct text t = {0};
    if (s->fingerprint) {
        text_append(&t, s->fingerprint);
    }
    text_printf(&t, "%s\n", what);
    free(s->fingerprint);
    s->fingerprint = text_take(&t);
}

/* Is the text before the first '=' a name? "v4l2:/dev/video0?size=…" has none. */
static size_t name_length(const char *argument)
{
    const char *equals = strchr(argument, '=');
    const size_t length = equals ? (size_t)(equals - argument) : 0;
    char name[STREAM_NAME_SIZE];
    if (length == 0 || length >= sizeof(name) || strcspn(argument, ":/?") < length) {
        return 0;
    }
    return length;
}

int config_add_source(struct config *c, const char *argument, struct config_error *error)
{
    const size_t length = name_length(argument);
    char name[STREAM_NAME_SIZE] = "cam";
    const char *url = argument;
    if (length > 0) {
        snprintf(name, sizeof(name), "%.*s", (int)length, argument);
        url = argument + length + 1;
    }
    struct config_stream *s = NULL;
    int result = begin_stream(c, name, NULL, error, &s);
    if (result == 0) {
        s->is_argument = true;
        result = set_source(c, s, url, NULL, error);
        add_fingerprint(s, argument);
    }
    return result;
}

/* ---- the file ---- */

static int read_options(struct config_stream *s, const struct config_node *map,
                        struct config_error *error)
{
    for (const struct config_node *n = map->first; n; n = n->next) {
        const bool is_of_a_stream = strcmp(n->key, "source") == 0 || strcmp(n->key, "outputs") == 0;
        if (is_of_a_stream && s->source) {
            continue;
        }
        if (n->kind != CONFIG_SCALAR) {
            return fail(error, n, "'%.60s' takes one value, not a map or a list", n->key);
        }
        const bool is_known = option_find(stream_option_table, n->key) ||
                              (s->source && option_find(s->source->options, n->key));
        if (!is_known) {
            const struct config_node at = {.line = n->key_line, .column = n->key_column};
            return fail(error, &at, "unknown key '%.60s' of a stream%s%s", n->key,
                        s->source ? " with source " : "", s->source ? s->source->scheme : "");
        }
        const int result = set_parameter(s, n->key, n->text, n, error);
        if (result < 0) {
            return result;
        }
        char pair[400];
        snprintf(pair, sizeof(pair), "%s=%.300s", n->key, n->text);
        add_fingerprint(s, pair);
    }
    return 0;
}

/* One text, or a list of texts. */
static int read_texts(struct config_texts *texts, const struct config_node *node,
                      struct config_error *error)
{
    const struct config_node *first = node->kind == CONFIG_LIST ? node->first : node;
    for (const struct config_node *n = first; n; n = node->kind == CONFIG_LIST ? n->next : NULL) {
        if (n->kind != CONFIG_SCALAR) {
            return fail(error, n, "'%s' takes a text or a list of texts", node->key);
        }
        if (config_add_text(texts, n->text) < 0) {
            return fail(error, n, "too many values, at most %d", CONFIG_TEXTS_MAX);
        }
    }
    return 0;
}

/* As read_texts(), of those in which problem() finds none. */
static int read_names(struct config_texts *texts, const struct config_node *node,
                      const char *(*problem)(const char *text), struct config_error *error)
{
    const int result = read_texts(texts, node, error);
    const struct config_node *n = node->kind == CONFIG_LIST ? node->first : node;
    for (; result == 0 && n; n = node->kind == CONFIG_LIST ? n->next : NULL) {
        const char *why = problem(n->text);
        if (why) {
            return fail(error, n, "'%.80s' in %s can match nothing: %s", n->text, node->key, why);
        }
    }
    return result;
}

static int add_output(struct config_stream *s, const char *url, const struct config_node *at,
                      struct config_error *error)
{
    char sentence[200];
    if (s->n_outputs == CONFIG_OUTPUTS_MAX) {
        return fail(error, at, "too many outputs of '%s', at most %d", s->name, CONFIG_OUTPUTS_MAX);
    }
    if (config_output_parse(&s->outputs[s->n_outputs++], url, sentence, sizeof(sentence)) < 0) {
        return fail(error, at, "%s", sentence);
    }
    add_fingerprint(s, url);
    return 0;
}

static int read_outputs(struct config_stream *s, const struct config_node *node,
                        struct config_error *error)
{
    struct config_texts urls = {0};
    int result = read_texts(&urls, node, error);
    for (unsigned i = 0; result == 0 && i < urls.n_items; i++) {
        result = add_output(s, urls.items[i], node, error);
    }
    config_finish_texts(&urls);
    return result;
}

static int read_stream(struct config *c, const struct config_node *node,
                       const struct config_node *defaults, struct config_error *error)
{
    const struct config_node *source =
        node->kind == CONFIG_SCALAR ? node : config_tree_get(node, "source");
    const struct config_node at_key = {.line = node->key_line, .column = node->key_column};
    struct config_stream *s = NULL;
    int result = begin_stream(c, node->key, &at_key, error, &s);
    if (result < 0) {
        return result;
    }
    if (!source || source->kind != CONFIG_SCALAR) {
        return fail(error, node, "stream '%s' needs a source, such as source: v4l2:/dev/video0",
                    node->key);
    }
    /* Weakest first: defaults, then the URL's query, then the stream's own keys. */
    if (defaults) {
        result = read_options(s, defaults, error);
    }
    if (result == 0) {
        result = set_source(c, s, source->text, source, error);
        add_fingerprint(s, source->text);
    }
    if (result == 0 && node->kind == CONFIG_MAP) {
        result = read_options(s, node, error);
    }
    const struct config_node *outputs =
        node->kind == CONFIG_MAP ? config_tree_get(node, "outputs") : NULL;
    if (result == 0 && outputs) {
        result = read_outputs(s, outputs, error);
    }
    return result;
}

static int read_streams(struct config *c, const struct config_node *root,
                        const struct config_node *node, struct config_error *error)
{
    const struct config_node *defaults = config_tree_get(root, "defaults");
    if (node->kind != CONFIG_MAP) {
        return fail(error, node, "'streams' is a map of names, such as cam: v4l2:/dev/video0");
    }
    for (const struct config_node *n = node->first; n; n = n->next) {
        const int result = read_stream(c, n, defaults, error);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static int read_listen(struct config *c, const struct config_node *node, struct config_error *error)
{
    struct config_texts addresses = {0};
    int result = read_texts(&addresses, node, error);
    for (unsigned i = 0; result == 0 && i < addresses.n_items; i++) {
        result = add_listen(c, addresses.items[i], node, error);
    }
    config_finish_texts(&addresses);
    return result;
}

static int read_webrtc_addresses(struct config *c, const struct config_node *node,
                                 struct config_error *error)
{
    struct config_texts addresses = {0};
    int result = read_texts(&addresses, node, error);
    for (unsigned i = 0; result == 0 && i < addresses.n_items; i++) {
        result = add_webrtc_address(c, addresses.items[i], node, error);
    }
    config_finish_texts(&addresses);
    return result;
}

/* "http: 8080", or a map with listen and the server's own lists. */
static int read_server(struct config *c, enum config_server_id id, const struct config_node *node,
                       struct config_error *error)
{
    if (node->kind == CONFIG_SCALAR) {
        return set_server(c, id, node->text, node, error);
    }
    if (node->kind != CONFIG_MAP) {
        return fail(error, node, "'%s' takes a port, ADDRESS:PORT, off, or a map", node->key);
    }
    for (const struct config_node *n = node->first; n; n = n->next) {
        int result = -ENOENT;
        if (strcmp(n->key, "listen") == 0 && n->kind == CONFIG_SCALAR) {
            result = set_server(c, id, n->text, n, error);
        } else if (id == SERVER_HTTP && strcmp(n->key, "hosts") == 0) {
            result = read_names(&c->hosts, n, config_host_problem, error);
        } else if (id == SERVER_HTTP && strcmp(n->key, "origins") == 0) {
            result = read_names(&c->origins, n, config_origin_problem, error);
        } else if (id == SERVER_WEBRTC && strcmp(n->key, "addresses") == 0) {
            result = read_webrtc_addresses(c, n, error);
        }
        if (result == -ENOENT) {
            const struct config_node at = {.line = n->key_line, .column = n->key_column};
            return fail(error, &at, "unknown key '%.60s' of %s: it takes listen%s", n->key,
                        node->key,
                        id == SERVER_HTTP     ? ", hosts and origins"
                        : id == SERVER_WEBRTC ? " and addresses"
                                              : "");
        }
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static int check_defaults(const struct config_node *node, struct config_error *error)
{
    struct config_stream scratch = {0};
    if (node->kind != CONFIG_MAP) {
        return fail(error, node, "'defaults' is a map of stream keys, such as fps: 30");
    }
    option_init(stream_option_table, &scratch.options);
    const int result = read_options(&scratch, node, error);
    finish_stream(&scratch);
    return result;
}

static int read_top_key(struct config *c, const struct config_node *root,
                        const struct config_node *n, struct config_error *error)
{
    for (int id = 0; id < N_SERVERS; id++) {
        if (strcmp(n->key, servers[id].name) == 0) {
            return read_server(c, (enum config_server_id)id, n, error);
        }
    }
    if (strcmp(n->key, "streams") == 0) {
        return read_streams(c, root, n, error);
    }
    if (strcmp(n->key, "defaults") == 0) {
        return check_defaults(n, error);
    }
    if (strcmp(n->key, "listen") == 0) {
        return read_listen(c, n, error);
    }
    const struct config_node at = {.line = n->key_line, .column = n->key_column};
    return fail(error, &at,
                "unknown key '%.60s': allowed here are defaults, streams, listen, http, webrtc, "
                "rtsp, rtmp and srt",
                n->key);
}

int config_read(struct config *c, struct bytes yaml, struct config_error *error)
{
    struct config_node *root = NULL;
    int result = config_tree_parse(yaml, &root, error);
    for (const struct config_node *n = root ? root->first : NULL; result == 0 && n; n = n->next) {
        result = read_top_key(c, root, n, error);
    }
    config_tree_free(root);
    return result;
}

static int read_all(int fd, struct text *out)
{
    char block[16384];
    for (;;) {
        const ssize_t n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : 0;
        }
        text_append_bytes(out, bytes_of(block, (size_t)n));
        if (out->error || out->size > CONFIG_BYTES_MAX) {
            return -EFBIG;
        }
    }
}

int config_read_file(struct config *c, const char *path, struct config_error *error)
{
    struct text yaml = {0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result = fd < 0 ? -errno : read_all(fd, &yaml);
    if (fd >= 0) {
        close(fd);
    }
    if (result < 0) {
        fail(error, NULL, "cannot be read: %s", strerror(-result));
    } else {
        result = config_read(c, text_bytes(&yaml), error);
    }
    if (result == 0 && !c->file) {
        c->file = strdup(path);
    }
    text_finish(&yaml);
    return result;
}
