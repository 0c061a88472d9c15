#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/config.h"
#include "app/config_names.h"
#include "app/registry.h"

/* A registry of two sources instead of the program's. */
struct fake_source {
    char *format;
};

static const struct option fake_options[] = {
    {"format", OPTION_TEXT, offsetof(struct fake_source, format), .help = "pixel format"},
    {0},
};
static const struct source_type fake_v4l2 = {
    .scheme = "v4l2", .state_size = sizeof(struct fake_source), .options = fake_options};
static const struct source_type fake_pipe = {.scheme = "pipe", .state_size = 8};
static const struct source_type fake_test = {.scheme = "test", .state_size = 8};

const struct source_type *registry_find_source(const char *scheme)
{
    return strcmp(scheme, "v4l2") == 0   ? &fake_v4l2
           : strcmp(scheme, "pipe") == 0 ? &fake_pipe
           : strcmp(scheme, "test") == 0 ? &fake_test
                                         : NULL;
}

bool registry_has_encoder(const char *name)
{
    return strcmp(name, "x264") == 0;
}

struct fake_output {
    char *mode;
};

static const struct option fake_output_options[] = {
    {"mode", OPTION_TEXT, offsetof(struct fake_output, mode), .choices = output_mode_words,
     .help = "budget"},
    {0},
};
static const struct output_type fake_listen = {.scheme = "tcp-listen",
                                               .state_size = sizeof(struct fake_output),
                                               .options = fake_output_options,
                                               .listens = true};
static const struct output_type fake_udp = {.scheme = "udp", .state_size = 8, .sends = true};

const struct output_type *registry_find_output(const char *scheme)
{
    return strcmp(scheme, "tcp-listen") == 0 ? &fake_listen
           : strcmp(scheme, "udp") == 0      ? &fake_udp
                                             : NULL;
}

bool registry_has_server(const char *name)
{
    return strcmp(name, "rtmp") == 0;
}

static struct config *read_text(const char *yaml, struct config_error *error, int *result)
{
    struct config *c = malloc(sizeof(*c));
    config_init(c);
    *result = config_read(c, bytes_of_text(yaml), error);
    return c;
}

static void test_a_whole_file(void **state)
{
    static const char yaml[] =
        "defaults:\n"
        "  fps: 25\n"
        "  keyframe: 1s\n"
        "streams:\n"
        "  cam: v4l2:/dev/video0?size=640x480&fps=15\n"
        "  nest:\n"
        "    source: 'test:'\n"
        "    size: 720p\n"
        "    bitrate: 2M\n"
        "    mode: drive\n"
        "listen: [127.0.0.1, '::1']\n"
        "http: {listen: 8081, hosts: [cam.example], origins: ['https://a.b']}\n"
        "webrtc: off\n";
    struct config_error error = {0};
    int result = 0;
    struct config *c = read_text(yaml, &error, &result);
    assert_string_equal(error.sentence, "");
    assert_int_equal(result, 0);
    assert_int_equal(c->n_streams, 2);
    assert_string_equal(c->streams[0].name, "cam");
    assert_string_equal(c->streams[0].location, "/dev/video0");
    assert_int_equal(c->streams[0].options.size.width, 640);
    assert_int_equal(c->streams[0].options.fps.num, 15); /* the URL wins over defaults */
    assert_int_equal(c->streams[0].options.keyframe_ns, NS_PER_S);
    assert_int_equal(c->streams[1].options.fps.num, 25);
    assert_int_equal(c->streams[1].options.bitrate_bps, 2000000);
    assert_int_equal(c->streams[1].options.mode, MODE_DRIVE);
    assert_int_equal(c->servers[SERVER_HTTP].port, 8081);
    assert_true(c->servers[SERVER_WEBRTC].is_off);
    assert_string_equal(c->hosts.items[0], "cam.example");
    assert_null(config_beyond_loopback(c));
    config_finish(c);
    free(c);
}

static void test_mistakes_have_a_place_and_a_sentence(void **state)
{
    static const struct {
        const char *yaml;
        unsigned line;
        unsigned column;
        const char *part; /* of the sentence */
    } cases[] = {
        {"stream:\n  cam: 'test:'\n", 1, 1, "unknown key 'stream'"},
        {"streams:\n  cam: {source: 'test:', siez: 1}\n", 2, 26, "unknown key 'siez'"},
        {"streams:\n  cam:\n    source: 'test:'\n    fps: fast\n", 4, 10, "frames per second"},
        {"streams:\n  Cam: 'test:'\n", 2, 3, "cannot be a stream's name"},
        {"streams:\n  api: 'test:'\n", 2, 3, "cannot be a stream's name"},
        {"streams:\n  cam: 'nope:'\n", 2, 8, "no source 'nope:'"},
        {"streams:\n  cam: 'test:?nope=1'\n", 2, 8, "unknown parameter 'nope' of test: avocet"},
        {"webrtc: {addresses: [here]}\n", 1, 21, "'here' is no address"},
        {"streams:\n  a: 'pipe:-'\n  p: 'pipe:/run/p'\n  b: 'pipe:-'\n", 4, 6, "two streams read"},
        {"streams:\n  cam: 'rtsp://me:s#cret@host/'\n", 2, 8, "write %23"},
        {"streams:\n  cam: 'a_very_long_name_of_mine:word@host'\n", 2, 8,
         "'***@host' is no source"},
        {"streams:\n  cam: {size: 720p}\n", 2, 8, "needs a source"},
        {"streams: &a {}\n", 1, 10, "anchors"},
        {"defaults: {fps: *a}\n", 1, 17, "aliases"},
        {"streams:\n  cam: {source: 'test:', encoder: nvenc}\n", 2, 35, "no H.264 encoder 'nvenc'"},
        {"streams:\n  cam: {source: 'test:', preset: fastest}\n", 2, 34, "superfast"},
        {"http: 8080\nhttp: 1\n", 2, 1, "twice"},
        {"http: 99999\n", 1, 7, "no value for http"},
        {"listen: localhost\n", 1, 9, "no address"},
        {"- a\n", 1, 1, "must be a map"},
        {"http: {\n", 2, 1, "no YAML"},
        {"streams:\n  cam: test:\n", 2, 12, "ends in ':' or has ': ' in it needs quotes"},
        {"streams: {cam: test:}\n", 1, 20, "needs quotes"},
        {"a: b\n---\nc: d\n", 0, 0, ""},
        {"http: {hosts: [cam.example, 'a b']}\n", 1, 29, "'a b' in hosts can match nothing"},
        {"http:\n  origins:\n    - cam.example\n", 3, 7, "such as https://"},
        {"users: {}\n", 1, 1, "unknown key 'users'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_error error = {0};
        int result = 0;
        struct config *c = read_text(cases[i].yaml, &error, &result);
        assert_true(result < 0);
        if (!strstr(error.sentence, cases[i].part) ||
            (cases[i].line > 0 &&
             (error.line != cases[i].line || error.column != cases[i].column))) {
            fail_msg("%s: %u:%u: %s", cases[i].yaml, error.line, error.column, error.sentence);
        }
        config_finish(c);
        free(c);
    }
}

static void test_hosts_and_origins(void **state)
{
    static const struct {
        const char *text;
        const char *host_problem; /* part of the sentence; NULL: good */
        const char *origin_problem;
    } cases[] = {
        {"cam.example", NULL, "scheme"},
        {"CAM_1.example", NULL, "scheme"},
        {"*.cam.example", NULL, "scheme"},
        {"192.0.2.1", NULL, "scheme"},
        {"2001:db8::1", NULL, "scheme"},
        {"[2001:db8::1]", NULL, "scheme"},
        {"https://cam.example", "alone", NULL},
        {"http://cam.example:81/", "alone", NULL},
        {"HTTPS://Cam.example:8443", "alone", NULL},
        {"http://[2001:db8::1]:8080", "alone", NULL},
        {"chrome-extension://abcdef", "alone", NULL},
        {"null", NULL, NULL},
        {"cam.example:8080", "port", "scheme"},
        {"*", "*", "scheme"},
        {"cam.*", "*", "scheme"},
        {"cam.example.", "name", "scheme"},
        {"", "name", "scheme"},
        {"a b", "name", "scheme"},
        {"cam.example/x", "name", "scheme"},
        {"[::1", "name", "scheme"},
        {"https://cam.example/x", "alone", "path"},
        {"https://cam.example:443", "alone", "port"},
        {"http://cam.example:80/", "alone", "port"},
        {"http://cam.example:443", "alone", NULL},
        {"https://cam.example:", "alone", "port"},
        {"https://cam.example:x", "alone", "port"},
        {"https://cam.example:123456", "alone", "port"},
        {"https://*.example", "alone", "patterns"},
        {"https://", "alone", "scheme and host"},
        {"https://a b", "alone", "scheme and host"},
        {"https://[::1", "alone", "scheme and host"},
        {"https://me@cam.example", "alone", "scheme and host"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *host = config_host_problem(cases[i].text);
        const char *origin = config_origin_problem(cases[i].text);
        if (!host != !cases[i].host_problem || (host && !strstr(host, cases[i].host_problem))) {
            fail_msg("host %s: %s", cases[i].text, host ? host : "good");
        }
        if (!origin != !cases[i].origin_problem ||
            (origin && !strstr(origin, cases[i].origin_problem))) {
            fail_msg("origin %s: %s", cases[i].text, origin ? origin : "good");
        }
    }
}

static void test_arguments(void **state)
{
    static const struct {
        const char *argument;
        const char *name; /* NULL: refused */
        const char *location;
    } cases[] = {
        {"test:", "cam", ""},
        {"eye=test:", "eye", ""},
        {"v4l2:/dev/video0?size=1280x720&fps=30", "cam", "/dev/video0"},
        {"left=v4l2:/dev/v4l/by-id/a=b", "left", "/dev/v4l/by-id/a=b"},
        {"=test:", NULL, NULL},
        {"nothing", NULL, NULL},
        {"A=test:", NULL, NULL},
        {"v4l2:/dev/video0?size=1", NULL, NULL},
        {"v4l2:/dev/video0?size", NULL, NULL},
        {"v4l2:/dev/video0?format=%zz", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *c = malloc(sizeof(*c));
        struct config_error error = {0};
        config_init(c);
        const int result = config_add_source(c, cases[i].argument, &error);
        if ((result == 0) != (cases[i].name != NULL)) {
            fail_msg("%s: %d %s", cases[i].argument, result, error.sentence);
        }
        if (cases[i].name) {
            assert_string_equal(c->streams[0].name, cases[i].name);
            assert_string_equal(c->streams[0].location, cases[i].location);
        } else {
            assert_true(error.sentence[0] != '\0');
        }
        config_finish(c);
        free(c);
    }
}

static void test_beyond_loopback_is_seen(void **state)
{
    static const struct {
        const char *listen;
        const char *http;
        bool is_beyond;
    } cases[] = {
        {NULL, "8080", false},         {"127.0.0.2", "0", false},
        {"0.0.0.0", "0", true},        {"::", "0", true},
        {"[::1]", "0", false},         {NULL, "0.0.0.0:80", true},
        {NULL, "127.0.0.1:80", false}, {NULL, "[::]:80", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *c = malloc(sizeof(*c));
        struct config_error error;
        config_init(c);
        if (cases[i].listen) {
            assert_int_equal(config_add_listen(c, cases[i].listen, &error), 0);
        }
        assert_int_equal(config_set_server(c, SERVER_HTTP, cases[i].http, &error), 0);
        assert_int_equal(config_beyond_loopback(c) != NULL, cases[i].is_beyond);
        config_finish(c);
        free(c);
    }
}

/* A server that this build lacks opens no port, whatever address it is given. */
static void test_absent_servers_reach_nobody(void **state)
{
    struct config *c = malloc(sizeof(*c));
    struct config_error error;
    config_init(c);
    assert_int_equal(config_set_server(c, SERVER_RTSP, "0.0.0.0:8554", &error), 0);
    assert_int_equal(config_set_server(c, SERVER_SRT, "[::]:0", &error), 0);
    assert_null(config_beyond_loopback(c));
    assert_int_equal(config_set_server(c, SERVER_RTMP, "0.0.0.0:0", &error), 0);
    assert_string_equal(config_beyond_loopback(c), "0.0.0.0"); /* this one it has */
    assert_int_equal(config_set_server(c, SERVER_RTMP, "off", &error), 0);
    assert_int_equal(config_set_server(c, SERVER_WEBRTC, "0.0.0.0:0", &error), 0);
    assert_string_equal(config_beyond_loopback(c), "0.0.0.0");
    config_finish(c);
    free(c);
}

static void test_outputs(void **state)
{
    struct config_error error;
    int result;
    struct config *c =
        read_text("streams:\n"
                  "  cam:\n"
                  "    source: 'test:'\n"
                  "    outputs: ['tcp-listen:5001?mode=drive', 'udp://239.0.0.1:5']\n"
                  "  nest: {source: 'test:', outputs: 'tcp-listen:[::1]:0'}\n",
                  &error, &result);
    assert_int_equal(result, 0);
    assert_int_equal(c->streams[0].n_outputs, 2);
    assert_ptr_equal(c->streams[0].outputs[0].type, &fake_listen);
    assert_string_equal(c->streams[0].outputs[0].location, "5001");
    const struct fake_output *options = c->streams[0].outputs[0].options;
    assert_string_equal(options->mode, "drive");
    assert_string_equal(c->streams[0].outputs[1].location, "239.0.0.1:5");
    assert_int_equal(c->streams[1].n_outputs, 1);
    assert_null(config_beyond_loopback(c));
    config_finish(c);
    free(c);
    c = read_text("streams: {cam: {source: 'test:', outputs: ['tcp-listen:0.0.0.0:5001']}}\n",
                  &error, &result);
    assert_int_equal(result, 0);
    assert_string_equal(config_beyond_loopback(c), "0.0.0.0:5001");
    config_finish(c);
    free(c);
}

static void test_outputs_that_are_wrong(void **state)
{
    static const struct {
        const char *outputs;
        const char *says;
    } cases[] = {
        {"['carrier-pigeon:1']", "carrier-pigeon"},
        {"['tcp-listen:port']", "tcp-listen:PORT"},
        {"['tcp-listen:99999']", "tcp-listen:PORT"},
        {"['tcp-listen:host:1']", "tcp-listen:PORT"},
        {"['tcp-listen:1?mode=fast']", "mode"},
        {"['tcp-listen:1?speed=1']", "speed"},
        {"[5001]", "tcp-listen:5001"},
        {"{tcp: 1}", "list"},
        {"[[a]]", "list"},
        {"['udp://host']", "udp://HOST:PORT"},
        {"['udp://host:0']", "udp://HOST:PORT"},
        {"['udp://:5000']", "udp://HOST:PORT"},
        {"['udp:h:1','udp:h:1','udp:h:1','udp:h:1','udp:h:1','udp:h:1','udp:h:1','udp:h:1','udp:h:"
         "1']",
         "at most 8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_error error;
        char yaml[400];
        int result;
        snprintf(yaml, sizeof(yaml), "streams: {cam: {source: 'test:', outputs: %s}}\n",
                 cases[i].outputs);
        struct config *c = read_text(yaml, &error, &result);
        assert_int_equal(result, -EINVAL);
        if (!strstr(error.sentence, cases[i].says)) {
            fail_msg("%s: %s", cases[i].outputs, error.sentence);
        }
        assert_int_equal(error.line, 1);
        config_finish(c);
        free(c);
    }
}

static void test_webrtc_addresses(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
    } cases[] = {
        {"203.0.113.5", true},
        {"203.0.113.5:8189", true},
        {"2001:db8::1", true},
        {"[2001:db8::1]", true},
        {"[2001:db8::1]:1", true},
        {"cam.example", false},
        {"203.0.113.5:99999", false},
        {"", false},
        {":8189", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *c = malloc(sizeof(*c));
        struct config_error error = {0};
        config_init(c);
        const int result = config_add_webrtc_address(c, cases[i].text, &error);
        if ((result == 0) != cases[i].is_good) {
            fail_msg("%s: %d %s", cases[i].text, result, error.sentence);
        }
        config_finish(c);
        free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_mistakes_have_a_place_and_a_sentence),
        cmocka_unit_test(test_hosts_and_origins),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_beyond_loopback_is_seen),
        cmocka_unit_test(test_absent_servers_reach_nobody),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_outputs_that_are_wrong),
        cmocka_unit_test(test_webrtc_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
