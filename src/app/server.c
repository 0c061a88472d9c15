#include "app/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "app/registry.h"
#include "app/served_outputs.h"
#include "app/version.h"
#include "base/text.h"
#include "net/address.h"
#include "net/webrtc.h"
#include "sink/mjpg_streamer.h"
#include "web/page.h"

enum { SINKS_MAX = 16, ADDRESSES_MAX = CONFIG_LISTEN_MAX * 2, URL_ADDRESSES_MAX = 8 };

/* A stream of the configuration, with its way into the loop. */
struct served_stream {
    struct list link; /* server::streams */
    struct server *server;
    struct stream *stream;
    struct loop_message wake; /* the stream's inbox has something */
    struct served_outputs outputs;
    char *fingerprint;
    bool is_argument; /* not of the file: a reload leaves it alone */
};

/* What shows that a file is another one. */
struct file_stamp {
    struct timespec time;
    int64_t size;
    uint64_t inode;
    uint64_t device;
};

struct server {
    struct loop *loop;
    struct http_server *http;
    struct webrtc *webrtc;
    struct directory streams;
    struct list served; /* served_stream::link */
    struct sink_env env;
    void *sinks[SINKS_MAX];
    unsigned n_sinks;
    struct api api;
    struct page page;
    struct pipeline_types types;
    struct loop_timer tick;
    struct loop_timer file_check;
    struct config_texts listen; /* addresses of every server, for outputs that come later */
    bool is_open_to_all;        /* --open */
    char *file;
    struct file_stamp file_stamp;
    bool is_file_settling; /* it changed a moment ago, and may still be being written */
    struct log log;
};

/* ---- streams ---- */

static void on_wake(struct loop_message *m)
{
    struct served_stream *s = list_entry(m, struct served_stream, wake);
    stream_dispatch(s->stream, loop_now_ns(s->server->loop));
}

/* Any thread. */
static void post_wake(void *arg)
{
    struct served_stream *s = arg;
    loop_post(s->server->loop, &s->wake);
}

static void on_tick(struct loop_timer *t)
{
    struct server *server = list_entry(t, struct server, tick);
    const int64_t now_ns = loop_now_ns(server->loop);
    for (unsigned i = 0; i < server->streams.n_streams; i++) {
        struct stream *s = server->streams.streams[i];
        if (stream_deadline_ns(s) <= now_ns) {
            stream_on_timer(s, now_ns);
        }
    }
    loop_timer_start(t, SERVER_TICK_NS);
}

static int vbv_frames(int mode)
{
    static const int frames[N_MODES] = {[MODE_DRIVE] = 1, [MODE_WATCH] = 2, [MODE_SMOOTH] = 30};
    return frames[mode];
}

static struct pipeline_config pipeline_config_of(const struct config_stream *c)
{
    const struct stream_options *o = &c->options;
    return (struct pipeline_config){
        .source = c->source,
        .location = c->location,
        .source_options = c->source_options,
        .size = o->size,
        .rate = o->fps,
        .is_size_given = o->is_size_given,
        .is_rate_given = o->is_fps_given,
        .h264 =
            {
                .size = o->size,
                .rate = o->fps,
                .bitrate_bps = o->bitrate_bps,
                .keyframe_ns = o->keyframe_ns,
                .vbv_frames = vbv_frames(o->mode),
                .intra_refresh = o->intra_refresh,
                .slice_max_size_bytes = o->slice_max_size_bytes,
                .preset = o->preset,
            },
        .jpeg_quality = (int)o->quality,
        .encoder = o->encoder,
    };
}

static struct stream *create_stream(const struct config_stream *c, struct served_stream *served)
{
    const struct stream_options *o = &c->options;
    struct stream_config config = {
        .mode = (enum stream_mode)o->mode,
        .always = o->start == START_ALWAYS,
        .always_wanted = 1 << ENCODING_H264,
        .stop_after_ns = o->stop_after_ns,
    };
    text_copy(config.name, sizeof(config.name), c->name);
    struct stream *stream = stream_create(&config, post_wake, served);
    if (stream) {
        const struct track expected = {
            .size = o->size,
            .rate = o->fps,
            .bitrate_bps = o->bitrate_bps > 0 ? o->bitrate_bps : option_default_bitrate(o->size),
        };
        stream_expect_track(stream, ENCODING_H264, &expected);
    }
    return stream;
}

static void destroy_served(struct served_stream *s)
{
    if (!s) {
        return;
    }
    struct server *server = s->server;
    served_outputs_close(&s->outputs);
    if (s->stream) {
        directory_remove(&server->streams, s->stream);
        stream_destroy(s->stream, loop_now_ns(server->loop));
    }
    loop_message_cancel(server->loop, &s->wake);
    list_remove(&s->link);
    free(s->fingerprint);
    free(s);
}

/* A sentence that is left empty means that memory is out. */
static int add_stream(struct server *server, const struct config_stream *c, char *sentence,
                      size_t size)
{
    struct served_stream *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->server = server;
    list_init(&s->link);
    loop_message_init(&s->wake, on_wake);
    s->is_argument = c->is_argument;
    s->fingerprint = strdup(c->fingerprint ? c->fingerprint : "");
    struct stream *stream = create_stream(c, s);
    struct producer *producer = NULL;
    const struct pipeline_config config = pipeline_config_of(c);
    if (!stream || !s->fingerprint ||
        pipeline_create(&producer, &config, &server->types, stream, &server->log) < 0 ||
        directory_add(&server->streams, stream) < 0) {
        if (producer) {
            producer->type->destroy(producer);
        }
        stream_destroy(stream, loop_now_ns(server->loop));
        destroy_served(s);
        return -ENOMEM;
    }
    s->stream = stream;
    list_append(&server->served, &s->link);
    stream_set_producer(stream, producer, loop_now_ns(server->loop));
    return served_outputs_open(&s->outputs, c, &server->env,
                               (const char *const *)server->listen.items, stream, sentence, size);
}

/* ---- servers ---- */

struct listen_addresses {
    char texts[ADDRESSES_MAX][96];
    const char *items[ADDRESSES_MAX + 1]; /* NULL-terminated */
    unsigned n_items;
};

static void add_address(struct listen_addresses *a, const char *address, uint16_t port)
{
    if (a->n_items < ADDRESSES_MAX) {
        const bool is_v6 = strchr(address, ':') != NULL;
        snprintf(a->texts[a->n_items], sizeof(a->texts[0]), is_v6 ? "[%s]:%u" : "%s:%u", address,
                 port);
        a->items[a->n_items] = a->texts[a->n_items];
        a->n_items++;
    }
}

/* a is zeroed; its items point into itself, so it stays where it is. */
static void collect_addresses(struct listen_addresses *a, const struct config *config,
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

static int open_http(struct server *s, const struct config *config, char *sentence, size_t size)
{
    struct listen_addresses addresses = {0};
    collect_addresses(&addresses, config, SERVER_HTTP);
    const struct http_config http = {
        .listen = addresses.items,
        .hosts = (const char *const *)config->hosts.items,
        .origins = (const char *const *)config->origins.items,
    };
    int result = http_server_create(&s->http, s->loop, &s->log);
    if (result == 0 && !config->servers[SERVER_HTTP].is_off) {
        result = http_server_listen(s->http, &http, sentence, size);
    }
    return result;
}

static int open_webrtc(struct server *s, const struct config *config, char *sentence, size_t size)
{
    if (config->servers[SERVER_WEBRTC].is_off) {
        return 0;
    }
    struct listen_addresses addresses = {0};
    collect_addresses(&addresses, config, SERVER_WEBRTC);
    const struct webrtc_config webrtc = {
        .listen = addresses.items,
        .advertise = (const char *const *)config->webrtc_addresses.items,
    };
    return webrtc_create(&s->webrtc, s->loop, &webrtc, &s->log, sentence, size);
}

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
    collect_addresses(&addresses, config, (enum config_server_id)id);
    return sink->type->listen(sink, addresses.items, sentence, size);
}

static int open_sinks(struct server *s, const struct config *config, char *sentence, size_t size)
{
    s->env = (struct sink_env){
        .loop = s->loop,
        .http = s->http,
        .streams = &s->streams,
        .webrtc = s->webrtc,
        .scale_jpeg = registry_scale_jpeg,
        .log = &s->log,
    };
    for (unsigned i = 0; registry_sinks[i] && i < SINKS_MAX; i++) {
        const struct sink_type *type = registry_sinks[i];
        struct sink *sink = calloc(1, type->state_size);
        if (!sink) {
            return -ENOMEM;
        }
        sink->type = type;
        sink->env = &s->env;
        log_init(&sink->log, NULL, "sink/%s", type->name);
        s->sinks[s->n_sinks++] = sink;
        int result = type->open ? type->open(sink) : 0;
        if (result == 0 && type->routes) {
            result = http_server_add_routes(s->http, type->routes, sink);
        }
        if (result == 0) {
            result = listen_sink(sink, config, sentence, size);
        }
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static void *find_sink(const struct server *s, const struct sink_type *type)
{
    for (unsigned i = 0; i < s->n_sinks; i++) {
        const struct sink *sink = s->sinks[i];
        if (sink->type == type) {
            return s->sinks[i];
        }
    }
    return NULL;
}

static bool has_stream(const char *name, void *arg)
{
    const struct server *s = arg;
    return directory_find(&s->streams, name) != NULL;
}

/* "/?action=…" belongs to a sink of its own. */
static void on_action(struct http_exchange *x, void *arg)
{
    mjpg_streamer_handle(x, find_sink(arg, &sink_mjpg_streamer));
}

static int add_routes(struct server *s)
{
    s->api = (struct api){
        .streams = &s->streams,
        .http = s->http,
        .webrtc = s->webrtc,
        .loop = s->loop,
        .version = AVOCET_VERSION,
    };
    s->page = (struct page){
        .has_stream = has_stream,
        .on_action = on_action,
        .arg = s,
    };
    http_server_set_names(s->http, has_stream, s);
    const int result = http_server_add_routes(s->http, api_routes, &s->api);
    return result < 0 ? result : http_server_add_routes(s->http, page_routes, &s->page);
}

/* ---- reload ---- */

static const struct config_stream *find_config(const struct config *config, const char *name)
{
    for (unsigned i = 0; i < config->n_streams; i++) {
        if (strcmp(config->streams[i].name, name) == 0) {
            return &config->streams[i];
        }
    }
    return NULL;
}

static const struct served_stream *find_served(const struct server *s, const char *name)
{
    const struct served_stream *served;
    list_for_each(served, &s->served, link)
    {
        if (strcmp(stream_name(served->stream), name) == 0) {
            return served;
        }
    }
    return NULL;
}

static void add_later(struct server *s, const struct config_stream *c)
{
    char sentence[240] = "";
    if (add_stream(s, c, sentence, sizeof(sentence)) < 0) {
        log_error(&s->log, "stream '%s': %s, going on without", c->name,
                  sentence[0] != '\0' ? sentence : "out of memory");
    }
}

/* Streams that stayed as they are keep running, with their viewers. */
static void apply_streams(struct server *s, const struct config *config)
{
    struct served_stream *served;
    struct served_stream *next;
    list_for_each_safe(served, next, &s->served, link)
    {
        const struct config_stream *c = find_config(config, stream_name(served->stream));
        if (served->is_argument) {
            continue;
        }
        if (!c || strcmp(served->fingerprint, c->fingerprint ? c->fingerprint : "") != 0) {
            log_info(&s->log, "stream '%s' %s, its viewers are let go", stream_name(served->stream),
                     c ? "changed" : "is gone");
            destroy_served(served);
        }
    }
    for (unsigned i = 0; i < config->n_streams; i++) {
        const char *name = config->streams[i].name;
        const struct served_stream *there = find_served(s, name);
        if (there && there->is_argument) {
            log_warn(&s->log,
                     "stream '%s' of the command line has the name of one in %s, keeping "
                     "the former",
                     name, s->file);
        } else if (!there) {
            add_later(s, &config->streams[i]);
        }
    }
}

static void move_to_end(struct server *s, struct stream *stream)
{
    directory_remove(&s->streams, stream);
    (void)directory_add(&s->streams, stream); /* its place is free */
}

/* As after a start: those of the file in its order, then the command line's. */
static void order_streams(struct server *s, const struct config *config)
{
    for (unsigned i = 0; i < config->n_streams; i++) {
        struct stream *stream = directory_find(&s->streams, config->streams[i].name);
        if (stream) {
            move_to_end(s, stream);
        }
    }
    const struct served_stream *served;
    list_for_each(served, &s->served, link)
    {
        if (served->is_argument) {
            move_to_end(s, served->stream);
        }
    }
}

static bool file_changed(struct server *s)
{
    struct stat st;
    if (!s->file || stat(s->file, &st) < 0) {
        return false; /* being replaced: looked at again */
    }
    const struct file_stamp now = {
        .time = st.st_mtim, .size = st.st_size, .inode = st.st_ino, .device = st.st_dev};
    const bool is_changed = memcmp(&now, &s->file_stamp, sizeof(now)) != 0;
    s->file_stamp = now;
    return is_changed;
}

static void reload(struct server *s)
{
    struct config *config = malloc(sizeof(*config));
    struct config_error error;
    if (!config) {
        return;
    }
    config_init(config);
    if (config_read_file(config, s->file, &error) < 0) {
        char place[40] = "";
        if (error.line > 0) {
            snprintf(place, sizeof(place), ":%u:%u", error.line, error.column);
        }
        log_error(&s->log, "%s%s: %s; going on with the configuration as it was", s->file, place,
                  error.sentence);
    } else if (config_outputs_beyond_loopback(config) && !s->is_open_to_all) {
        log_error(&s->log,
                  "%s: the output at %s would let everybody who reaches it watch, which needs "
                  "--open; going on with the configuration as it was",
                  s->file, config_outputs_beyond_loopback(config));
    } else {
        const struct http_config http = {
            .hosts = (const char *const *)config->hosts.items,
            .origins = (const char *const *)config->origins.items,
        };
        http_server_set_hosts(s->http, &http);
        apply_streams(s, config);
        order_streams(s, config);
        log_info(&s->log, "configuration reloaded; addresses to listen on need a restart");
    }
    config_finish(config);
    free(config);
}

static void on_file_check(struct loop_timer *t)
{
    struct server *s = list_entry(t, struct server, file_check);
    const bool has_changed = file_changed(s);
    if (s->is_file_settling && !has_changed) {
        reload(s);
    }
    s->is_file_settling = has_changed;
    loop_timer_start(t, SERVER_FILE_CHECK_NS);
}

static void on_signal(int signal_number, void *arg)
{
    struct server *s = arg;
    if (signal_number != SIGHUP) {
        loop_stop(s->loop);
    } else if (s->file) {
        file_changed(s);
        s->is_file_settling = false;
        reload(s);
    } else {
        log_info(&s->log, "SIGHUP: there is no configuration file to read again");
    }
}

/* ---- the whole ---- */

static int remember_listen(struct server *s, const struct config *config)
{
    static char *const loopback[] = {"127.0.0.1", "::1", NULL};
    char *const *texts = config->listen.n_items > 0 ? config->listen.items : loopback;
    int result = 0;
    for (unsigned i = 0; result == 0 && texts[i]; i++) {
        result = config_add_text(&s->listen, texts[i]);
    }
    return result;
}

static int start(struct server *s, const struct config *config, char *sentence, size_t size)
{
    int result = loop_create(&s->loop);
    if (result == 0) {
        loop_timer_init(&s->tick, s->loop, on_tick);
        loop_timer_init(&s->file_check, s->loop, on_file_check);
        result = open_http(s, config, sentence, size);
    }
    if (result == 0) {
        result = open_webrtc(s, config, sentence, size);
    }
    if (result == 0) {
        result = open_sinks(s, config, sentence, size);
    }
    if (result == 0) {
        result = add_routes(s);
    }
    for (unsigned i = 0; result == 0 && i < config->n_streams; i++) {
        result = add_stream(s, &config->streams[i], sentence, size);
    }
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; result == 0 && i < sizeof(signals) / sizeof(signals[0]); i++) {
        result = loop_on_signal(s->loop, signals[i], on_signal, s);
    }
    return result;
}

int server_create(struct server **out, const struct config *config, char *sentence, size_t size)
{
    struct server *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    sentence[0] = '\0';
    list_init(&s->served);
    log_init(&s->log, NULL, "server");
    s->types = (struct pipeline_types){
        .sources = registry_sources,
        .encoders = registry_encoders,
        .decoders = registry_decoders,
    };
    s->file = config->file ? strdup(config->file) : NULL;
    s->is_open_to_all = config->open;
    int result = remember_listen(s, config);
    if (result == 0) {
        result = start(s, config, sentence, size);
    }
    if (result < 0) {
        if (sentence[0] == '\0') {
            snprintf(sentence, size, "the server cannot start: %s", strerror(-result));
        }
        server_destroy(s);
        return result;
    }
    loop_timer_start(&s->tick, SERVER_TICK_NS);
    if (s->file) {
        file_changed(s);
        loop_timer_start(&s->file_check, SERVER_FILE_CHECK_NS);
    }
    *out = s;
    return 0;
}

static void describe_one(struct text *out, const char *name, const char *address)
{
    if (address) {
        text_printf(out, " %s=%s", name, address);
    }
}

void server_describe(const struct server *s, char *out, size_t size)
{
    struct text ready = {0};
    text_append(&ready, "ready");
    describe_one(&ready, config_server_name(SERVER_HTTP), http_server_address(s->http));
    describe_one(&ready, config_server_name(SERVER_WEBRTC),
                 s->webrtc ? webrtc_address(s->webrtc) : NULL);
    for (unsigned i = 0; i < s->n_sinks; i++) {
        const struct sink *sink = s->sinks[i];
        if (sink->type->server) {
            describe_one(&ready, sink->type->server, sink->type->address(sink));
        }
    }
    text_copy(out, size, ready.error ? "ready" : ready.data);
    text_finish(&ready);
}

static void print_urls_at(const struct server *s, const char *address)
{
    for (unsigned i = 0; i < s->streams.n_streams; i++) {
        fprintf(stderr, "open http://%s/%s/\n", address, stream_name(s->streams.streams[i]));
    }
}

/* 0.0.0.0 is no address to open: those of the interfaces are. */
static void print_urls_everywhere(const struct server *s, const struct address *any)
{
    struct address all[URL_ADDRESSES_MAX];
    const int n = address_interfaces(all, URL_ADDRESSES_MAX);
    for (int i = 0; i < n; i++) {
        char text[ADDRESS_TEXT_SIZE];
        if (any->sa.sa_family == all[i].sa.sa_family) {
            address_set_port(&all[i], address_port(any));
            address_format(&all[i].sa, text, sizeof(text));
            print_urls_at(s, text);
        }
    }
}

void server_print_urls(const struct server *s)
{
    const char *http = http_server_address(s->http);
    struct address address;
    if (!http) {
        fprintf(stderr, "HTTP is off: there is no page to open\n");
    } else if (address_parse(&address, http) == 0 && address_is_any(&address)) {
        print_urls_everywhere(s, &address);
    } else {
        print_urls_at(s, http);
    }
}

int server_run(struct server *s)
{
    return loop_run(s->loop);
}

static void close_sinks(struct server *s)
{
    while (s->n_sinks > 0) {
        struct sink *sink = s->sinks[--s->n_sinks];
        if (sink->type->close) {
            sink->type->close(sink);
        }
        free(sink);
    }
}

void server_destroy(struct server *s)
{
    if (!s) {
        return;
    }
    struct served_stream *served;
    struct served_stream *next;
    if (s->loop) {
        loop_timer_finish(&s->tick);
        loop_timer_finish(&s->file_check);
    }
    close_sinks(s); /* first: viewers hear that it is the server that ends */
    list_for_each(served, &s->served, link)
    {
        stream_quit(served->stream);
    }
    list_for_each_safe(served, next, &s->served, link)
    {
        destroy_served(served);
    }
    webrtc_destroy(s->webrtc);
    http_server_destroy(s->http);
    loop_destroy(s->loop);
    config_finish_texts(&s->listen);
    free(s->file);
    free(s);
}
