/*
 * Option tables: one row says an option's name, type, default, limits and help; the table fills a
 * struct from texts. The same rows serve the command line, the query of a source URL, the YAML
 * configuration, --help and the documentation.
 *
 * Units:     bitrates in bit/s, durations in ns, byte counts in bytes; texts take k and M (powers
 *            of 1,000) and ns us ms s m h.
 * Ownership: OPTION_TEXT fields are owned by the target; option_finish() frees them.
 * Thread:    any; tables are const.
 * Errors:    -ENOENT unknown name, -EINVAL value not understood, -ERANGE outside the limits; the
 *            sentence for the operator is in *error (what is wrong, what is allowed).
 */
#ifndef AVOCET_BASE_OPTION_H
#define AVOCET_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_BOOL,     /* bool: on off yes no true false 1 0 */
    OPTION_INT,      /* int64_t */
    OPTION_BITRATE,  /* int64_t, bit/s */
    OPTION_BYTES,    /* int64_t */
    OPTION_DURATION, /* int64_t, ns */
    OPTION_RATE,     /* struct rational, frames per second: 30, 29.97, 30000/1001 */
    OPTION_SIZE,     /* struct picture_size: 1280x720 or a preset such as 720p */
    OPTION_CHOICE,   /* int, index into choices */
    OPTION_TEXT,     /* char *, malloc'ed; NULL when unset and without default */
};

struct rational {
    int32_t num;
    int32_t den; /* > 0 */
};

struct picture_size {
    int32_t width;
    int32_t height;
};

/* The named sizes with their default bitrates, smallest first. */
struct size_preset {
    const char *name;
    struct picture_size size;
    int64_t bitrate_bps;
};

struct option {
    const char *name; /* NULL ends the table */
    enum option_type type;
    size_t offset;   /* of the field in the target struct */
    const char *def; /* default as text; NULL: leave the field zero */
    int64_t min;     /* limits for numbers; both 0: none but >= 0 */
    int64_t max;
    const char *const *choices; /* OPTION_CHOICE, OPTION_TEXT with a few: NULL-terminated */
    const char *help;           /* one line, no full stop */
};

struct option_error {
    char sentence[240];
};

const struct option *option_find(const struct option *table, const char *name);
/* Zero target's fields that the table names, then set the defaults. Aborts on a bad table. */
void option_init(const struct option *table, void *target);
void option_finish(const struct option *table, void *target);
/* The fields that the table names, with texts of its own. -ENOMEM: target is as after
 * option_finish(). */
int option_copy(const struct option *table, void *target, const void *from);
int option_set(const struct option *table, void *target, const char *name, const char *value,
               struct option_error *error);
/* "a whole number from 1 to 60", "one of: drive watch smooth", for help and errors. */
void option_describe(const struct option *o, char *out, size_t size);

int option_parse_number(const char *text, int64_t *out);   /* 2500, 2M, 1.5k */
int option_parse_duration(const char *text, int64_t *out); /* 250ms, 10s, 5m; a bare number is s */
int option_parse_rate(const char *text, struct rational *out);
int option_parse_size(const char *text, struct picture_size *out);

/* The preset of this name, or NULL. */
const struct size_preset *option_size_preset(const char *name);
/* Default bitrate: the preset nearest in pixels. */
int64_t option_default_bitrate(struct picture_size size);

#endif
