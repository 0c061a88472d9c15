/*
 * The running outputs of one stream.
 *
 * Thread: the loop's.
 */
#ifndef AVOCET_APP_SERVED_OUTPUTS_H
#define AVOCET_APP_SERVED_OUTPUTS_H

#include "app/config.h"

struct served_output {
    const struct output_type *type; /* NULL: none */
    void *state;
};

struct served_outputs {
    struct served_output items[CONFIG_OUTPUTS_MAX];
};

/*
 * Opens all that the configuration names for the stream; o is zeroed. -errno with a sentence when
 * one cannot be opened: the others are then open nevertheless.
 */
int served_outputs_open(struct served_outputs *o, const struct config_stream *config,
                        const struct sink_env *env, const char *const *listen,
                        struct stream *stream, char *sentence, size_t size);
void served_outputs_close(struct served_outputs *o);

#endif
