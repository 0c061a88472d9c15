/*
 * A command's options and operands, by getopt_long: --name VALUE and --name=VALUE, abbreviations,
 * operands anywhere, "--" ends options.
 *
 * Errors: parse returns an exit status after its sentence on stderr (EXIT_USAGE for what getopt
 *         refuses, else what on_option returned).
 */
#ifndef AVOCET_APP_ARGUMENTS_H
#define AVOCET_APP_ARGUMENTS_H

enum { ARGUMENTS_MAX = 32 };

struct argument {
    const char *name;  /* NULL ends the table */
    const char *value; /* what it takes, for help; NULL: nothing */
    const char *help;
};

/* index is the row of table; value NULL when it takes none. Returns 0 or an exit status. */
typedef int argument_fn(int index, const char *value, void *arg);

/* *first_operand: operands are argv[*first_operand .. argc) afterwards. */
int arguments_parse(const char *command, const struct argument *table, int argc, char **argv,
                    argument_fn *on_option, void *arg, int *first_operand);
/* The table as --help shows it. */
void arguments_print(const struct argument *table);

#endif
