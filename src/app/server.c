#include "app/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "app/listen_addresses.h"
#include "app/registry.h"
#include "app/served_sinks.h"
#include "app/served_streams.h"
#include "app/version.h"
#include "base/text.h"
#include "net/address.h"
#include "net/webrtc.h"
#include "sink/mjpg_streamer.h"
#include "web/page.h"

enum { URL_ADDRESSES_MAX = 8 };

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
    struct served_streams served;
    struct sink_env env;
    struct list announcements; /* of sink/announcement.h */
    struct served_sinks sinks;
    struct api api;
    struct page page;
    struct pipeline_types types;
    struct loop_timer tick;
    struct loop_timer file_check;
    bool is_open_to_all; /* --open */
    char *file;
    char *file_addresses; /* where the file had us listen when we began */
    struct file_stamp file_stamp;
    bool is_file_settling; /* it changed a moment ago, and may still be being written */
    struct log log;
};

static void on_tick(struct loop_timer *t)
{
    struct server *s = list_entry(t, struct server, tick);
    served_streams_tick(&s->served);
    loop_timer_start(t, SERVER_TICK_NS);
}

/* ---- servers ---- */

static int open_http(struct server *s, const struct config *config, char *sentence, size_t size)
{
    struct listen_addresses addresses = {0};
    listen_addresses_collect(&addresses, config, SERVER_HTTP);
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
    listen_addresses_collect(&addresses, config, SERVER_WEBRTC);
    const struct webrtc_config webrtc = {
        .listen = addresses.items,
        .advertise = (const char *const *)config->webrtc_addresses.items,
    };
    return webrtc_create(&s->webrtc, s->loop, &webrtc, &s->log, sentence, size);
}

static bool has_stream(const char *name, void *arg)
{
    const struct server *s = arg;
    return directory_find(&s->streams, name) != NULL;
}

/* "/?action=…" belongs to a sink of its own. */
static void on_action(struct http_exchange *x, void *arg)
{
    const struct server *s = arg;
    mjpg_streamer_handle(x, served_sinks_find(&s->sinks, &sink_mjpg_streamer));
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

static bool has_other_addresses(const struct server *s, const struct config *config)
{
    char *addresses = listen_addresses_describe(config);
    const bool is_other =
        addresses && s->file_addresses && strcmp(addresses, s->file_addresses) != 0;
    free(addresses);
    return is_other;
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
    } else if (config_streams_beyond_loopback(config) && !s->is_open_to_all) {
        log_error(&s->log,
                  "%s: listening at %s would let in everybody who reaches it, which needs "
                  "--open; going on with the configuration as it was",
                  s->file, config_streams_beyond_loopback(config));
    } else {
        const struct http_config http = {
            .hosts = (const char *const *)config->hosts.items,
            .origins = (const char *const *)config->origins.items,
        };
        http_server_set_hosts(s->http, &http);
        served_streams_apply(&s->served, config);
        log_info(&s->log, "configuration reloaded%s",
                 has_other_addresses(s, config)
                     ? "; the addresses of servers in it are others now, which needs a restart"
                     : "");
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
        s->env = (struct sink_env){
            .loop = s->loop,
            .http = s->http,
            .streams = &s->streams,
            .webrtc = s->webrtc,
            .scale_jpeg = registry_scale_jpeg,
            .announcements = &s->announcements,
            .log = &s->log,
        };
        list_init(&s->announcements);
        result = served_sinks_open(&s->sinks, &s->env, config, sentence, size);
    }
    if (result == 0) {
        result = add_routes(s);
    }
    if (result == 0) {
        s->served.loop = s->loop;
        result = served_streams_add_all(&s->served, config, sentence, size);
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
    log_init(&s->log, NULL, "server");
    s->types = (struct pipeline_types){
        .sources = registry_sources,
        .encoders = registry_encoders,
        .decoders = registry_decoders,
    };
    s->file = config->file ? strdup(config->file) : NULL;
    s->file_addresses = config->file_addresses ? strdup(config->file_addresses) : NULL;
    s->is_open_to_all = config->open;
    s->served = (struct served_streams){
        .directory = &s->streams, .types = &s->types, .env = &s->env, .log = &s->log};
    int result = served_streams_init(&s->served, config);
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

void server_describe(const struct server *s, char *out, size_t size)
{
    const char *http = http_server_address(s->http);
    const char *webrtc = s->webrtc ? webrtc_address(s->webrtc) : NULL;
    struct text ready = {0};
    text_printf(&ready, "ready%s%s%s%s", http ? " http=" : "", http ? http : "",
                webrtc ? " webrtc=" : "", webrtc ? webrtc : "");
    served_sinks_describe(&s->sinks, &ready);
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

void server_destroy(struct server *s)
{
    if (!s) {
        return;
    }
    if (s->loop) {
        loop_timer_finish(&s->tick);
        loop_timer_finish(&s->file_check);
    }
    served_sinks_close(&s->sinks); /* first: viewers hear that it is the server that ends */
    served_streams_finish(&s->served);
    webrtc_destroy(s->webrtc);
    http_server_destroy(s->http);
    loop_destroy(s->loop);
    free(s->file);
    free(s->file_addresses);
    free(s);
}
