/*
 * Where `avocet latency` gets access units or JPEGs from: one row per way of playing.
 *
 * Thread: one; read() blocks until a packet, or the deadline (-ETIMEDOUT).
 * Errors: -errno with error->sentence; -EPIPE: the server ended the stream.
 */
#ifndef AVOCET_APP_LATENCY_READER_H
#define AVOCET_APP_LATENCY_READER_H

#include <jansson.h>

#include "base/option.h"
#include "media/packet.h"
#include "media/track.h"

enum { LATENCY_HOST_SIZE = 256, LATENCY_PATH_SIZE = 1024 };

struct latency_url {
    char host[LATENCY_HOST_SIZE]; /* without brackets */
    char port[8];
    char path[LATENCY_PATH_SIZE]; /* with query, begins with '/' */
    bool is_rtsp;
};

struct latency_reader_type {
    size_t state_size;
    int (*open)(void *state, const struct latency_url *url, int64_t deadline_ns,
                struct option_error *error);
    int (*read)(void *state, int64_t deadline_ns, struct packet **out, enum codec *codec,
                struct option_error *error);
    void (*close)(void *state);
    /* Adds what the link did to --json's object; may be NULL. */
    void (*describe)(const void *state, json_t *out);
};

extern const struct latency_reader_type latency_http;
extern const struct latency_reader_type latency_rtsp;
extern const struct latency_reader_type latency_whep;

/* "http://HOST[:PORT]/PATH" or "rtsp://…"; -EINVAL with a sentence. */
int latency_url_parse(const char *text, struct latency_url *out, struct option_error *error);
/* A connected TCP socket, or -errno with a sentence. */
int latency_connect(const struct latency_url *url, int64_t deadline_ns, struct option_error *error);
/* 0 when fd is readable (events POLLIN) or writable (POLLOUT); -ETIMEDOUT. */
int latency_wait(int fd, short events, int64_t deadline_ns);
/* -ENOENT, with the sentence of the server's refusal: {"error":"…"}. */
int latency_refused(int status, struct bytes body, struct option_error *error);
/* All of it, or -errno. */
int latency_send(int fd, struct bytes data, int64_t deadline_ns);

#endif
