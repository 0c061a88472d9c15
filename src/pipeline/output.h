/*
 * A pipeline's way into its stream. After output_cut() nothing reaches it any more: a thread that
 * hangs in a driver may outlive the stream.
 *
 * Thread: any.
 */
#ifndef AVOCET_PIPELINE_OUTPUT_H
#define AVOCET_PIPELINE_OUTPUT_H

#include <pthread.h>

#include "stream/stream.h"

struct output {
    pthread_mutex_t lock;
    struct stream *stream; /* NULL: cut */
};

void output_init(struct output *o, struct stream *stream);
void output_finish(struct output *o);
void output_cut(struct output *o);
/* As their namesakes in stream.h; publish takes the reference in any case. */
void output_set_track(struct output *o, enum encoding_id id, const struct track *track);
void output_publish(struct output *o, enum encoding_id id, struct packet *packet);
void output_set_state(struct output *o, enum stream_state state, const char *error);
void output_set_encoding_error(struct output *o, enum encoding_id id, const char *sentence);

#endif
