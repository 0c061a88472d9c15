/*
 * A viewer gets, in this order:
 *
 *   text    {"type":"hello", …}              when the track is known, again when it changes
 *   binary  init segment, then a fragment per frame (mp4); header + access unit per frame (h264)
 *   text    {"type":"frame", …} per frame (meta)
 *   text    {"type":"state","state":"stalled","error":…} when the state changes; before the hello
 *           only what keeps it from coming
 *   text    {"type":"pong", …} for each {"type":"ping","t":X}
 */
#include "sink/ws.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "mux/rtp_h264.h"
#include "proto/websocket.h"
#include "sink/pump.h"

enum {
    WS_CLOSE_TRY_LATER = 1013, /* RFC 6455 §7.4.1, IANA registry */
    WS_CLOSE_GOING_AWAY = 1001,
    WS_PONGS_MAX = 8, /* answers waiting behind media that does not flow */
    WS_TIME_SIZE = 32,
    WS_TIMES_SIZE = 192,
};

/* Within this time "sent_ms" of one viewer is good enough for another. */
#define WS_TIMES_FRESH_NS (2 * NS_PER_MS)

enum ws_format { WS_MP4, WS_H264, WS_META, N_WS_FORMATS };

static const struct {
    const char *name;
    const struct mux_type *mux;
} formats[N_WS_FORMATS] = {
    [WS_MP4] = {"mp4", &mux_ws_mp4},
    [WS_H264] = {"h264", &mux_ws_h264},
    [WS_META] = {"meta", NULL},
};

/* The times of one frame as a whole WebSocket message: made once for all who see it now. */
struct ws_times {
    const struct stream *stream;
    uint32_t sequence;
    int64_t made_ns; /* monotonic */
    struct buf *message;
};

struct ws_sink {
    struct sink sink;
    struct list viewers; /* ws_viewer::link */
    struct ws_times times;
};

struct ws_viewer {
    struct list link; /* ws_sink::viewers */
    struct ws_sink *ws;
    enum ws_format format;
    struct outlet *outlet;
    struct pump pump;
    unsigned n_pongs; /* sent since the outlet was idle */
    bool has_hello;
};

static void destroy(struct ws_viewer *v)
{
    pump_close(&v->pump);
    list_remove(&v->link);
    free(v);
}

static void send_json(struct ws_viewer *v, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    if (text) {
        outlet_send_text(v->outlet, bytes_of_text(text));
    }
    free(text);
}

static json_t *milliseconds(int64_t time_ns)
{
    return time_ns == TIME_NONE ? json_null() : json_real((double)time_ns / NS_PER_MS);
}

/* ---- to the viewer ---- */

static void send_hello(struct ws_viewer *v)
{
    const struct stream *s = v->pump.reader.stream;
    const struct track *t = stream_track(s, ENCODING_H264);
    const double fps = t->rate.den > 0 ? (double)t->rate.num / t->rate.den : 0;
    v->has_hello = true;
    send_json(v, json_pack("{s:s, s:i, s:s, s:s, s:s, s:i, s:i, s:o}", "type", "hello", "version",
                           1, "stream", stream_name(s), "format", formats[v->format].name, "codec",
                           t->codec_string, "width", t->size.width, "height", t->size.height, "fps",
                           fps > 0 ? json_real(fps) : json_null()));
}

static void print_milliseconds(char *out, size_t size, int64_t time_ns)
{
    if (time_ns == TIME_NONE) {
        text_copy(out, size, "null");
    } else {
        snprintf(out, size, "%.3f", (double)time_ns / NS_PER_MS);
    }
}

static struct buf *make_times(const struct packet *p)
{
    char payload[WS_TIMES_SIZE];
    char pts[WS_TIME_SIZE];
    char capture[WS_TIME_SIZE];
    char sent[WS_TIME_SIZE];
    print_milliseconds(pts, sizeof(pts), p->pts_ns);
    print_milliseconds(capture, sizeof(capture), p->capture_ns);
    print_milliseconds(sent, sizeof(sent), time_real_ns());
    const int size = snprintf(payload, sizeof(payload),
                              "{\"type\":\"frame\",\"rtp\":%" PRIu32 ",\"pts_ms\":%s,"
                              "\"capture_ms\":%s,\"sent_ms\":%s}",
                              rtp_h264_timestamp(p->pts_ns), pts, capture, sent);
    uint8_t header[WEBSOCKET_HEADER_SIZE_MAX];
    const size_t header_size = websocket_write_header(WEBSOCKET_TEXT, (size_t)size, header);
    struct buf *b = buf_create(header_size + (size_t)size);
    if (b) {
        memcpy(b->data, header, header_size);
        memcpy(b->data + header_size, payload, (size_t)size);
        b->size = b->capacity;
    }
    return b;
}

static void send_frame_times(struct ws_viewer *v, const struct chunk *c)
{
    struct ws_times *t = &v->ws->times;
    const struct stream *s = v->pump.reader.stream;
    const int64_t now_ns = loop_now_ns(v->pump.loop);
    const bool is_same = t->message && t->stream == s && t->sequence == c->sequence &&
                         now_ns - t->made_ns < WS_TIMES_FRESH_NS;
    if (!is_same) {
        buf_unref(&t->message);
        *t = (struct ws_times){s, c->sequence, now_ns, make_times(c->packet)};
    }
    outlet_send(v->outlet, t->message);
}

static void send_state(struct ws_viewer *v, enum stream_state state)
{
    if (!v->has_hello && state != STREAM_STALLED) {
        return; /* the hello is the first that is heard, unless it does not come */
    }
    const struct stream *s = v->pump.reader.stream;
    const char *error = stream_error(s);
    error = error ? error : stream_encoding_error(s, ENCODING_H264);
    send_json(v, json_pack("{s:s, s:s, s:o}", "type", "state", "state", stream_state_name(state),
                           "error", error ? json_string(error) : json_null()));
}

static struct ws_viewer *viewer_of(struct pump *p)
{
    return list_entry(p, struct ws_viewer, pump);
}

static void on_chunk(struct pump *p, const struct chunk *chunk)
{
    struct ws_viewer *v = viewer_of(p);
    if (chunk->is_new_track) {
        send_hello(v);
    }
    if (v->format == WS_META) {
        send_frame_times(v, chunk);
    }
}

static void on_end(struct pump *p, const char *why)
{
    struct ws_viewer *v = viewer_of(p);
    outlet_close(v->outlet, WS_CLOSE_TRY_LATER, why);
    destroy(v);
}

static void on_state(struct pump *p, enum stream_state state)
{
    send_state(viewer_of(p), state);
}

static const struct pump_ops pump_ops = {
    .on_chunk = on_chunk,
    .on_end = on_end,
    .on_state = on_state,
};

/* ---- from the viewer ---- */

static void on_idle(struct outlet *o, void *arg)
{
    struct ws_viewer *v = arg;
    v->n_pongs = 0;
    pump_run(&v->pump);
}

static void on_close(struct outlet *o, void *arg)
{
    destroy(arg);
}

static void on_text(struct outlet *o, struct bytes text, void *arg)
{
    struct ws_viewer *v = arg;
    json_error_t error;
    json_t *message = json_loadb((const char *)text.data, text.size, 0, &error);
    const char *type = json_string_value(json_object_get(message, "type"));
    const json_t *t = json_object_get(message, "t");
    if (outlet_is_idle(o)) {
        v->n_pongs = 0;
    }
    if (type && strcmp(type, "ping") == 0 && json_is_number(t) && v->n_pongs++ < WS_PONGS_MAX) {
        send_json(v, json_pack("{s:s, s:O, s:o}", "type", "pong", "t", t, "server_ms",
                               milliseconds(time_real_ns())));
    }
    json_decref(message);
}

static const struct outlet_ops outlet_ops = {
    .on_idle = on_idle,
    .on_close = on_close,
    .on_text = on_text,
};

/* ---- joining ---- */

static int parse_format(const char *word)
{
    for (int i = 0; word && i < N_WS_FORMATS; i++) {
        if (strcmp(word, formats[i].name) == 0) {
            return i;
        }
    }
    return -EINVAL;
}

static void start_viewer(struct ws_viewer *v, struct http_exchange *x, struct stream *s)
{
    const struct sink *sink = &v->ws->sink;
    const enum stream_mode mode = sink_mode(s, x);
    v->outlet = http_accept_websocket(x, &outlet_ops, v);
    if (!v->outlet) {
        free(v); /* no handshake: answered */
        return;
    }
    list_append(&v->ws->viewers, &v->link);
    pump_attach(&v->pump, v->outlet);
    const int result =
        pump_open(&v->pump, sink->env->loop, s, ENCODING_H264, formats[v->format].mux, mode,
                  v->format == WS_META ? "meta" : sink->type->name, &pump_ops);
    if (result < 0) {
        const char *error = stream_encoding_error(s, ENCODING_H264);
        outlet_close(v->outlet, WS_CLOSE_TRY_LATER, error ? error : "out of memory");
        destroy(v);
        return;
    }
    if (stream_get_state(s) != STREAM_LIVE) {
        send_state(v, stream_get_state(s));
    }
}

static void get_ws(struct http_exchange *x, void *arg)
{
    struct ws_sink *ws = arg;
    struct stream *s = sink_find_stream(&ws->sink, x, http_name(x));
    const int format = parse_format(http_query(x, "format"));
    if (!s) {
        return;
    }
    if (format < 0) {
        http_respond_error(x, 400, "format takes mp4, h264 or meta: /%s/ws?format=mp4",
                           stream_name(s));
        return;
    }
    struct ws_viewer *v = calloc(1, sizeof(*v));
    if (!v) {
        http_respond_error(x, 503, "out of memory");
        return;
    }
    v->ws = ws;
    v->format = (enum ws_format)format;
    list_init(&v->link);
    start_viewer(v, x, s);
}

static int open_sink(void *state)
{
    struct ws_sink *ws = state;
    list_init(&ws->viewers);
    return 0;
}

static void close_sink(void *state)
{
    struct ws_sink *ws = state;
    struct ws_viewer *v;
    struct ws_viewer *next;
    list_for_each_safe(v, next, &ws->viewers, link)
    {
        outlet_close(v->outlet, WS_CLOSE_GOING_AWAY, "the server is ending");
        destroy(v);
    }
    buf_unref(&ws->times.message);
}

static const struct http_route routes[] = {
    {HTTP_METHOD_GET, "/NAME/ws", get_ws, 0},
    {0},
};

const struct sink_type sink_ws = {
    .name = "ws",
    .summary = "H.264 over WebSocket for WebCodecs and MSE: /NAME/ws",
    .state_size = sizeof(struct ws_sink),
    .routes = routes,
    .open = open_sink,
    .close = close_sink,
};
