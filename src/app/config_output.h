/*
 * One entry of a stream's `outputs:`, such as "tcp-listen:5001" or "udp://239.0.0.1:5000?ttl=4".
 *
 * Ownership: owns its texts; config_output_finish() frees, also a half-filled one.
 * Thread:    any; a value.
 */
#ifndef AVOCET_APP_CONFIG_OUTPUT_H
#define AVOCET_APP_CONFIG_OUTPUT_H

#include "sink/output.h"

struct config_output {
    const struct output_type *type;
    char *location;
    void *options; /* of type->options, type->state_size bytes */
};

/* 0, or -EINVAL with a sentence. out is zeroed. */
int config_output_parse(struct config_output *out, const char *url, char *sentence, size_t size);
void config_output_finish(struct config_output *o);
/* A place to listen, [ADDRESS:]PORT, that reaches beyond this machine by its own address. */
bool config_is_beyond_loopback(const char *location);

#endif
