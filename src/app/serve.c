#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/listen_addresses.h"
#include "app/registry.h"
#include "app/server.h"
#include "base/text.h"

enum {
    ARG_CONFIG,
    ARG_LISTEN,
    ARG_OPEN,
    ARG_HTTP,
    ARG_WEBRTC,
    ARG_WEBRTC_ADDRESS,
    ARG_RTSP,
    ARG_RTMP,
    ARG_SRT,
    ARG_STATE,
    ARG_LOG,
};

static const struct argument arguments[] = {
    [ARG_CONFIG] = {"config", "FILE", "read this configuration (YAML)"},
    [ARG_LISTEN] = {"listen", "ADDR", "address of every server; repeatable [127.0.0.1 and ::1]"},
    [ARG_OPEN] = {"open", NULL, "let in everybody who reaches an address beyond this machine"},
    [ARG_HTTP] = {"http", "PORT", "page, API, streams: PORT, ADDR:PORT, 0 (any free), off [8080]"},
    [ARG_WEBRTC] = {"webrtc", "PORT", "media of all WebRTC viewers, UDP [8189]"},
    [ARG_WEBRTC_ADDRESS] = {"webrtc-address", "IP[:PORT]",
                            "address that WebRTC viewers are told; repeatable [all that fit]"},
    [ARG_RTSP] = {"rtsp", "PORT",
                  "players and recorders: PORT, ADDR:PORT, 0 (any free), off [8554]"},
    [ARG_RTMP] = {"rtmp", "PORT", "accepted; this build has no RTMP server"},
    [ARG_SRT] = {"srt", "PORT", "accepted; this build has no SRT server"},
    [ARG_STATE] = {"state", "DIR", "where generated secrets are kept; this build keeps none"},
    [ARG_LOG] = {"log", "LEVEL", "error warn info debug trace [info]"},
    {0},
};

static void print_options(const struct option *table, const char *indent)
{
    for (const struct option *o = table; o && o->name; o++) {
        char allowed[160];
        option_describe(o, allowed, sizeof(allowed));
        printf("%s%-15s %s%s%s%s\n%s%-15s (%s)\n", indent, o->name, o->help ? o->help : "",
               o->def ? " [" : "", o->def ? o->def : "", o->def ? "]" : "", indent, "", allowed);
    }
}

static void serve_help(void)
{
    arguments_print(arguments);
    printf("\nSources, each with its own parameters (SOURCE?name=value&name=value; of rtsp, rtmp, "
           "srt\n"
           "and http, whose query is the camera's, SOURCE#name=value&name=value):\n");
    for (size_t i = 0; registry_sources[i]; i++) {
        printf("  %-11s %s\n", registry_sources[i]->scheme, registry_sources[i]->summary);
        print_options(registry_sources[i]->options, "      ");
    }
    printf("\nParameters of every source, and keys of a stream in the configuration:\n");
    print_options(stream_option_table, "  ");
    printf("\nOutputs, under `outputs:` of a stream in the configuration:\n");
    for (size_t i = 0; registry_outputs[i]; i++) {
        printf("  %-11s %s\n", registry_outputs[i]->scheme, registry_outputs[i]->summary);
        print_options(registry_outputs[i]->options, "      ");
    }
    printf("\nWithout a source: the first camera found, else the test picture.\n"
           "SIGHUP, or a change of FILE, reads the configuration again.\n");
}

/* What the command line says about servers wins over the file, which is read first. */
struct serve_arguments {
    struct config *config;
    const char *file;
    bool has_listen;         /* --listen was seen: the file's addresses are gone */
    bool has_webrtc_address; /* the same */
};

static int on_first_pass(int index, const char *value, void *arg)
{
    struct serve_arguments *a = arg;
    if (index == ARG_CONFIG) {
        a->file = value;
    }
    return EXIT_OK;
}

static int set_log_level(const char *word)
{
    enum log_level level;
    if (log_parse_level(word, &level) < 0) {
        return command_fail(&command_serve, EXIT_USAGE,
                            "'%s' is no --log level: error, warn, info, debug or trace", word);
    }
    log_set_level(level);
    return EXIT_OK;
}

static int set_server(struct config *c, enum config_server_id id, const char *value)
{
    struct config_error error;
    if (config_set_server(c, id, value, &error) < 0) {
        return command_fail(&command_serve, EXIT_USAGE, "--%s: %s", config_server_name(id),
                            error.sentence);
    }
    return EXIT_OK;
}

static int add_listen(struct serve_arguments *a, const char *value)
{
    struct config_error error;
    if (!a->has_listen) {
        config_forget_listen(a->config);
        a->has_listen = true;
    }
    return config_add_listen(a->config, value, &error) < 0
               ? command_fail(&command_serve, EXIT_USAGE, "--listen: %s", error.sentence)
               : EXIT_OK;
}

static int add_webrtc_address(struct serve_arguments *a, const char *value)
{
    struct config_error error;
    if (!a->has_webrtc_address) {
        config_forget_webrtc_addresses(a->config);
        a->has_webrtc_address = true;
    }
    return config_add_webrtc_address(a->config, value, &error) < 0
               ? command_fail(&command_serve, EXIT_USAGE, "--webrtc-address: %s", error.sentence)
               : EXIT_OK;
}

static int on_option(int index, const char *value, void *arg)
{
    struct config *c = ((struct serve_arguments *)arg)->config;
    switch (index) {
    case ARG_LISTEN:
        return add_listen(arg, value);
    case ARG_OPEN:
        c->open = true;
        return EXIT_OK;
    case ARG_HTTP:
        return set_server(c, SERVER_HTTP, value);
    case ARG_WEBRTC:
        return set_server(c, SERVER_WEBRTC, value);
    case ARG_RTSP:
        return set_server(c, SERVER_RTSP, value);
    case ARG_RTMP:
        return set_server(c, SERVER_RTMP, value);
    case ARG_SRT:
        return set_server(c, SERVER_SRT, value);
    case ARG_WEBRTC_ADDRESS:
        return add_webrtc_address(arg, value);
    case ARG_LOG:
        return set_log_level(value);
    default:
        return EXIT_OK;
    }
}

static int read_file(struct config *c, const char *file)
{
    struct config_error error;
    if (config_read_file(c, file, &error) == 0) {
        c->file_addresses = listen_addresses_describe(c);
        return EXIT_OK;
    }
    if (error.line == 0) {
        return command_fail(&command_serve, EXIT_FAILED, "%s: %s", file, error.sentence);
    }
    return command_fail(&command_serve, EXIT_FAILED, "%s:%u:%u: %s", file, error.line, error.column,
                        error.sentence);
}

static int add_sources(struct config *c, char **operands, int n_operands)
{
    struct config_error error;
    for (int i = 0; i < n_operands; i++) {
        if (!strpbrk(operands[i], ":=")) {
            return command_fail(&command_serve, EXIT_USAGE,
                                "'%.80s' is neither a command (serve, devices, latency, check, "
                                "features) nor a source such as test: or v4l2:/dev/video0",
                                operands[i]);
        }
        if (config_add_source(c, operands[i], &error) < 0) {
            return command_fail(&command_serve, EXIT_USAGE, "%s", error.sentence);
        }
    }
    if (c->n_streams == 0 && !c->file) {
        char url[200];
        if (!registry_first_camera(url, sizeof(url))) {
            text_copy(url, sizeof(url), "test:");
            c->is_without_camera = true;
        }
        if (config_add_source(c, url, &error) < 0) {
            return command_fail(&command_serve, EXIT_FAILED, "%s", error.sentence);
        }
    }
    return EXIT_OK;
}

static int configure(struct config *c, int argc, char **argv)
{
    struct serve_arguments a = {.config = c};
    int first = 0;
    int status = arguments_parse("serve", arguments, argc, argv, on_first_pass, &a, &first);
    if (status == EXIT_OK && a.file) {
        status = read_file(c, a.file);
    }
    if (status == EXIT_OK) {
        status = arguments_parse("serve", arguments, argc, argv, on_option, &a, &first);
    }
    if (status == EXIT_OK) {
        status = add_sources(c, argv + first, argc - first);
    }
    const char *beyond = status == EXIT_OK ? config_beyond_loopback(c) : NULL;
    if (beyond && !c->open) {
        return command_fail(&command_serve, EXIT_USAGE,
                            "listening on %s would let in everybody who reaches it: add --open if "
                            "that is meant, or listen on 127.0.0.1",
                            beyond);
    }
    return status;
}

static int run(const struct config *c)
{
    struct server *server = NULL;
    char sentence[400];
    if (server_create(&server, c, sentence, sizeof(sentence)) < 0) {
        return command_fail(&command_serve, EXIT_FAILED, "%s", sentence);
    }
    char ready[400];
    server_describe(server, ready, sizeof(ready));
    printf("%s\n", ready);
    fflush(stdout);
    if (c->is_without_camera) {
        fprintf(stderr, "no camera found: serving the test picture\n");
    }
    server_print_urls(server);
    const int result = server_run(server);
    server_destroy(server);
    return result < 0 ? EXIT_FAILED : EXIT_OK;
}

static int serve_run(int argc, char **argv)
{
    struct config *c = malloc(sizeof(*c));
    if (!c) {
        return command_fail(&command_serve, EXIT_FAILED, "out of memory");
    }
    config_init(c);
    int status = configure(c, argc, argv);
    if (status == EXIT_OK) {
        status = run(c);
    }
    config_finish(c);
    free(c);
    return status;
}

const struct command command_serve = {
    .name = "serve",
    .usage = "[serve] [NAME=SOURCE]... [--config FILE] [OPTIONS]",
    .summary = "serve streams: a page for every browser, and addresses for every player",
    .run = serve_run,
    .help = serve_help,
};
