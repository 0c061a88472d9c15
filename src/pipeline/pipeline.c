#include "pipeline/pipeline.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "base/text.h"
#include "pipeline/decode.h"
#include "pipeline/encode.h"
#include "pipeline/mailbox.h"
#include "pipeline/output.h"
#include "pipeline/retry.h"

/* A source that is silent for so long is closed and opened again, if it may be. */
#define REOPEN_NS (10 * NS_PER_S)
/* At the end a thread that hangs in a driver is left behind after this time. */
#define DESTROY_PATIENCE_NS NS_PER_S

struct pipeline {
    struct producer producer; /* first */
    struct pipeline_config config;
    struct pipeline_types types;
    char *location;
    char *preset;
    char *encoder_name;
    void *options; /* of state_size; what open() begins with */
    struct log log;
    struct mailbox mailbox;
    struct output output;

    /* atomic: asked on the loop, known on the thread */
    atomic_uint can[N_ENCODINGS];

    /* under lock */
    pthread_mutex_t lock;
    bool is_running;   /* the thread has not decided to end */
    bool is_over;      /* it touches nothing any more */
    bool is_abandoned; /* nobody waits for it: it frees the pipeline */
    pthread_cond_t over;

    /* loop only */
    pthread_t thread;
    bool has_thread; /* to be joined */
    encoding_set demanded;

    /* thread only */
    encoding_set wanted;
    bool must_quit;
    void *state; /* of the source; NULL: closed */
    struct encode encodes[N_ENCODINGS];
    struct decode decode;
    struct track track;    /* of the source's packets; codec NONE: pictures, or nothing yet */
    bool has_unit;         /* since it was opened */
    bool is_silent;
    bool was_live;         /* there was a unit before the present opening */
    int64_t opened_ns;
    int64_t last_unit_ns;
    struct retry retry;
    char description[160]; /* last logged */
    enum stream_state shown_state;
    bool is_shown;
};

static bool is_drained(const struct pipeline *p)
{
    return p->config.source->is_drained_while_asleep;
}

static bool must_run(const struct pipeline *p)
{
    return !p->must_quit && (p->wanted != 0 || is_drained(p));
}

/* ---- what is shown ---- */

static enum stream_state find_state(const struct pipeline *p)
{
    if (p->retry.backoff_ns > 0 && !p->has_unit) {
        return STREAM_STALLED;
    }
    if (p->is_silent && p->wanted != 0) {
        return STREAM_STALLED;
    }
    if (p->wanted == 0) {
        return STREAM_IDLE;
    }
    return p->has_unit ? STREAM_LIVE : STREAM_STARTING;
}

static void show_state(struct pipeline *p)
{
    const enum stream_state state = find_state(p);
    if (p->is_shown && p->shown_state == state) {
        return;
    }
    char text[STREAM_ERROR_SIZE] = "";
    if (state == STREAM_STALLED && p->is_silent) {
        snprintf(text, sizeof(text), "%s:%.100s gives no pictures, waiting for it",
                 p->config.source->scheme, p->location);
    } else if (state == STREAM_STALLED) {
        snprintf(text, sizeof(text), "%.200s, trying again", p->retry.sentence);
    }
    p->shown_state = state;
    p->is_shown = true;
    output_set_state(&p->output, state, text[0] != '\0' ? text : NULL);
}

static enum encoding_id native_encoding(const struct pipeline *p)
{
    switch (p->track.codec) {
    case CODEC_H264:
        return ENCODING_H264;
    case CODEC_MJPEG:
        return ENCODING_JPEG;
    default:
        return N_ENCODINGS;
    }
}

static unsigned source_can(const struct pipeline *p)
{
    const struct source_type *type = p->config.source;
    return p->state && type->can ? type->can(p->state) : 0;
}

/* Which encoding a drained source gives is not known before its first packet: it may be any. */
static unsigned never_sleeps(const struct pipeline *p, enum encoding_id id)
{
    const enum encoding_id native = native_encoding(p);
    return is_drained(p) && (native == id || native == N_ENCODINGS) ? PRODUCER_NEVER_SLEEPS : 0;
}

/* A keyframe can be made only while pictures come. */
static void show_can(struct pipeline *p)
{
    const enum encoding_id native = native_encoding(p);
    for (int id = 0; id < N_ENCODINGS; id++) {
        unsigned can = id == (int)native ? source_can(p) : encode_can(&p->encodes[id]);
        if (!p->has_unit) {
            can &= ~(unsigned)PRODUCER_CAN_KEYFRAME;
        }
        can |= never_sleeps(p, (enum encoding_id)id);
        atomic_store_explicit(&p->can[id], can, memory_order_relaxed);
    }
}

/* ---- mail ---- */

static void give_to_source(struct pipeline *p, const struct wish *wish)
{
    const struct source_type *type = p->config.source;
    struct option_error error = {""};
    if (!p->state || !type->wish) {
        return;
    }
    const int result = type->wish(p->state, wish, &error);
    if (result < 0 && wish->type == WISH_CONTROL) {
        log_warn(&p->log, "%s=%s not set, %s", wish->name, wish->value,
                 error.sentence[0] != '\0' ? error.sentence : strerror(-result));
    }
}

static void take_keys(struct pipeline *p, encoding_set keys)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        if ((keys & 1U << id) == 0) {
            continue;
        }
        if (id == (int)native_encoding(p)) {
            give_to_source(p, &(struct wish){.type = WISH_KEYFRAME, .encoding = (enum encoding_id)id});
        } else {
            p->encodes[id].must_make_key = true;
        }
    }
}

static void take_bitrates(struct pipeline *p, const int64_t *bitrates_bps)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        if (bitrates_bps[id] <= 0) {
            continue;
        }
        encode_set_bitrate(&p->encodes[id], bitrates_bps[id]);
        if (id == (int)native_encoding(p)) {
            give_to_source(p, &(struct wish){.type = WISH_BITRATE,
                                             .encoding = (enum encoding_id)id,
                                             .bitrate_bps = bitrates_bps[id]});
        }
    }
}

static void take_demand(struct pipeline *p, const struct mail *mail)
{
    p->wanted = mail->wanted;
    p->must_quit = mail->must_quit;
    if (mail->is_demand) {
        p->is_shown = false; /* the loop said starting or stopping meanwhile */
    }
    for (int id = 0; id < N_ENCODINGS; id++) {
        if ((p->wanted & 1U << id) == 0) {
            encode_close(&p->encodes[id]);
        }
    }
    const enum encoding_id native = native_encoding(p);
    if (native == N_ENCODINGS || (p->wanted & ~(1U << native)) == 0) {
        decode_close(&p->decode);
    }
}

static void take_mail(struct pipeline *p)
{
    struct mail mail;
    mailbox_take(&p->mailbox, &mail);
    take_demand(p, &mail);
    take_keys(p, mail.keys);
    take_bitrates(p, mail.bitrates_bps);
    for (unsigned i = 0; i < mail.n_controls; i++) {
        give_to_source(p, &mail.controls[i]);
    }
    show_can(p);
    if (!p->must_quit && must_run(p)) {
        show_state(p);
    }
}

/* ---- the source ---- */

static void close_source(struct pipeline *p)
{
    if (p->state) {
        p->config.source->close(p->state);
        free(p->state);
        p->state = NULL;
    }
    p->was_live = p->was_live || p->has_unit;
    p->has_unit = false;
    p->is_silent = false;
    decode_close(&p->decode);
    decode_forget(&p->decode);
    show_can(p);
}

static void fail_source(struct pipeline *p, int result, const char *sentence)
{
    if (sentence[0] == '\0') {
        sentence = strerror(-result);
    }
    const int64_t now_ns = time_monotonic_ns();
    if (retry_note_failure(&p->retry, sentence, now_ns) || p->has_unit) {
        log_warn(&p->log, "%s, trying again", sentence);
        p->is_shown = false;
    }
    close_source(p);
    show_state(p);
}

static void log_description(struct pipeline *p)
{
    char text[sizeof(p->description)] = "opened";
    if (p->config.source->describe) {
        p->config.source->describe(p->state, text, sizeof(text));
    }
    if (strcmp(text, p->description) != 0) {
        log_info(&p->log, "%s:%s, %s", p->config.source->scheme, p->location, text);
        text_copy(p->description, sizeof(p->description), text);
    }
}

static bool open_source(struct pipeline *p)
{
    const struct source_type *type = p->config.source;
    struct option_error error = {""};
    const struct source_params params = {
        .location = p->location,
        .size = p->config.size,
        .rate = p->config.rate,
        .is_size_given = p->config.is_size_given,
        .is_rate_given = p->config.is_rate_given,
        .bitrate_bps = p->encodes[ENCODING_H264].params.bitrate_bps,
        .keyframe_ns = p->encodes[ENCODING_H264].params.keyframe_ns,
        .wake_fd = p->mailbox.fd,
        .log = &p->log,
    };
    p->state = malloc(type->state_size > 0 ? type->state_size : 1);
    if (!p->state) {
        fail_source(p, -ENOMEM, "no memory for the source");
        return false;
    }
    memcpy(p->state, p->options, type->state_size);
    p->opened_ns = time_monotonic_ns();
    const int result = type->open(p->state, &params, &error);
    if (result == -EINTR) {
        close_source(p);
        take_mail(p);
        return false;
    }
    if (result < 0) {
        fail_source(p, result, error.sentence);
        return false;
    }
    p->last_unit_ns = p->opened_ns;
    return true;
}

/* ---- units ---- */

static bool is_same_track(const struct track *a, const struct track *b)
{
    return track_is_compatible(a, b) && a->rate.num == b->rate.num && a->rate.den == b->rate.den &&
           a->bitrate_bps == b->bitrate_bps;
}

static void take_track(struct pipeline *p, const struct track *track)
{
    if (is_same_track(&p->track, track)) {
        return;
    }
    if (p->track.codec != track->codec) {
        decode_close(&p->decode);
        decode_forget(&p->decode);
    }
    struct track copy;
    track_copy(&copy, track);
    track_finish(&p->track);
    p->track = copy;
    const enum encoding_id native = native_encoding(p);
    if (native < N_ENCODINGS) {
        if (p->encodes[native].must_clear_error) {
            output_set_encoding_error(&p->output, native, NULL);
        }
        encode_close(&p->encodes[native]);
        output_set_track(&p->output, native, track);
    }
}

static struct rational rate_of(const struct pipeline *p, const struct track *track)
{
    if (track && track->rate.num > 0 && track->rate.den > 0) {
        return track->rate;
    }
    return p->config.rate.num > 0 ? p->config.rate : (struct rational){30, 1};
}

static void encode_wanted(struct pipeline *p, struct picture *picture, struct rational rate)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        if ((p->wanted & 1U << id) != 0 && id != (int)native_encoding(p)) {
            encode_picture(&p->encodes[id], picture, rate);
        }
    }
}

static void fill_times(int64_t *arrival_ns, int64_t *pts_ns)
{
    if (*arrival_ns == TIME_NONE) {
        *arrival_ns = time_monotonic_ns();
    }
    if (*pts_ns == TIME_NONE) {
        *pts_ns = *arrival_ns;
    }
}

/* Takes over the reference. */
static void take_picture(struct pipeline *p, struct picture *picture, const struct track *track,
                         bool is_return)
{
    fill_times(&picture->arrival_ns, &picture->pts_ns);
    if (is_return) {
        picture->flags |= PACKET_DISCONTINUITY;
        for (int id = 0; id < N_ENCODINGS; id++) {
            p->encodes[id].must_make_key = true;
        }
    }
    track_finish(&p->track);
    encode_wanted(p, picture, rate_of(p, track));
    picture_unref(&picture);
}

static void fail_decoding(struct pipeline *p, const char *sentence)
{
    for (int id = 0; id < N_ENCODINGS; id++) {
        if ((p->wanted & 1U << id) != 0 && id != (int)native_encoding(p)) {
            output_set_encoding_error(&p->output, (enum encoding_id)id, sentence);
            p->encodes[id].must_clear_error = true;
        }
    }
}

static void transcode(struct pipeline *p, struct packet *packet)
{
    const enum encoding_id native = native_encoding(p);
    decode_keep(&p->decode, packet, p->track.codec);
    if ((p->wanted & ~(1U << native)) == 0) {
        p->decode.is_running = false;
        return;
    }
    struct picture *picture = NULL;
    struct option_error error = {""};
    const int result = decode_newest(&p->decode, packet, &p->track, &picture, &error);
    if (result < 0) {
        if (result != -EAGAIN) {
            fail_decoding(p, error.sentence);
        }
        return;
    }
    if (picture) {
        const int64_t begin_ns = time_monotonic_ns();
        encode_wanted(p, picture, rate_of(p, &p->track));
        decode_charge(&p->decode, time_monotonic_ns() - begin_ns);
        picture_unref(&picture);
    }
}

/* Takes over the reference. What others can watch as it is goes first. */
static void take_packet(struct pipeline *p, struct packet *packet, const struct track *track,
                        bool is_return)
{
    fill_times(&packet->arrival_ns, &packet->pts_ns);
    if (packet->encoded_ns == TIME_NONE) {
        packet->encoded_ns = packet->arrival_ns;
    }
    if (is_return) {
        packet->flags |= PACKET_DISCONTINUITY;
    }
    take_track(p, track);
    const enum encoding_id native = native_encoding(p);
    if (native == N_ENCODINGS) {
        packet_unref(&packet);
        return;
    }
    struct packet *mine = packet_ref(packet);
    output_publish(&p->output, native, packet);
    transcode(p, mine);
    packet_unref(&mine);
}

static void note_unit(struct pipeline *p)
{
    if (!p->has_unit) {
        log_description(p);
    }
    p->has_unit = true;
    p->is_silent = false;
    p->last_unit_ns = time_monotonic_ns();
    if (p->last_unit_ns - p->opened_ns > PIPELINE_BACKOFF_MAX_NS) {
        retry_note_success(&p->retry);
    }
    show_state(p);
}

static void take_unit(struct pipeline *p, const struct source_unit *unit)
{
    const bool is_return = p->was_live && !p->has_unit;
    note_unit(p);
    if (unit->picture) {
        take_picture(p, unit->picture, unit->track, is_return);
    } else {
        take_packet(p, unit->packet, unit->track, is_return);
    }
    show_can(p);
}

/* ---- the thread ---- */

/* A camera of one picture a minute is not silent in between. */
static int64_t silence_ns(const struct pipeline *p)
{
    const struct track nominal = {.rate = rate_of(p, &p->track)};
    const int64_t frames_ns = 3 * track_frame_duration_ns(&nominal);
    return frames_ns > PIPELINE_SILENCE_NS ? frames_ns : PIPELINE_SILENCE_NS;
}

/* False: the source is to be closed and opened again. */
static bool note_silence(struct pipeline *p)
{
    const int64_t silent_ns = time_monotonic_ns() - p->last_unit_ns;
    if (silent_ns < silence_ns(p)) {
        return true;
    }
    if (!p->is_silent && p->wanted != 0) {
        p->is_silent = true;
        p->is_shown = false;
        log_warn(&p->log, "%s:%s gives no pictures, waiting for it", p->config.source->scheme,
                 p->location);
        show_state(p);
    }
    return is_drained(p) || silent_ns < silence_ns(p) + REOPEN_NS;
}

static void read_until_something_is_wrong(struct pipeline *p)
{
    for (;;) {
        struct source_unit unit = {0};
        struct option_error error = {""};
        const int64_t deadline_ns = time_monotonic_ns() + PIPELINE_SILENCE_NS / 4;
        const int result = p->config.source->read(p->state, deadline_ns, &unit, &error);
        if (result == 0) {
            take_unit(p, &unit);
        } else if (result == -EINTR) {
            take_mail(p);
            if (!must_run(p)) {
                close_source(p);
                return;
            }
        } else if (result != -ETIMEDOUT) {
            fail_source(p, result, error.sentence);
            return;
        } else if (!note_silence(p)) {
            fail_source(p, -ETIMEDOUT, "the source gives no pictures");
            return;
        }
    }
}

/* Until it is time to open the source, or the mail says otherwise. */
static void wait_for_retry(struct pipeline *p)
{
    while (must_run(p) && !retry_is_due(&p->retry, time_monotonic_ns())) {
        const int64_t left_ns = p->retry.at_ns - time_monotonic_ns();
        struct pollfd fd = {.fd = p->mailbox.fd, .events = POLLIN};
        if (poll(&fd, 1, (int)(left_ns / NS_PER_MS) + 1) > 0) {
            take_mail(p);
        }
    }
}

/* Whether the thread may end: decided together with demand(), which starts it again. */
static bool has_ended(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    take_mail(p);
    const bool ends = !must_run(p);
    if (ends) {
        p->is_running = false;
        if (!p->must_quit) {
            output_set_state(&p->output, STREAM_IDLE, NULL);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return ends;
}

static void close_all(struct pipeline *p)
{
    close_source(p);
    for (int id = 0; id < N_ENCODINGS; id++) {
        encode_close(&p->encodes[id]);
    }
    retry_note_success(&p->retry);
    p->is_shown = false;
}

static void free_pipeline(struct pipeline *p);

static void *run(void *arg)
{
    struct pipeline *p = arg;
    do {
        take_mail(p);
        while (must_run(p)) {
            if (open_source(p)) {
                read_until_something_is_wrong(p);
            }
            wait_for_retry(p);
        }
        close_all(p);
    } while (!has_ended(p));
    pthread_mutex_lock(&p->lock);
    p->is_over = true;
    pthread_cond_signal(&p->over);
    const bool is_abandoned = p->is_abandoned;
    pthread_mutex_unlock(&p->lock);
    if (is_abandoned) {
        free_pipeline(p);
    }
    return NULL;
}

/* ---- producer, on the loop ---- */

/* Signals are the loop's. */
static int start_thread(struct pipeline *p)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const int result = pthread_create(&p->thread, NULL, run, p);
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
        output_set_state(&p->output, STREAM_STARTING, NULL);
    } else if (was_wanted && wanted == 0) {
        output_set_state(&p->output, STREAM_STOPPING, NULL);
    }
    mailbox_post_demand(&p->mailbox, wanted);
    if (wanted != 0 || is_drained(p)) {
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

static void free_pipeline(struct pipeline *p)
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
    free(p->preset);
    free(p->encoder_name);
    free(p);
}

/* False: it hangs, and from now on owns the pipeline. */
static bool wait_for_thread(struct pipeline *p)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += DESTROY_PATIENCE_NS / NS_PER_S;
    pthread_mutex_lock(&p->lock);
    for (int result = 0; !p->is_over && result == 0;) {
        result = pthread_cond_timedwait(&p->over, &p->lock, &until);
    }
    const bool is_over = p->is_over;
    if (!is_over) {
        log_warn(&p->log, "%s:%s does not answer, leaving its thread behind",
                 p->config.source->scheme, p->location);
        output_cut(&p->output);
        pthread_detach(p->thread);
        p->is_abandoned = true;
    }
    pthread_mutex_unlock(&p->lock);
    return is_over;
}

static void pipeline_destroy(struct producer *producer)
{
    struct pipeline *p = (struct pipeline *)producer;
    mailbox_post_quit(&p->mailbox);
    if (p->has_thread) {
        if (!wait_for_thread(p)) {
            return;
        }
        pthread_join(p->thread, NULL);
    }
    free_pipeline(p);
}

static const struct producer_type pipeline_type = {
    .name = "pipeline",
    .demand = pipeline_demand,
    .wish = pipeline_wish,
    .can = pipeline_can,
    .destroy = pipeline_destroy,
};

/* ---- making ---- */

static char *copy_text(const char *text, bool *has_failed)
{
    char *copy = text ? strdup(text) : NULL;
    *has_failed = *has_failed || (text && !copy);
    return copy;
}

/* As the caller filled them, with texts of our own. */
static void *copy_options(const struct source_type *type, const void *options, bool *has_failed)
{
    const size_t size = type->state_size > 0 ? type->state_size : 1;
    char *copy = calloc(1, size);
    if (!copy) {
        *has_failed = true;
        return NULL;
    }
    if (!options) {
        option_init(type->options, copy);
        return copy;
    }
    memcpy(copy, options, type->state_size);
    for (const struct option *o = type->options; o && o->name; o++) {
        if (o->type == OPTION_TEXT) {
            char **field = (char **)(void *)(copy + o->offset);
            *field = copy_text(*field, has_failed);
        }
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
    p->preset = copy_text(config->h264.preset, &has_failed);
    p->encoder_name = copy_text(config->encoder, &has_failed);
    p->options = copy_options(config->source, config->source_options, &has_failed);
    if (has_failed) {
        free_pipeline(p);
        return -ENOMEM;
    }
    init_encodes(p);
    show_can(p);
    *out = &p->producer;
    return 0;
}
