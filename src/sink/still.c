#include "sink/still.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_AGE_DEFAULT_NS NS_PER_S
#define MAX_AGE_LIMIT_NS   (3600 * NS_PER_S)

struct still {
    struct list link; /* the sink's list */
    struct loop *loop;
    int (*scale)(struct bytes jpeg, int width, int quality, struct buf **out);
    struct http_exchange *exchange; /* NULL: the client is gone, only the worker is awaited */
    struct reader reader;
    struct loop_timer patience;
    int width; /* 0: as it is */
    int64_t max_age_ns;
    int64_t asked_ns;
    int64_t capture_ns;
    /* while a worker scales */
    struct loop_job job;
    bool is_working;
    struct buf *jpeg;
    struct buf *scaled;
    int result;
};

static void destroy(struct still *s)
{
    loop_timer_finish(&s->patience);
    reader_close(&s->reader, loop_now_ns(s->loop));
    list_remove(&s->link);
    buf_unref(&s->jpeg);
    buf_unref(&s->scaled);
    free(s);
}

static void refuse(struct still *s, const char *why)
{
    http_set_close(s->exchange, NULL, NULL);
    http_add_header(s->exchange, "Retry-After", "2");
    http_respond_error(s->exchange, 503, "%s", why);
    s->exchange = NULL;
}

static void respond(struct still *s, struct buf *jpeg)
{
    struct http_exchange *x = s->exchange;
    s->exchange = NULL;
    http_set_close(x, NULL, NULL);
    http_add_header(x, "Cache-Control", "no-store");
    if (s->capture_ns != TIME_NONE) {
        char text[48];
        snprintf(text, sizeof(text), "%lld.%06lld", (long long)(s->capture_ns / NS_PER_S),
                 (long long)(s->capture_ns % NS_PER_S / NS_PER_US));
        http_add_header(x, "X-Timestamp", text);
    }
    http_respond_buf(x, 200, "image/jpeg", jpeg);
}

/* ---- scaling ---- */

static void work(struct loop_job *j)
{
    struct still *s = list_entry(j, struct still, job);
    s->result = s->scale(buf_bytes(s->jpeg), s->width, STILL_QUALITY, &s->scaled);
}

static void on_done(struct loop_job *j)
{
    struct still *s = list_entry(j, struct still, job);
    s->is_working = false;
    if (s->exchange && s->result == 0) {
        respond(s, s->scaled);
    } else if (s->exchange && s->result == -ERANGE) {
        respond(s, s->jpeg); /* never enlarged */
    } else if (s->exchange) {
        refuse(s, "the camera's picture is damaged and could not be scaled: try again");
    }
    destroy(s);
}

static void start_scaling(struct still *s)
{
    s->job = (struct loop_job){.work = work, .on_done = on_done};
    list_init(&s->job.link);
    s->is_working = true;
    if (loop_work(s->loop, &s->job) < 0) {
        s->is_working = false;
        refuse(s, "too many snapshots are being scaled: try again");
        destroy(s);
    }
}

static void on_picture(struct still *s, const struct packet *packet)
{
    loop_timer_stop(&s->patience);
    s->capture_ns = packet->capture_ns;
    s->jpeg = buf_copy(packet_bytes(packet));
    reader_close(&s->reader, loop_now_ns(s->loop));
    if (!s->jpeg) {
        refuse(s, "out of memory");
        destroy(s);
    } else if (s->width > 0) {
        start_scaling(s);
    } else {
        respond(s, s->jpeg);
        destroy(s);
    }
}

/* ---- waiting ---- */

static bool is_fresh(const struct still *s, const struct packet *packet)
{
    return packet->arrival_ns >= s->asked_ns ||
           loop_now_ns(s->loop) - packet->arrival_ns <= s->max_age_ns;
}

static void on_ready(struct reader *r)
{
    struct still *s = list_entry(r, struct still, reader);
    struct chunk chunk;
    while (reader_next(r, loop_now_ns(s->loop), &chunk)) {
        if (is_fresh(s, chunk.packet)) { /* a joiner begins at the cached picture */
            reader_note_sent(r, chunk.packet, chunk.packet->size, loop_now_ns(s->loop));
            on_picture(s, chunk.packet);
            return;
        }
    }
}

static void on_end(struct reader *r, const char *why)
{
    struct still *s = list_entry(r, struct still, reader);
    refuse(s, why);
    destroy(s);
}

static const struct reader_ops reader_ops = {.on_ready = on_ready, .on_end = on_end};

static void on_patience(struct loop_timer *t)
{
    struct still *s = list_entry(t, struct still, patience);
    char sentence[STREAM_ERROR_SIZE];
    sink_explain_silence(s->reader.stream, ENCODING_JPEG, loop_now_ns(s->loop), sentence,
                         sizeof(sentence));
    refuse(s, sentence);
    destroy(s);
}

static void on_exchange_close(struct http_exchange *x, void *arg)
{
    struct still *s = arg;
    s->exchange = NULL;
    if (!s->is_working) {
        destroy(s);
    }
}

static void wait_for_picture(struct still *s, struct stream *stream, const char *protocol)
{
    const int result =
        reader_open(&s->reader, stream, ENCODING_JPEG, NULL, stream_default_mode(stream), protocol,
                    &reader_ops, loop_now_ns(s->loop));
    if (result < 0) {
        const char *error = stream_encoding_error(stream, ENCODING_JPEG);
        refuse(s, error ? error : "out of memory");
        destroy(s);
        return;
    }
    loop_timer_start(&s->patience, STILL_PATIENCE_NS);
}

/* ---- request ---- */

/* false after answering 400. */
static bool parse(const struct sink *sink, struct http_exchange *x, int *width, int64_t *max_age_ns)
{
    const char *width_text = http_query(x, "width");
    const char *age_text = http_query(x, "max_age");
    int64_t value = 0;
    *width = 0;
    *max_age_ns = MAX_AGE_DEFAULT_NS;
    if (width_text) {
        if (option_parse_number(width_text, &value) < 0 || value < STILL_WIDTH_MIN ||
            value > STILL_WIDTH_MAX) {
            http_respond_error(x, 400, "width takes a number of pixels from %d to %d",
                               STILL_WIDTH_MIN, STILL_WIDTH_MAX);
            return false;
        }
        if (!sink->env->scale_jpeg) {
            http_respond_error(x, 501,
                               "this build has no JPEG library to scale with: leave width out");
            return false;
        }
        *width = (int)value;
    }
    if (age_text &&
        (option_parse_duration(age_text, max_age_ns) < 0 || *max_age_ns > MAX_AGE_LIMIT_NS)) {
        http_respond_error(x, 400, "max_age takes a duration such as 250ms or 1s, at most 1h");
        return false;
    }
    return true;
}

void still_start(struct sink *sink, struct list *stills, struct http_exchange *x, struct stream *s)
{
    int width = 0;
    int64_t max_age_ns = 0;
    if (!parse(sink, x, &width, &max_age_ns) || http_answer_head(x, "image/jpeg")) {
        return;
    }
    struct still *still = calloc(1, sizeof(*still));
    if (!still) {
        http_respond_error(x, 503, "out of memory");
        return;
    }
    still->loop = sink->env->loop;
    still->scale = sink->env->scale_jpeg;
    still->exchange = x;
    still->width = width;
    loop_timer_init(&still->patience, sink->env->loop, on_patience);
    list_append(stills, &still->link);
    http_set_close(x, on_exchange_close, still);
    still->max_age_ns = max_age_ns;
    still->asked_ns = loop_now_ns(sink->env->loop);
    const struct packet *newest = stream_newest_key(s, ENCODING_JPEG);
    if (newest && is_fresh(still, newest)) {
        on_picture(still, newest);
    } else {
        wait_for_picture(still, s, sink->type->name);
    }
}

void stills_close(struct list *stills)
{
    struct still *s;
    struct still *next;
    list_for_each_safe(s, next, stills, link)
    {
        if (s->exchange) {
            refuse(s, "the server is ending");
        }
        if (s->is_working) {
            list_remove(&s->link); /* its worker's end destroys it */
        } else {
            destroy(s);
        }
    }
}
