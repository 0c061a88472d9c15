#include "app/served_streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/served_outputs.h"
#include "base/text.h"

/* A stream of the configuration, with its way into the loop. */
struct served_stream {
    struct list link; /* served_streams::items */
    struct served_streams *all;
    struct stream *stream;
    struct loop_message wake; /* the stream's inbox has something */
    struct served_outputs outputs;
    char *fingerprint;
    bool is_argument; /* not of the file: a reload leaves it alone */
};

static void on_wake(struct loop_message *m)
{
    struct served_stream *s = list_entry(m, struct served_stream, wake);
    stream_dispatch(s->stream, loop_now_ns(s->all->loop));
}

/* Any thread. */
static void post_wake(void *arg)
{
    struct served_stream *s = arg;
    loop_post(s->all->loop, &s->wake);
}

void served_streams_tick(struct served_streams *s)
{
    const int64_t now_ns = loop_now_ns(s->loop);
    for (unsigned i = 0; i < s->directory->n_streams; i++) {
        struct stream *stream = s->directory->streams[i];
        stream_check_producer(stream, now_ns);
        if (stream_deadline_ns(stream) <= now_ns) {
            stream_on_timer(stream, now_ns);
        }
    }
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

/* Pictures become H.264 where there is an encoder that depends on no device. */
static bool will_be_h264(const struct config_stream *c, const struct pipeline_types *types)
{
    const char *wanted = c->options.encoder;
    for (size_t i = 0; c->source->gives_pictures_only && types->encoders[i]; i++) {
        const struct encoder_type *type = types->encoders[i];
        if (type->makes == ENCODING_H264 && !type->problem &&
            (!wanted || strcmp(wanted, type->name) == 0)) {
            return true;
        }
    }
    return false;
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
            .codec = will_be_h264(c, served->all->types) ? CODEC_H264 : CODEC_NONE,
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
    struct served_streams *all = s->all;
    served_outputs_close(&s->outputs);
    if (s->stream) {
        directory_remove(all->directory, s->stream);
        stream_destroy(s->stream, loop_now_ns(all->loop));
    }
    loop_message_cancel(all->loop, &s->wake);
    list_remove(&s->link);
    free(s->fingerprint);
    free(s);
}

static int add_stream(struct served_streams *all, const struct config_stream *c, char *sentence,
                      size_t size)
{
    struct served_stream *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->all = all;
    list_init(&s->link);
    loop_message_init(&s->wake, on_wake);
    s->is_argument = c->is_argument;
    s->fingerprint = strdup(c->fingerprint ? c->fingerprint : "");
    struct stream *stream = create_stream(c, s);
    struct producer *producer = NULL;
    const struct pipeline_config config = pipeline_config_of(c);
    if (!stream || !s->fingerprint ||
        pipeline_create(&producer, &config, all->types, stream, all->log) < 0 ||
        directory_add(all->directory, stream) < 0) {
        if (producer) {
            producer->type->destroy(producer);
        }
        stream_destroy(stream, loop_now_ns(all->loop));
        destroy_served(s);
        return -ENOMEM;
    }
    s->stream = stream;
    list_append(&all->items, &s->link);
    stream_set_producer(stream, producer, loop_now_ns(all->loop));
    return served_outputs_open(&s->outputs, c, all->env, (const char *const *)all->listen.items,
                               stream, sentence, size);
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

static const struct served_stream *find_served(const struct served_streams *s, const char *name)
{
    const struct served_stream *served;
    list_for_each(served, &s->items, link)
    {
        if (strcmp(stream_name(served->stream), name) == 0) {
            return served;
        }
    }
    return NULL;
}

static void add_later(struct served_streams *s, const struct config_stream *c)
{
    char sentence[240] = "";
    if (add_stream(s, c, sentence, sizeof(sentence)) < 0) {
        log_error(s->log, "stream '%s': %s, going on without", c->name,
                  sentence[0] != '\0' ? sentence : "out of memory");
    }
}

static void apply_streams(struct served_streams *s, const struct config *config)
{
    struct served_stream *served;
    struct served_stream *next;
    list_for_each_safe(served, next, &s->items, link)
    {
        const struct config_stream *c = find_config(config, stream_name(served->stream));
        if (served->is_argument) {
            continue;
        }
        if (!c || strcmp(served->fingerprint, c->fingerprint ? c->fingerprint : "") != 0) {
            log_info(s->log, "stream '%s' %s, its viewers are let go", stream_name(served->stream),
                     c ? "changed" : "is gone");
            destroy_served(served);
        }
    }
    for (unsigned i = 0; i < config->n_streams; i++) {
        const char *name = config->streams[i].name;
        const struct served_stream *there = find_served(s, name);
        if (there && there->is_argument) {
            log_warn(s->log,
                     "stream '%s' of the command line has the name of one in %s, keeping "
                     "the former",
                     name, config->file);
        } else if (!there) {
            add_later(s, &config->streams[i]);
        }
    }
}

static void move_to_end(struct served_streams *s, struct stream *stream)
{
    directory_remove(s->directory, stream);
    (void)directory_add(s->directory, stream); /* its place is free */
}

/* As after a start: those of the file in its order, then the command line's. */
static void order_streams(struct served_streams *s, const struct config *config)
{
    for (unsigned i = 0; i < config->n_streams; i++) {
        struct stream *stream = directory_find(s->directory, config->streams[i].name);
        if (stream) {
            move_to_end(s, stream);
        }
    }
    const struct served_stream *served;
    list_for_each(served, &s->items, link)
    {
        if (served->is_argument) {
            move_to_end(s, served->stream);
        }
    }
}

void served_streams_apply(struct served_streams *s, const struct config *config)
{
    apply_streams(s, config);
    order_streams(s, config);
}

/* ---- the whole ---- */

int served_streams_init(struct served_streams *s, const struct config *config)
{
    static char *const loopback[] = {"127.0.0.1", "::1", NULL};
    char *const *texts = config->listen.n_items > 0 ? config->listen.items : loopback;
    int result = 0;
    list_init(&s->items);
    for (unsigned i = 0; result == 0 && texts[i]; i++) {
        result = config_add_text(&s->listen, texts[i]);
    }
    return result;
}

int served_streams_add_all(struct served_streams *s, const struct config *config, char *sentence,
                           size_t size)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < config->n_streams; i++) {
        result = add_stream(s, &config->streams[i], sentence, size);
    }
    return result;
}

void served_streams_finish(struct served_streams *s)
{
    struct served_stream *served;
    struct served_stream *next;
    list_for_each(served, &s->items, link)
    {
        stream_quit(served->stream);
    }
    list_for_each_safe(served, next, &s->items, link)
    {
        destroy_served(served);
    }
    config_finish_texts(&s->listen);
}
