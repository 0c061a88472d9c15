#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/config.h"
#include "base/text.h"

static const struct argument arguments[] = {
    {"config", "FILE", "the configuration to check"},
    {0},
};

static int on_option(int index, const char *value, void *arg)
{
    *(const char **)arg = value;
    return EXIT_OK;
}

static void print_error(const char *file, const struct config_error *error)
{
    char line[PATH_MAX + sizeof(error->sentence)];
    if (error->line == 0) {
        snprintf(line, sizeof(line), "%s: %s", file, error->sentence);
    } else {
        snprintf(line, sizeof(line), "%s:%u:%u: %s", file, error->line, error->column,
                 error->sentence);
    }
    text_escape_controls(line, sizeof(line));
    fprintf(stderr, "%s\n", line);
}

static int check_file(const char *file)
{
    struct config *c = malloc(sizeof(*c));
    struct config_error error;
    if (!c) {
        return command_fail(&command_check, EXIT_FAILED, "out of memory");
    }
    config_init(c);
    const int result = config_read_file(c, file, &error);
    if (result == 0) {
        printf("%s: valid, %u stream%s\n", file, c->n_streams, c->n_streams == 1 ? "" : "s");
    } else {
        print_error(file, &error);
    }
    config_finish(c);
    free(c);
    return result == 0 ? EXIT_OK : EXIT_FAILED;
}

static int check_run(int argc, char **argv)
{
    const char *file = NULL;
    int first = 0;
    const int status = arguments_parse("check", arguments, argc, argv, on_option, &file, &first);
    if (status != EXIT_OK) {
        return status;
    }
    if (!file && argc - first == 1) {
        file = argv[first++];
    }
    if (!file || first != argc) {
        return command_fail(&command_check, EXIT_USAGE,
                            "say which file: avocet check --config FILE");
    }
    return check_file(file);
}

static void check_help(void)
{
    arguments_print(arguments);
    printf("\nPrints FILE:LINE:COLUMN, what is wrong and what is allowed; status 1 when it is "
           "invalid.\n");
}

const struct command command_check = {
    .name = "check",
    .usage = "check --config FILE",
    .summary = "validate a configuration",
    .run = check_run,
    .help = check_help,
};
