#include "app/served_outputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void close_one(struct served_output *o)
{
    if (o->type) {
        o->type->close(o->state);
        option_finish(o->type->options, o->state);
        free(o->state);
    }
    *o = (struct served_output){0};
}

static int open_one(struct served_output *o, const struct config_output *config,
                    const struct output_params *params, char *sentence, size_t size)
{
    void *state = calloc(1, config->type->state_size);
    if (!state || option_copy(config->type->options, state, config->options) < 0) {
        free(state);
        snprintf(sentence, size, "out of memory");
        return -ENOMEM;
    }
    *o = (struct served_output){.type = config->type, .state = state};
    const int result = config->type->open(state, params, sentence, size);
    if (result < 0) {
        close_one(o);
    }
    return result;
}

int served_outputs_open(struct served_outputs *o, const struct config_stream *config,
                        const struct sink_env *env, const char *const *listen,
                        struct stream *stream, char *sentence, size_t size)
{
    int failed = 0;
    for (unsigned i = 0; i < config->n_outputs; i++) {
        const struct output_params params = {
            .env = env,
            .stream = stream,
            .location = config->outputs[i].location,
            .listen = listen,
        };
        const int result = open_one(&o->items[i], &config->outputs[i], &params, sentence, size);
        failed = result < 0 ? result : failed;
    }
    return failed;
}

void served_outputs_close(struct served_outputs *o)
{
    for (unsigned i = 0; i < CONFIG_OUTPUTS_MAX; i++) {
        close_one(&o->items[i]);
    }
}
