/*
 * A growing text, for answers, pages of metrics and messages. Always NUL-terminated.
 *
 * A failed allocation sets the sticky error flag and later appends do nothing; check it once.
 *
 * Ownership: text_finish() frees; text_take() hands the memory to the caller (free()).
 * Thread:    one owner.
 */
#ifndef AVOCET_BASE_TEXT_H
#define AVOCET_BASE_TEXT_H

#include <stdarg.h>

#include "base/bytes.h"

struct text {
    char *data; /* NULL until the first append */
    size_t size;
    size_t capacity;
    bool error; /* sticky: out of memory */
};

void text_append(struct text *t, const char *string);
void text_append_bytes(struct text *t, struct bytes in);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *text_take(struct text *t);
void text_finish(struct text *t);

static inline struct bytes text_bytes(const struct text *t)
{
    return bytes_of(t->data, t->size);
}

/* Copy at most size - 1 bytes and terminate; false when it was cut. */
bool text_copy(char *out, size_t size, const char *in);

/* Control characters (C0, DEL, C1 in UTF-8) become \xNN in place, so that what a sentence quotes can
 * neither begin a line of its own nor steer a terminal. What then exceeds size is cut. */
void text_escape_controls(char *text, size_t size);

#endif
