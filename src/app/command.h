/*
 * The program's commands: one row each; main() finds the row and runs it.
 *
 * Errors: run() returns the exit status: 0, 1 (failed) or 2 (wrong usage), after one sentence on
 *         stderr that says what, where and what to do.
 */
#ifndef AVOCET_APP_COMMAND_H
#define AVOCET_APP_COMMAND_H

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
    const char *name;
    const char *usage;   /* behind "avocet " */
    const char *summary; /* one line for --help */
    /* argv[0] is the command's name. */
    int (*run)(int argc, char **argv);
    void (*help)(void); /* prints to stdout what --help shows below usage and summary */
};

extern const struct command command_serve;
extern const struct command command_devices;
extern const struct command command_latency;
extern const struct command command_check;
extern const struct command command_features;

/* Prints usage, summary and help. */
void command_print_help(const struct command *c);
/* "avocet serve: SENTENCE" on stderr; returns status. */
int command_fail(const struct command *c, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
