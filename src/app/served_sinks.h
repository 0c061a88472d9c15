/*
 * The sinks of the registry, running: their states, routes and servers.
 *
 * Thread: the loop's.
 */
#ifndef AVOCET_APP_SERVED_SINKS_H
#define AVOCET_APP_SERVED_SINKS_H

#include "app/config.h"
#include "base/text.h"
#include "sink/sink.h"

enum { SERVED_SINKS_MAX = 16 };

struct served_sinks {
    struct sink *items[SERVED_SINKS_MAX];
    unsigned n_items;
};

/* Opens all; env outlives them. -errno, with a sentence where one was to listen and could not;
 * close() what there is nevertheless. */
int served_sinks_open(struct served_sinks *s, const struct sink_env *env,
                      const struct config *config, char *sentence, size_t size);
void served_sinks_close(struct served_sinks *s);
/* NULL: this build has it not. */
struct sink *served_sinks_find(const struct served_sinks *s, const struct sink_type *type);
/* " rtsp=127.0.0.1:8554" for each that listens. */
void served_sinks_describe(const struct served_sinks *s, struct text *out);

#endif
