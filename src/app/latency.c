#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/latency_reader.h"
#include "app/latency_samples.h"
#include "app/registry.h"
#include "base/text.h"
#include "media/timecode.h"

#define FIRST_FRAME_TIMEOUT_NS (10 * NS_PER_S)
#define SECONDS_MAX            86400

enum { ARG_SECONDS, ARG_JSON, ARG_EACH };

static const struct argument arguments[] = {
    [ARG_SECONDS] = {"seconds", "N", "measure for so long [10]"},
    [ARG_JSON] = {"json", NULL, "print a JSON object"},
    [ARG_EACH] = {"each", NULL,
                  "before that, a line for each frame: when it was seen, its latency"},
    {0},
};

struct latency_arguments {
    int64_t duration_ns;
    bool is_json;
    bool is_each;
};

/* One decoder at a time, opened for the codec that comes. */
struct decoder {
    const struct decoder_type *type;
    void *state;
};

static const struct log decoder_log = {.topic = "latency"};

static int on_option(int index, const char *value, void *arg)
{
    struct latency_arguments *a = arg;
    if (index == ARG_JSON) {
        a->is_json = true;
        return EXIT_OK;
    }
    if (index == ARG_EACH) {
        a->is_each = true;
        return EXIT_OK;
    }
    if (option_parse_duration(value, &a->duration_ns) < 0 || a->duration_ns < NS_PER_S / 10 ||
        a->duration_ns > SECONDS_MAX * NS_PER_S) {
        return command_fail(&command_latency, EXIT_USAGE,
                            "'%s' is no value for --seconds: it takes a number such as 10", value);
    }
    return EXIT_OK;
}

static void close_decoder(struct decoder *d)
{
    if (d->type) {
        d->type->close(d->state);
    }
    free(d->state);
    *d = (struct decoder){0};
}

static int open_decoder(struct decoder *d, enum codec codec, struct option_error *error)
{
    for (size_t i = 0; registry_decoders[i]; i++) {
        const struct decoder_type *type = registry_decoders[i];
        if (type->takes == codec) {
            d->type = type;
            d->state = calloc(1, type->state_size);
            return d->state ? type->open(d->state, &decoder_log, error) : -ENOMEM;
        }
    }
    snprintf(error->sentence, sizeof(error->sentence), "this build has no decoder for %s",
             codec_name(codec));
    return -ENOTSUP;
}

/* -EAGAIN: no timecode in this one. */
static int measure(struct decoder *d, const struct packet *packet, enum codec codec,
                   struct latency_samples *samples, struct option_error *error)
{
    if (!d->type) {
        const int opened = open_decoder(d, codec, error);
        if (opened < 0) {
            return opened;
        }
    }
    const struct track track = {.codec = codec};
    struct picture *picture = NULL;
    int result = d->type->decode(d->state, packet, &track, &picture, error);
    if (result == -EBADMSG) {
        return -EAGAIN; /* a damaged frame is a lost one */
    }
    if (result < 0) {
        return result;
    }
    const int64_t seen_ns = time_real_ns();
    int64_t capture_ms = 0;
    result = timecode_read(picture->planes[0], picture->strides[0], picture->size, &capture_ms);
    picture_unref(&picture);
    if (result < 0) {
        return -EAGAIN;
    }
    const int64_t capture_ns = timecode_expand(capture_ms, seen_ns / NS_PER_MS) * NS_PER_MS;
    return latency_samples_add(samples, capture_ns, seen_ns);
}

static double to_ms(int64_t ns)
{
    return (double)ns / NS_PER_MS;
}

/* Milliseconds since 1970, and from capture to then. */
static void print_newest(const struct latency_samples *samples)
{
    const struct latency_sample *s = &samples->items[samples->n_items - 1];
    printf("%.1f %.1f\n", to_ms(s->seen_ns), to_ms(s->seen_ns - s->capture_ns));
    fflush(stdout);
}

static int play(const struct latency_reader_type *type, void *state,
                const struct latency_arguments *a, struct latency_samples *samples,
                struct option_error *error)
{
    struct decoder decoder = {0};
    int64_t end_ns = time_monotonic_ns() + FIRST_FRAME_TIMEOUT_NS;
    bool is_started = false;
    size_t n_unreadable = 0;
    int result = 0;
    while (result == 0) {
        struct packet *packet = NULL;
        enum codec codec = CODEC_NONE;
        result = type->read(state, end_ns, &packet, &codec, error);
        if (result < 0) {
            break;
        }
        result = measure(&decoder, packet, codec, samples, error);
        packet_unref(&packet);
        if (result == 0 && !is_started) {
            is_started = true;
            end_ns = time_monotonic_ns() + a->duration_ns;
        }
        if (result == 0 && a->is_each) {
            print_newest(samples);
        }
        if (result == -EAGAIN) {
            n_unreadable++;
            result = 0;
        }
    }
    close_decoder(&decoder);
    samples->end_ns = time_real_ns();
    if (result == -ETIMEDOUT && samples->n_items < 2) {
        snprintf(error->sentence, sizeof(error->sentence),
                 n_unreadable > 0 ? "no timecode in the pictures: serve the test picture (test:)"
                                  : "no picture came within 10 s");
        return -ENODATA;
    }
    return result == -ETIMEDOUT ? 0 : result;
}

/* A page's URL ("…/NAME/") is played by WHEP, as a browser does. */
static const struct latency_reader_type *choose(struct latency_url *url)
{
    char query[LATENCY_PATH_SIZE] = "";
    if (url->is_rtsp) {
        return &latency_rtsp;
    }
    char *mark = strchr(url->path, '?');
    if (mark) {
        snprintf(query, sizeof(query), "%s", mark);
        *mark = '\0';
    }
    const size_t length = strlen(url->path);
    const bool is_page = length > 1 && url->path[length - 1] == '/';
    const bool is_whep = is_page || (length > 5 && strcmp(url->path + length - 5, "/whep") == 0);
    text_copy(url->path + length, sizeof(url->path) - length, is_page ? "whep" : "");
    const size_t end = strlen(url->path);
    text_copy(url->path + end, sizeof(url->path) - end, query);
    return is_whep ? &latency_whep : &latency_http;
}

static void print_text(const struct latency_summary *s)
{
    printf("frames lost p50_ms p95_ms p99_ms max_ms\n%zu %zu %.1f %.1f %.1f %.1f\n", s->n_frames,
           s->n_lost, to_ms(s->p50_ns), to_ms(s->p95_ns), to_ms(s->p99_ns), to_ms(s->max_ns));
}

static void print_json(const struct latency_summary *s, const struct latency_reader_type *type,
                       const void *state)
{
    json_t *json = json_pack(
        "{s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "frames", (json_int_t)s->n_frames, "lost",
        (json_int_t)s->n_lost, "p50_ms", to_ms(s->p50_ns), "p95_ms", to_ms(s->p95_ns), "p99_ms",
        to_ms(s->p99_ns), "max_ms", to_ms(s->max_ns), "freeze_ms", to_ms(s->freeze_ns));
    if (type->describe) {
        type->describe(state, json);
    }
    json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(json);
}

static int play_to_end(const struct latency_reader_type *type, struct latency_url *url,
                       const struct latency_arguments *a, struct latency_samples *samples,
                       struct option_error *error)
{
    struct latency_summary summary;
    void *state = calloc(1, type->state_size);
    if (!state) {
        return -ENOMEM;
    }
    int result = type->open(state, url, time_monotonic_ns() + FIRST_FRAME_TIMEOUT_NS, error);
    if (result == 0) {
        result = play(type, state, a, samples, error);
    }
    if (result == 0) {
        result = latency_samples_summary(samples, &summary);
    }
    if (result == 0 && a->is_json) {
        print_json(&summary, type, state);
    } else if (result == 0) {
        print_text(&summary);
    }
    type->close(state);
    free(state);
    return result;
}

static int run(struct latency_url *url, const struct latency_arguments *a)
{
    struct latency_samples samples = {0};
    struct option_error error = {0};
    const int result = play_to_end(choose(url), url, a, &samples, &error);
    latency_samples_finish(&samples);
    if (result < 0) {
        return command_fail(&command_latency, EXIT_FAILED, "%s",
                            error.sentence[0] ? error.sentence : strerror(-result));
    }
    return EXIT_OK;
}

static int latency_run(int argc, char **argv)
{
    struct latency_arguments a = {.duration_ns = 10 * NS_PER_S};
    int first = 0;
    const int status = arguments_parse("latency", arguments, argc, argv, on_option, &a, &first);
    if (status != EXIT_OK) {
        return status;
    }
    struct latency_url url;
    struct option_error error;
    if (argc - first != 1) {
        return command_fail(&command_latency, EXIT_USAGE,
                            "say which stream: avocet latency http://127.0.0.1:8080/cam/");
    }
    if (latency_url_parse(argv[first], &url, &error) < 0) {
        return command_fail(&command_latency, EXIT_USAGE, "%s", error.sentence);
    }
    return run(&url, &a);
}

static void latency_help(void)
{
    arguments_print(arguments);
    printf(
        "\nPlays the stream at URL, which must carry the test picture's timecode (test:): a page\n"
        "(http://127.0.0.1:8080/cam/), its whep, any stream.*, or rtsp://127.0.0.1:8554/cam. "
        "Prints\n"
        "the frames seen and lost, and the time from capture until the decoded picture is there.\n"
        "With --json, freeze_ms is the longest time without a new frame.\n"
        "Both clocks must agree: run it on the machine that makes the picture.\n");
}

const struct command command_latency = {
    .name = "latency",
    .usage = "latency URL [--seconds N] [--json] [--each]",
    .summary = "measure the time from capture to decoded picture of a stream with timecode",
    .run = latency_run,
    .help = latency_help,
};
