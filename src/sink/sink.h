/*
 * A sink speaks one protocol to viewers: glue of feed (stream), wire format (proto, mux) and net.
 *
 * One file + one row: a const struct sink_type at the bottom of its file, a row in
 * src/app/registry.c. Its routes are added to the HTTP server with the sink's state as argument.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_SINK_SINK_H
#define AVOCET_SINK_SINK_H

#include "net/http.h"
#include "stream/directory.h"
#include "stream/reader.h"

struct webrtc;

/* What every sink may use; outlives the sinks. */
struct sink_env {
    struct loop *loop;
    struct http_server *http;
    struct directory *streams;
    struct webrtc *webrtc; /* NULL when it is off */
    /* codec/jpeg_scale.h; NULL when this build has no JPEG library */
    int (*scale_jpeg)(struct bytes jpeg, int width, int quality, struct buf **out);
    struct list *announcements; /* of the outputs, announcement::link */
    const struct log *log;
};

struct sink_type {
    const char *name;                /* "whep", the protocol's label in metrics */
    const char *summary;             /* one line for `avocet features` */
    size_t state_size;               /* zeroed; begins with struct sink */
    const struct http_route *routes; /* pattern NULL ends it; NULL: none */
    int (*open)(void *state);        /* may be absent */
    /* A server of its own ("rtsp"): its name in the configuration, as an option and in the ready
     * line. NULL: it lives on the HTTP server's routes alone. */
    const char *server;
    /* Once, after open, unless the server is off. addresses: "127.0.0.1:8554", NULL-terminated.
     * -errno with a sentence: what, where, what to do. */
    int (*listen)(void *state, const char *const *addresses, char *sentence, size_t size);
    /* The first address that it listens on; NULL: none. */
    const char *(*address)(const void *state);
    void (*close)(void *state); /* ends all viewers */
};

/* First member of every sink's state. */
struct sink {
    const struct sink_type *type;
    const struct sink_env *env;
    struct log log;
};

/* The stream of that name, NULL for the first, or NULL after answering with a sentence: 404 where
 * there is none, 400 for a ?mode= that there is not. Every output begins with it. */
struct stream *sink_find_stream(struct sink *sink, struct http_exchange *x, const char *name);
/* Why patience with a stream of which nothing came ended: a sentence for a 503. */
void sink_explain_silence(const struct stream *s, enum encoding_id encoding, int64_t now_ns,
                          char *sentence, size_t size);
/* ?mode= of the request, else the stream's. */
enum stream_mode sink_mode(const struct stream *s, const struct http_exchange *x);

#endif
