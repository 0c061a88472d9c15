#include <stdio.h>
#include <stdlib.h>

#include "app/command.h"
#include "app/registry.h"

static void print_indented(const char *text)
{
    for (const char *line = text; line && *line != '\0';) {
        const char *end = strchr(line, '\n');
        const int length = end ? (int)(end - line) : (int)strlen(line);
        printf("    %.*s\n", length, line);
        line += length + (end != NULL);
    }
}

static void print_device(const struct source_device *device, void *arg)
{
    unsigned *n_devices = arg;
    ++*n_devices;
    printf("%s\n    %s, %s\n", device->url, device->name, device->node);
    if (device->problem[0] != '\0') {
        printf("    cannot be used: %s\n", device->problem);
    }
    print_indented(device->details);
}

static int devices_run(int argc, char **argv)
{
    if (argc > 1) {
        return command_fail(&command_devices, EXIT_USAGE, "takes no arguments");
    }
    unsigned n_devices = 0;
    for (size_t i = 0; registry_sources[i]; i++) {
        if (registry_sources[i]->list) {
            registry_sources[i]->list(print_device, &n_devices);
        }
    }
    if (n_devices == 0) {
        printf("no camera found: is it plugged in, and is there a /dev/video0?\n");
    }
    printf("\nencoders\n");
    for (size_t i = 0; registry_encoders[i]; i++) {
        const char *problem =
            registry_encoders[i]->problem ? registry_encoders[i]->problem() : NULL;
        printf("    %-10s %s%s%s\n", registry_encoders[i]->name, registry_encoders[i]->summary,
               problem ? "; not usable here: " : "", problem ? problem : "");
    }
    return EXIT_OK;
}

const struct command command_devices = {
    .name = "devices",
    .usage = "devices",
    .summary = "cameras by stable name, their formats, sizes, rates and controls; encoders",
    .run = devices_run,
};
