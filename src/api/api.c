#include "api/api.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/text.h"

enum { BITRATE_MIN_BPS = 10000, BITRATE_MAX_BPS = 100000000, JSON_BODY_MAX = 4096 };

/* ---- a stream as JSON ---- */

static json_t *number_or_null(int64_t value, bool is_known)
{
    return is_known ? json_integer(value) : json_null();
}

/* What viewers mostly see: the H.264 encoding where it is known, else JPEG. */
static enum encoding_id main_encoding(const struct stream *s)
{
    const bool has_h264 = stream_track(s, ENCODING_H264)->codec != CODEC_NONE;
    const bool has_jpeg = stream_track(s, ENCODING_JPEG)->codec != CODEC_NONE;
    return has_jpeg && !has_h264 ? ENCODING_JPEG : ENCODING_H264;
}

static json_t *latency_json(const struct stream *s)
{
    json_t *object = json_object();
    for (int i = 0; i < N_STAGES; i++) {
        const int64_t recent_ns = stream_stage(s, (enum stream_stage)i)->recent_ns;
        json_object_set_new(object, stage_name((enum stream_stage)i),
                            recent_ns == TIME_NONE ? json_null()
                                                   : json_real((double)recent_ns / NS_PER_MS));
    }
    return object;
}

static json_t *stream_json(const struct stream *s)
{
    const struct track *track = stream_track(s, main_encoding(s));
    const enum codec codec = stream_codec(s, main_encoding(s));
    const bool has_rate = track->rate.num > 0 && track->rate.den > 0;
    const char *error = stream_error(s);
    error = error ? error : stream_join_error(s, main_encoding(s));
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(stream_name(s)));
    json_object_set_new(object, "state", json_string(stream_state_name(stream_get_state(s))));
    json_object_set_new(object, "width", number_or_null(track->size.width, track->size.width > 0));
    json_object_set_new(object, "height",
                        number_or_null(track->size.height, track->size.height > 0));
    json_object_set_new(object, "fps",
                        has_rate ? json_real((double)track->rate.num / track->rate.den)
                                 : json_null());
    json_object_set_new(object, "codec",
                        codec == CODEC_NONE ? json_null() : json_string(codec_name(codec)));
    const int64_t bitrate_bps = stream_track(s, ENCODING_H264)->bitrate_bps; /* JPEG has none */
    json_object_set_new(object, "bitrate_bps", number_or_null(bitrate_bps, bitrate_bps > 0));
    json_object_set_new(object, "viewers", json_integer(stream_n_viewers(s)));
    json_object_set_new(object, "mode", json_string(stream_mode_name(stream_default_mode(s))));
    json_object_set_new(object, "latency_ms", latency_json(s));
    json_object_set_new(object, "error", error ? json_string(error) : json_null());
    return object;
}

static void respond_json(struct http_exchange *x, int status, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(json);
    if (!text) {
        http_respond_error(x, 500, "out of memory");
        return;
    }
    http_add_header(x, "Cache-Control", "no-store");
    http_respond(x, status, "application/json", bytes_of_text(text));
    free(text);
}

/* ---- routes ---- */

static struct stream *find_stream(const struct api *api, struct http_exchange *x)
{
    struct stream *s = directory_find(api->streams, http_name(x));
    if (!s) {
        http_respond_error(x, 404, "no stream '%s' here: /api/v1/streams lists those there are",
                           http_name(x));
    }
    return s;
}

static void get_stream(struct http_exchange *x, void *arg)
{
    const struct stream *s = find_stream(arg, x);
    if (s) {
        respond_json(x, 200, stream_json(s));
    }
}

static void get_streams(struct http_exchange *x, void *arg)
{
    const struct api *api = arg;
    json_t *list = json_array();
    for (unsigned i = 0; i < api->streams->n_streams; i++) {
        json_array_append_new(list, stream_json(api->streams->streams[i]));
    }
    json_t *object = json_object();
    json_object_set_new(object, "streams", list);
    respond_json(x, 200, object);
}

static void post_keyframe(struct http_exchange *x, void *arg)
{
    const struct api *api = arg;
    struct stream *s = find_stream(api, x);
    if (s) {
        const struct wish wish = {.type = WISH_KEYFRAME, .encoding = ENCODING_H264};
        stream_wish(s, &wish, loop_now_ns(api->loop));
        http_respond(x, 202, "application/json", bytes_of_text("{}"));
    }
}

/* The wanted bitrate; 0 after answering what is wrong. */
static int64_t parse_bitrate(struct http_exchange *x)
{
    const struct bytes body = http_body(x);
    json_error_t error;
    json_t *json = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &error);
    const json_t *value = json_object_get(json, "bitrate_bps");
    int64_t bitrate_bps = 0;
    if (!json_is_object(json)) {
        http_respond_error(x, 400, "the body is no JSON object: write {\"bitrate_bps\":N}");
    } else if (json_object_size(json) != 1 || !json_is_integer(value)) {
        http_respond_error(x, 400, "only {\"bitrate_bps\":N} can be set here, N a whole number");
    } else if (json_integer_value(value) < BITRATE_MIN_BPS ||
               json_integer_value(value) > BITRATE_MAX_BPS) {
        http_respond_error(x, 400, "bitrate_bps must be from %d to %d", BITRATE_MIN_BPS,
                           BITRATE_MAX_BPS);
    } else {
        bitrate_bps = json_integer_value(value);
    }
    json_decref(json);
    return bitrate_bps;
}

static void patch_stream(struct http_exchange *x, void *arg)
{
    const struct api *api = arg;
    struct stream *s = find_stream(api, x);
    const int64_t bitrate_bps = s ? parse_bitrate(x) : 0;
    if (bitrate_bps == 0) {
        return;
    }
    const struct wish wish = {
        .type = WISH_BITRATE, .encoding = ENCODING_H264, .bitrate_bps = bitrate_bps};
    if (!stream_wish(s, &wish, loop_now_ns(api->loop))) {
        http_respond_error(x, 409,
                           "the source of '%s' makes its own H.264: its bitrate is set there",
                           stream_name(s));
        return;
    }
    respond_json(x, 200, stream_json(s));
}

static void get_metrics(struct http_exchange *x, void *arg)
{
    struct text page = {0};
    api_write_metrics(arg, &page);
    http_add_header(x, "Cache-Control", "no-store");
    http_respond(x, 200, "text/plain; version=0.0.4; charset=utf-8", text_bytes(&page));
    text_finish(&page);
}

static void get_health(struct http_exchange *x, void *arg)
{
    http_respond(x, 200, "text/plain; charset=utf-8", bytes_of_text("ok\n"));
}

const struct http_route api_routes[] = {
    {HTTP_METHOD_GET, "/NAME/info", get_stream, 0},
    {HTTP_METHOD_GET, "/api/v1/streams", get_streams, 0},
    {HTTP_METHOD_GET, "/api/v1/streams/NAME", get_stream, 0},
    {HTTP_METHOD_PATCH, "/api/v1/streams/NAME", patch_stream, JSON_BODY_MAX},
    {HTTP_METHOD_POST, "/api/v1/streams/NAME/keyframe", post_keyframe, JSON_BODY_MAX},
    {HTTP_METHOD_GET, "/metrics", get_metrics, 0},
    {HTTP_METHOD_GET, "/healthz", get_health, 0},
    {0},
};
