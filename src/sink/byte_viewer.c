#include "sink/byte_viewer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sink/pump.h"

enum { RETRY_AFTER_S = 2 };

struct byte_viewer {
    struct list link; /* the sink's list of viewers */
    struct sink *sink;
    struct pump pump;
    struct http_exchange *exchange; /* until the answer begins */
    struct outlet *outlet;          /* from then on */
    const char *mime;
    struct loop_timer patience;
};

static void destroy(struct byte_viewer *v)
{
    loop_timer_finish(&v->patience);
    pump_close(&v->pump);
    list_remove(&v->link);
    free(v);
}

static void refuse(struct byte_viewer *v, const char *why)
{
    struct http_exchange *x = v->exchange;
    char seconds[8];
    snprintf(seconds, sizeof(seconds), "%d", RETRY_AFTER_S);
    http_set_close(x, NULL, NULL);
    http_add_header(x, "Retry-After", seconds);
    http_respond_error(x, 503, "%s", why);
}

/* ---- outlet ---- */

static void on_idle(struct outlet *o, void *arg)
{
    struct byte_viewer *v = arg;
    pump_run(&v->pump);
}

static void on_outlet_close(struct outlet *o, void *arg)
{
    destroy(arg);
}

static const struct outlet_ops outlet_ops = {.on_idle = on_idle, .on_close = on_outlet_close};

/* ---- pump ---- */

static struct byte_viewer *viewer_of(struct pump *p)
{
    return list_entry(p, struct byte_viewer, pump);
}

/* NULL from http_start_stream: for lack of memory, which is answered. */
static bool on_first(struct pump *p)
{
    struct byte_viewer *v = viewer_of(p);
    struct http_exchange *x = v->exchange;
    v->exchange = NULL;
    loop_timer_stop(&v->patience);
    http_set_close(x, NULL, NULL);
    v->outlet = http_start_stream(x, v->mime, &outlet_ops, v);
    if (!v->outlet) {
        destroy(v);
        return false;
    }
    pump_attach(p, v->outlet);
    return true;
}

static void on_end(struct pump *p, const char *why)
{
    struct byte_viewer *v = viewer_of(p);
    if (v->exchange) {
        refuse(v, why);
    } else {
        log_debug(&v->sink->log, "%s, closing viewer", why);
        outlet_close(v->outlet, 0, why);
    }
    destroy(v);
}

static const struct pump_ops pump_ops = {.on_first = on_first, .on_end = on_end};

/* ---- before the answer ---- */

static void on_exchange_close(struct http_exchange *x, void *arg)
{
    destroy(arg);
}

static void on_patience(struct loop_timer *t)
{
    struct byte_viewer *v = list_entry(t, struct byte_viewer, patience);
    const struct reader *r = &v->pump.reader;
    char sentence[STREAM_ERROR_SIZE];
    sink_explain_silence(r->stream, r->encoding, loop_now_ns(v->sink->env->loop), sentence,
                         sizeof(sentence));
    refuse(v, sentence);
    destroy(v);
}

static const char *why_not(const struct stream *s, enum encoding_id encoding, int result)
{
    const char *error = stream_encoding_error(s, encoding);
    if (error) {
        return error;
    }
    return result == -ENOTSUP ? "the stream cannot be sent in this format" : "out of memory";
}

void byte_viewer_start(struct sink *sink, struct list *viewers, struct http_exchange *x,
                       struct stream *s, const struct byte_format *format)
{
    if (http_answer_head(x, format->mux->mime)) { /* wakes nothing */
        return;
    }
    struct byte_viewer *v = calloc(1, sizeof(*v));
    if (!v) {
        http_respond_error(x, 503, "out of memory");
        return;
    }
    v->sink = sink;
    v->exchange = x;
    v->mime = format->mux->mime;
    v->pump.stands_alone = format->encoding == ENCODING_JPEG;
    list_init(&v->link);
    loop_timer_init(&v->patience, sink->env->loop, on_patience);
    http_set_close(x, on_exchange_close, v);
    const int result = pump_open(&v->pump, sink->env->loop, s, format->encoding, format->mux,
                                 sink_mode(s, x), sink->type->name, &pump_ops);
    if (result < 0) {
        refuse(v, why_not(s, format->encoding, result));
        destroy(v);
        return;
    }
    list_append(viewers, &v->link);
    loop_timer_start(&v->patience, BYTE_VIEWER_PATIENCE_NS);
}

void byte_viewers_close(struct list *viewers)
{
    struct byte_viewer *v;
    struct byte_viewer *next;
    list_for_each_safe(v, next, viewers, link)
    {
        if (v->exchange) {
            refuse(v, "the server is ending");
        } else {
            outlet_close(v->outlet, 0, "the server is ending");
        }
        destroy(v);
    }
}
