#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/version.h"
#include "base/log.h"
#include "base/text.h"

/* glibc gives each thread an arena of its own, megabytes that stay: two are enough here. */
enum { MALLOC_ARENAS = 2 };

static const struct command *const commands[] = {
    &command_serve, &command_devices, &command_latency, &command_check, &command_features,
};
enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

int command_fail(const struct command *c, int status, const char *format, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    text_escape_controls(sentence, sizeof(sentence));
    fprintf(stderr, "avocet %s: %s\n", c->name, sentence);
    return status;
}

void command_print_help(const struct command *c)
{
    printf("usage: avocet %s\n\n%s\n", c->usage, c->summary);
    if (c->help) {
        printf("\n");
        c->help();
    }
}

static void print_help(void)
{
    printf(
        "avocet: live video from small cameras, to every browser, within a fraction of a second\n"
        "\n"
        "usage: avocet [COMMAND] [ARGUMENTS...]\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    printf("\n"
           "Without a command the arguments are those of serve.\n"
           "'avocet COMMAND --help' says more; --version prints the version.\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static bool has_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            return true;
        }
    }
    return false;
}

/* Closed, a standard descriptor would become that of a socket, and messages go to viewers. */
static void hold_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    hold_standard_descriptors();
    mallopt(M_ARENA_MAX, MALLOC_ARENAS);
    signal(SIGPIPE, SIG_IGN);
    const char *level = getenv("AVOCET_LOG");
    enum log_level parsed;
    if (level && log_parse_level(level, &parsed) == 0) {
        log_set_level(parsed);
    }
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        print_help();
        return EXIT_OK;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("avocet %s\n", AVOCET_VERSION);
        return EXIT_OK;
    }
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
    if (!command) {
        command = &command_serve; /* its arguments follow at once */
    } else {
        argc--;
        argv++;
    }
    if (has_help(argc, argv)) {
        command_print_help(command);
        return EXIT_OK;
    }
    return command->run(argc, argv);
}
