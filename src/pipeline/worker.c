#include "pipeline/worker.h"

#include <errno.h>
#include <poll.h>

/* A source that is silent for so long is closed and opened again, if it may be. */
#define REOPEN_NS (10 * NS_PER_S)

/* A camera of one picture a minute is not silent in between. */
static int64_t silence_ns(const struct pipeline *p)
{
    const struct track nominal = {.rate = units_rate(p, &p->track)};
    const int64_t frames_ns = 3 * track_frame_duration_ns(&nominal);
    return frames_ns > PIPELINE_SILENCE_NS ? frames_ns : PIPELINE_SILENCE_NS;
}

/* False: the source is to be closed and opened again. */
static bool note_silence(struct pipeline *p)
{
    const struct source_type *source = p->config.source;
    const int64_t silent_ns = time_monotonic_ns() - p->last_unit_ns;
    if (silent_ns < silence_ns(p)) {
        return true;
    }
    const char *instead = source->instead ? source->instead(p->state) : "";
    if (p->wanted != 0 && (!p->is_silent || instead != p->instead)) {
        char text[STREAM_ERROR_SIZE];
        p->is_silent = true;
        p->is_shown = false;
        p->instead = instead;
        shown_write_silence(p, text, sizeof(text));
        log_warn(&p->log, "%s", text);
        shown_update_state(p);
    }
    return worker_is_drained(p) || silent_ns < silence_ns(p) + REOPEN_NS;
}

/* False: the source is closed. */
static bool read_one(struct pipeline *p)
{
    struct source_unit unit = {0};
    struct option_error error = {""};
    worker_beat(p, true);
    const int64_t deadline_ns = time_monotonic_ns() + PIPELINE_SILENCE_NS / 4;
    const int result = p->config.source->read(p->state, deadline_ns, &unit, &error);
    if (result == 0) {
        units_take(p, &unit);
        return true;
    }
    if (result == -EINTR) {
        mail_take(p);
        return true;
    }
    if (result == -ETIMEDOUT && note_silence(p)) {
        return true;
    }
    origin_fail(p, result, result == -ETIMEDOUT ? "the source gives no pictures" : error.sentence);
    return false;
}

/* The mail is looked at also when the source always has something. */
static void read_while_wanted(struct pipeline *p)
{
    while (worker_must_run(p)) {
        if (!read_one(p)) {
            return;
        }
        if (mailbox_has_mail(&p->mailbox)) {
            mail_take(p);
        }
    }
    origin_close(p);
}

/* Until it is time to open the source, or the mail says otherwise. */
static void wait_for_retry(struct pipeline *p)
{
    worker_beat(p, false);
    while (worker_must_run(p) && !retry_is_due(&p->retry, time_monotonic_ns())) {
        const int64_t left_ns = p->retry.at_ns - time_monotonic_ns();
        struct pollfd fd = {.fd = p->mailbox.fd, .events = POLLIN};
        if (poll(&fd, 1, (int)(left_ns / NS_PER_MS) + 1) > 0) {
            mail_take(p);
        }
    }
}

/* Whether the thread may end: decided together with demand(), which starts it again. */
static bool has_ended(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    mail_take(p);
    const bool ends = !worker_must_run(p);
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
    origin_close(p);
    for (int id = 0; id < N_ENCODINGS; id++) {
        encode_close(&p->encodes[id]);
    }
    retry_note_success(&p->retry);
    p->is_shown = false;
}

void *worker_run(void *arg)
{
    struct pipeline *p = arg;
    do {
        mail_take(p);
        while (worker_must_run(p)) {
            worker_beat(p, true);
            if (origin_open(p)) {
                read_while_wanted(p);
            }
            wait_for_retry(p);
        }
        close_all(p);
    } while (!has_ended(p));
    worker_beat(p, false);
    pthread_mutex_lock(&p->lock);
    p->is_over = true;
    pthread_cond_signal(&p->over);
    const bool is_abandoned = p->is_abandoned;
    pthread_mutex_unlock(&p->lock);
    if (is_abandoned) {
        pipeline_free(p);
    }
    return NULL;
}
