#include "app/arguments.h"

#include <getopt.h>
#include <stdio.h>

#include "app/command.h"
#include "base/text.h"

enum { FIRST_VALUE = 256 };

int arguments_parse(const char *command, const struct argument *table, int argc, char **argv,
                    argument_fn *on_option, void *arg, int *first_operand)
{
    struct option longs[ARGUMENTS_MAX + 1] = {0};
    for (int i = 0; i < ARGUMENTS_MAX && table[i].name; i++) {
        longs[i] = (struct option){
            .name = table[i].name,
            .has_arg = table[i].value ? required_argument : no_argument,
            .val = FIRST_VALUE + i,
        };
    }
    optind = 0; /* glibc: begin afresh */
    opterr = 0;
    int value;
    while ((value = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
        if (value == '?' || value == ':') {
            char given[200];
            text_copy(given, sizeof(given), argv[optind - 1]);
            text_escape_controls(given, sizeof(given));
            fprintf(stderr, "avocet %s: %s '%s': see 'avocet %s --help'\n", command,
                    value == ':' ? "a value is missing behind" : "unknown option", given, command);
            return EXIT_USAGE;
        }
        const int status = on_option(value - FIRST_VALUE, optarg, arg);
        if (status != EXIT_OK) {
            return status;
        }
    }
    *first_operand = optind;
    return EXIT_OK;
}

void arguments_print(const struct argument *table)
{
    for (const struct argument *a = table; a->name; a++) {
        char left[48];
        snprintf(left, sizeof(left), "--%s%s%s", a->name, a->value ? " " : "",
                 a->value ? a->value : "");
        printf("  %-28s %s\n", left, a->help);
    }
}
