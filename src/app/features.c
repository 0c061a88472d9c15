#include <stdio.h>

#include "app/command.h"
#include "app/registry.h"
#include "app/version.h"
#include "base/text.h"

static void print_row(const char *name, const char *summary, const char *problem)
{
    printf("  %-14s %s%s%s\n", name, summary, problem ? "; not usable here: " : "",
           problem ? problem : "");
}

static int features_run(int argc, char **argv)
{
    if (argc > 1) {
        return command_fail(&command_features, EXIT_USAGE, "takes no arguments");
    }
    struct text libraries = {0};
    printf("avocet %s\n\nSources\n", AVOCET_VERSION);
    for (size_t i = 0; registry_sources[i]; i++) {
        const struct source_type *s = registry_sources[i];
        print_row(s->scheme, s->summary, s->problem ? s->problem() : NULL);
    }
    printf("\nEncoders\n");
    for (size_t i = 0; registry_encoders[i]; i++) {
        const struct encoder_type *e = registry_encoders[i];
        print_row(e->name, e->summary, e->problem ? e->problem() : NULL);
    }
    printf("\nDecoders\n");
    for (size_t i = 0; registry_decoders[i]; i++) {
        const struct decoder_type *d = registry_decoders[i];
        print_row(d->name, d->summary, d->problem ? d->problem() : NULL);
    }
    printf("\nOutputs\n");
    for (size_t i = 0; registry_sinks[i]; i++) {
        print_row(registry_sinks[i]->name, registry_sinks[i]->summary, NULL);
    }
    for (size_t i = 0; registry_outputs[i]; i++) {
        print_row(registry_outputs[i]->scheme, registry_outputs[i]->summary, NULL);
    }
    registry_describe_libraries(&libraries);
    printf("\nLibraries\n%s", libraries.data ? libraries.data : "");
    text_finish(&libraries);
    return EXIT_OK;
}

const struct command command_features = {
    .name = "features",
    .usage = "features",
    .summary = "what this build has: sources, encoders, outputs, libraries",
    .run = features_run,
};
