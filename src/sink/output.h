/*
 * An output: a viewer that the configuration names. It sends one stream to an address, or offers it
 * at one, for as long as the stream exists:
 *
 *     streams: {cam: {source: "v4l2:/dev/video0", outputs: ["tcp-listen:5001"]}}
 *
 * Order of calls: open; close. An output reads its stream as every viewer does (reader.h), so what
 * only waits for viewers of its own leaves the camera asleep.
 *
 * One file + one row: a const struct output_type at the bottom of its file, a row in
 * src/app/registry.c. Options are the query of the output's URL; the state begins with the struct
 * that the option table fills.
 *
 * Ownership: the state is the caller's; the stream, and what params point to, outlive it.
 * Thread:    loop only.
 * Errors:    -errno with a sentence that says what, where and what to do; close() is called after
 *            it, too.
 */
#ifndef AVOCET_SINK_OUTPUT_H
#define AVOCET_SINK_OUTPUT_H

#include "base/option.h"
#include "sink/sink.h"

struct output_params {
    const struct sink_env *env;
    struct stream *stream;
    const char *location; /* the URL behind "scheme:" without query and "//" */
    /* Addresses of every server, without port, for those that listen; NULL-terminated */
    const char *const *listen;
};

struct output_type {
    const char *scheme;           /* "tcp-listen", also the protocol's label in metrics */
    const char *summary;          /* one line for --help */
    size_t state_size;            /* zeroed, then its options are filled in */
    const struct option *options; /* its own; NULL: none */
    /* Its location is [ADDRESS:]PORT and it listens there: beyond loopback that has to be allowed,
     * as for a server. */
    bool listens;
    bool sends; /* its location is HOST:PORT and it sends there */
    int (*open)(void *state, const struct output_params *params, char *sentence, size_t size);
    void (*close)(void *state);
};

/* The words of an option `mode` (OPTION_TEXT); NULL means the stream's. */
extern const char *const output_mode_words[];
enum stream_mode output_mode(const struct stream *s, const char *word);

#endif
