#include "pipeline/pipeline.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "pipeline/worker.h"

enum { MASK_SIZE = 16 }; /* more than what stands for secrets */

/* A thread that hangs in a driver is left behind so long after it was told to end. */
#define QUIT_PATIENCE_NS (600 * NS_PER_MS)

/* Signals are the loop's. */
static int start_thread(struct pipeline *p)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const int result = pthread_create(&p->thread, NULL, worker_run, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result == 0) {
        pthread_setname_np(p->thread, "pipeline");
    }
    return result;
}

static void ensure_thread(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    const bool is_running = p->is_running;
    p->is_running = true;
    p->is_over = p->is_over && is_running;
    pthread_mutex_unlock(&p->lock);
    if (is_running) {
        return;
    }
    if (p->has_thread) {
        pthread_join(p->thread, NULL); /* it has already decided to end */
    }
    p->has_thread = start_thread(p) == 0;
    if (!p->has_thread) {
        p->is_running = false;
        log_error(&p->log, "cannot start a thread, the stream stays off");
        output_set_state(&p->output, STREAM_STALLED, "the server cannot start another thread");
    }
}

static void pipeline_demand(struct producer *producer, encoding_set wanted)
{
    struct pipeline *p = (struct pipeline *)producer;
    const bool was_wanted = p->demanded != 0;
    p->demanded = wanted;
    if (!was_wanted && wanted != 0) {
        atomic_store_explicit(&p->is_hung, false, memory_order_relaxed); /* to be shown anew */
        output_set_state(&p->output, STREAM_STARTING, NULL);
    } else if (was_wanted && wanted == 0) {
        output_set_state(&p->output, STREAM_STOPPING, NULL);
    }
    mailbox_post_demand(&p->mailbox, wanted);
    if (wanted != 0 || worker_is_drained(p)) {
        ensure_thread(p);
    }
}

static void pipeline_wish(struct producer *producer, const struct wish *wish)
{
    mailbox_post_wish(&((struct pipeline *)producer)->mailbox, wish);
}

static unsigned pipeline_can(const struct producer *producer, enum encoding_id id)
{
    const struct pipeline *p = (const struct pipeline *)producer;
    return atomic_load_explicit(&p->can[id], memory_order_relaxed);
}

void pipeline_free(struct pipeline *p)
{
    mailbox_finish(&p->mailbox);
    output_finish(&p->output);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->over);
    track_finish(&p->track);
    if (p->options) {
        option_finish(p->config.source->options, p->options);
    }
    free(p->options);
    free(p->location);
    free(p->shown_location);
    free(p->preset);
    free(p->encoder_name);
    free(p);
}

/* False: it hangs, and from now on owns the pipeline. */
static bool wait_for_thread(struct pipeline *p)
{
    const int64_t until_ns = p->quit_ns + QUIT_PATIENCE_NS;
    const struct timespec until = {.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S};
    pthread_mutex_lock(&p->lock);
    for (int result = 0; !p->is_over && result == 0;) {
        result = pthread_cond_timedwait(&p->over, &p->lock, &until);
    }
    const bool is_over = p->is_over;
    if (!is_over) {
        log_warn(&p->log, "%s:%s does not answer, leaving its thread behind",
                 p->config.source->scheme, p->shown_location);
        output_cut(&p->output);
        pthread_detach(p->thread);
        p->is_abandoned = true;
    }
    pthread_mutex_unlock(&p->lock);
    return is_over;
}

/* A call that does not return cannot be ended; but people can be told. */
static void pipeline_check(struct producer *producer, int64_t now_ns)
{
    struct pipeline *p = (struct pipeline *)producer;
    const int64_t beat_ns = atomic_load_explicit(&p->beat_ns, memory_order_relaxed);
    if (beat_ns == 0 || p->demanded == 0 || now_ns - beat_ns < PIPELINE_HANG_NS ||
        atomic_load_explicit(&p->is_hung, memory_order_relaxed)) {
        return;
    }
    char sentence[STREAM_ERROR_SIZE];
    snprintf(sentence, sizeof(sentence),
             "%s:%.100s does not answer (its driver hangs?), waiting for it",
             p->config.source->scheme, p->shown_location);
    if (p->hung_ns != beat_ns) {
        p->hung_ns = beat_ns;
        log_warn(&p->log, "%s", sentence);
    }
    atomic_store_explicit(&p->is_hung, true, memory_order_relaxed);
    output_set_state(&p->output, STREAM_STALLED, sentence);
}

static void pipeline_quit(struct producer *producer)
{
    struct pipeline *p = (struct pipeline *)producer;
    if (p->quit_ns == 0) {
        p->quit_ns = time_monotonic_ns();
        mailbox_post_quit(&p->mailbox);
    }
}

static void pipeline_destroy(struct producer *producer)
{
    struct pipeline *p = (struct pipeline *)producer;
    pipeline_quit(producer);
    if (p->has_thread) {
        if (!wait_for_thread(p)) {
            return;
        }
        pthread_join(p->thread, NULL);
    }
    pipeline_free(p);
}

static const struct producer_type pipeline_type = {
    .name = "pipeline",
    .demand = pipeline_demand,
    .wish = pipeline_wish,
    .can = pipeline_can,
    .check = pipeline_check,
    .quit = pipeline_quit,
    .destroy = pipeline_destroy,
};

/* ---- making ---- */

static char *copy_text(const char *text, bool *has_failed)
{
    char *copy = text ? strdup(text) : NULL;
    *has_failed = *has_failed || (text && !copy);
    return copy;
}

/* Of a file or device all is shown, as '?' and '@' mean nothing there. */
static char *mask_location(const struct pipeline *p, bool *has_failed)
{
    const size_t size = strlen(p->location) + MASK_SIZE;
    char *shown = p->config.source->has_url ? malloc(size) : copy_text(p->location, has_failed);
    if (p->config.source->has_url && shown) {
        memcpy(shown, "//", 2); /* of "scheme://", which the location is without */
        secret_mask_url(shown + 2, size - 2, p->location);
    }
    *has_failed = *has_failed || !shown;
    return shown;
}

/* As the caller filled them, with texts of our own. */
static void *copy_options(const struct source_type *type, const void *options, bool *has_failed)
{
    void *copy = calloc(1, type->state_size > 0 ? type->state_size : 1);
    if (!copy) {
        *has_failed = true;
    } else if (!options) {
        option_init(type->options, copy);
    } else if (option_copy(type->options, copy, options) < 0) {
        *has_failed = true;
    }
    return copy;
}

static void init_encodes(struct pipeline *p)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        p->encodes[id] = (struct encode){
            .id = (enum encoding_id)id,
            .types = p->types.encoders,
            .params = p->config.h264,
            .output = &p->output,
            .log = &p->log,
        };
    }
    p->encodes[ENCODING_H264].can_bitrate = PRODUCER_CAN_BITRATE; /* until it is known */
    p->encodes[ENCODING_H264].params.preset = p->preset;
    p->encodes[ENCODING_H264].wanted_name = p->encoder_name;
    p->encodes[ENCODING_JPEG].params.preset = NULL;
    p->encodes[ENCODING_JPEG].params.quality = p->config.jpeg_quality;
    p->decode.types = p->types.decoders;
    p->decode.log = &p->log;
}

static void init_lock(struct pipeline *p)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->over, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int pipeline_create(struct producer **out, const struct pipeline_config *config,
                    const struct pipeline_types *types, struct stream *stream,
                    const struct log *log)
{
    struct pipeline *p = calloc(1, sizeof(*p));
    if (!p) {
        return -ENOMEM;
    }
    p->producer.type = &pipeline_type;
    p->config = *config;
    p->types = *types;
    init_lock(p);
    output_init(&p->output, stream);
    log_init(&p->log, log, "%s", stream_name(stream));
    bool has_failed = mailbox_init(&p->mailbox) < 0;
    p->location = copy_text(config->location ? config->location : "", &has_failed);
    p->shown_location = p->location ? mask_location(p, &has_failed) : NULL;
    p->preset = copy_text(config->h264.preset, &has_failed);
    p->encoder_name = copy_text(config->encoder, &has_failed);
    p->options = copy_options(config->source, config->source_options, &has_failed);
    if (has_failed) {
        pipeline_free(p);
        return -ENOMEM;
    }
    init_encodes(p);
    shown_update_can(p);
    *out = &p->producer;
    return 0;
}
