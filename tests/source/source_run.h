/* A source opened as the pipeline does it: options from texts, parameters, a wake-up. */
#ifndef AVOCET_TESTS_SOURCE_RUN_H
#define AVOCET_TESTS_SOURCE_RUN_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "source/source.h"

struct source_run {
    const struct source_type *type;
    void *state;
    int wake_fd;
    struct option_error error;
    struct source_params params;
};

/* options: "name=value name=value", without spaces in values. */
static inline void source_run_init(struct source_run *r, const struct source_type *type,
                                   const char *location, const char *options)
{
    *r = (struct source_run){
        .type = type,
        .state = calloc(1, type->state_size),
        .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
    };
    r->params = (struct source_params){
        .location = location, .size = {640, 360}, .rate = {30, 1}, .wake_fd = r->wake_fd};
    option_init(type->options, r->state);
    char copy[200];
    snprintf(copy, sizeof(copy), "%s", options);
    char *rest = NULL;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        if (option_set(type->options, r->state, word, equals + 1, &r->error) < 0) {
            fail_msg("%s", r->error.sentence);
        }
    }
}

static inline int source_run_open(struct source_run *r)
{
    return r->type->open(r->state, &r->params, &r->error);
}

static inline int source_run_read(struct source_run *r, int64_t within_ns, struct source_unit *out)
{
    return r->type->read(r->state, time_monotonic_ns() + within_ns, out, &r->error);
}

static inline void source_run_finish(struct source_run *r)
{
    r->type->close(r->state);
    r->type->close(r->state); /* twice is harmless */
    option_finish(r->type->options, r->state);
    free(r->state);
    close(r->wake_fd);
}

static inline void source_run_wake(struct source_run *r)
{
    const uint64_t one = 1;
    assert_int_equal(write(r->wake_fd, &one, sizeof(one)), (int)sizeof(one));
}

#endif
