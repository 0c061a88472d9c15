/*
 * The streams of the configuration, running: each with its pipeline and its outputs.
 *
 * Ownership: directory, loop, types, env and log are the server's and outlive it.
 * Thread:    the loop's.
 */
#ifndef AVOCET_APP_SERVED_STREAMS_H
#define AVOCET_APP_SERVED_STREAMS_H

#include "app/config.h"
#include "pipeline/pipeline.h"
#include "stream/directory.h"

struct served_streams {
    struct list items; /* served_stream::link */
    struct directory *directory;
    struct loop *loop;
    const struct pipeline_types *types;
    const struct sink_env *env;
    const struct log *log;
    struct config_texts listen; /* addresses of every server, for outputs that come later */
};

/* The pointers are set; config says where to listen. */
int served_streams_init(struct served_streams *s, const struct config *config);
/* All of the configuration. A sentence that is left empty means that memory is out. */
int served_streams_add_all(struct served_streams *s, const struct config *config, char *sentence,
                           size_t size);
/* After a reload of the file: streams that stayed as they are keep running, with their viewers. */
void served_streams_apply(struct served_streams *s, const struct config *config);
/* Due timers of the streams. */
void served_streams_tick(struct served_streams *s);
void served_streams_finish(struct served_streams *s);

#endif
