/*
 * Inside of a pipeline: what its files share. Others include pipeline/pipeline.h.
 *
 * pipeline.c  made, asked and destroyed, on the loop
 * worker.c    the thread: opens, reads, waits to try again, ends
 * origin.c    the source: opened, closed, failed
 * mail.c      what the loop told: demand, wishes
 * units.c     what the source gave, on its way to the encodings
 * shown.c     state and abilities, as the stream shows them
 */
#ifndef AVOCET_PIPELINE_WORKER_H
#define AVOCET_PIPELINE_WORKER_H

#include "pipeline/decode.h"
#include "pipeline/encode.h"
#include "pipeline/mailbox.h"
#include "pipeline/output.h"
#include "pipeline/retry.h"

struct pipeline {
    struct producer producer; /* first */
    struct pipeline_config config;
    struct pipeline_types types;
    char *location;
    char *shown_location; /* without its secrets */
    char *preset;
    char *encoder_name;
    void *options; /* of state_size; what open() begins with */
    struct log log;
    struct mailbox mailbox;
    struct output output;

    /* atomic: asked on the loop, known on the thread */
    atomic_uint can[N_ENCODINGS];
    /* atomic: written by the thread, which shows that it goes on; 0: it waits for us, not a driver
     */
    _Atomic int64_t beat_ns;
    atomic_bool is_hung; /* the loop said so; the thread takes it back */

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
    int64_t quit_ns; /* when it was told to end; 0: not yet */
    int64_t hung_ns; /* the beat after which it was said to hang */

    /* thread only */
    encoding_set wanted;
    bool must_quit;
    void *state; /* of the source; NULL: closed */
    struct encode encodes[N_ENCODINGS];
    struct decode decode;
    struct track track; /* of the source's packets; codec NONE: pictures, or nothing yet */
    bool has_unit;      /* since it was opened */
    bool is_silent;
    const char *instead; /* of pictures, while silent: what the source says comes; "" nothing */
    bool was_live; /* there was a unit before the present opening */
    int64_t opened_ns;
    int64_t last_unit_ns;
    struct retry retry;
    char description[160]; /* last logged */
    enum stream_state shown_state;
    bool is_shown;
};

/* Before each call of a source that may take its time; false: we wait ourselves. */
static inline void worker_beat(struct pipeline *p, bool is_calling)
{
    atomic_store_explicit(&p->beat_ns, is_calling ? time_monotonic_ns() : 0, memory_order_relaxed);
    if (atomic_exchange_explicit(&p->is_hung, false, memory_order_relaxed)) {
        p->is_shown = false;
    }
}

static inline bool worker_is_drained(const struct pipeline *p)
{
    return p->config.source->is_drained_while_asleep;
}

static inline bool worker_must_run(const struct pipeline *p)
{
    return !p->must_quit && (p->wanted != 0 || worker_is_drained(p));
}

/* The encoding that the source's own packets are; N_ENCODINGS: none. */
static inline enum encoding_id worker_native_encoding(const struct pipeline *p)
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

/* ---- loop ---- */

void pipeline_free(struct pipeline *p);

/* ---- thread ---- */

/* What pthread_create() starts; arg is the pipeline. */
void *worker_run(void *arg);

/* False: it failed and is closed, or is not to be opened any more. */
bool origin_open(struct pipeline *p);
void origin_close(struct pipeline *p);
/* Says it once, closes, and sets when to try again. sentence "": that of the errno. */
void origin_fail(struct pipeline *p, int result, const char *sentence);
/* Logs what was obtained, when it is another thing than last time. */
void origin_describe(struct pipeline *p);

void mail_take(struct pipeline *p);

/* Takes over what is in it. */
void units_take(struct pipeline *p, const struct source_unit *unit);
/* Nominal frames per second: of the track (may be NULL), else of the configuration. */
struct rational units_rate(const struct pipeline *p, const struct track *track);

void shown_update_state(struct pipeline *p);
/* "pipe:- gives no pictures: WHAT COMES INSTEAD, waiting for it" */
void shown_write_silence(const struct pipeline *p, char *out, size_t size);
void shown_update_can(struct pipeline *p);

#endif
