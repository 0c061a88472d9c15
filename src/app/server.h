/*
 * The running program: loop, servers, sinks, streams with their pipelines, made from a config.
 *
 * Ownership: server_create() copies what it needs of the config, except that it takes the streams'
 *            parts as they are needed; the config may be finished after it.
 * Thread:    the loop's, which is the one that calls server_run().
 */
#ifndef AVOCET_APP_SERVER_H
#define AVOCET_APP_SERVER_H

#include "app/config.h"

struct server;

#define SERVER_TICK_NS (250 * NS_PER_MS)
/* A changed file is read when it was left alone for one interval. */
#define SERVER_FILE_CHECK_NS NS_PER_S

/* Everything is up when it returns 0. sentence: what is wrong, where, and what to do. */
int server_create(struct server **out, const struct config *config, char *sentence, size_t size);
/* "ready http=127.0.0.1:8080 webrtc=127.0.0.1:8189" */
void server_describe(const struct server *s, char *out, size_t size);
/* One line per stream and address, "open http://127.0.0.1:8080/cam/", on stderr. */
void server_print_urls(const struct server *s);
/* Until SIGTERM or SIGINT; SIGHUP and a changed file reload the configuration. */
int server_run(struct server *s);
void server_destroy(struct server *s);

#endif
