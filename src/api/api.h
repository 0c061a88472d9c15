/*
 * Control and insight over HTTP: one table of routes.
 *
 *   GET   /NAME/info, /api/v1/streams/NAME          one stream
 *   GET   /api/v1/streams                           {"streams":[…]}
 *   POST  /api/v1/streams/NAME/keyframe             202
 *   PATCH /api/v1/streams/NAME {"bitrate_bps":N}    200 and the stream
 *   GET   /metrics                                  Prometheus text format 0.0.4
 *   GET   /healthz                                  200
 *
 * Reading wakes nothing. Errors are {"error":"sentence"}.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_API_API_H
#define AVOCET_API_API_H

#include "net/http.h"
#include "stream/directory.h"

struct text;
struct webrtc;

struct api {
    struct directory *streams;
    struct http_server *http;
    const struct webrtc *webrtc; /* NULL when it is off */
    struct loop *loop;
    const char *version;
};

/* For http_server_add_routes(…, struct api *). */
extern const struct http_route api_routes[];

/* The whole page of /metrics. */
void api_write_metrics(const struct api *api, struct text *out);

#endif
