#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_FIRST_CAPACITY = 128 };

static bool reserve(struct text *t, size_t more)
{
    if (t->error) {
        return false;
    }
    const size_t needed = t->size + more + 1;
    if (needed <= t->capacity) {
        return true;
    }
    size_t capacity = t->capacity ? t->capacity : TEXT_FIRST_CAPACITY;
    while (capacity < needed) {
        capacity *= 2;
    }
    char *grown = realloc(t->data, capacity);
    if (!grown) {
        t->error = true;
        return false;
    }
    t->data = grown;
    t->capacity = capacity;
    return true;
}

void text_append_bytes(struct text *t, struct bytes in)
{
    if (reserve(t, in.size)) {
        if (in.size > 0) {
            memcpy(t->data + t->size, in.data, in.size);
        }
        t->size += in.size;
        t->data[t->size] = '\0';
    }
}

void text_append(struct text *t, const char *string)
{
    text_append_bytes(t, bytes_of_text(string));
}

void text_printf(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0 || !reserve(t, (size_t)size)) {
        t->error = true;
        return;
    }
    va_start(args, format);
    vsnprintf(t->data + t->size, (size_t)size + 1, format, args);
    va_end(args);
    t->size += (size_t)size;
}

char *text_take(struct text *t)
{
    char *out = t->error ? NULL : t->data;
    if (t->error) {
        free(t->data);
    }
    *t = (struct text){0};
    return out;
}

void text_finish(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}

bool text_copy(char *out, size_t size, const char *in)
{
    const size_t length = strlen(in);
    const size_t n = length < size ? length : size - 1;
    memcpy(out, in, n);
    out[n] = '\0';
    return n == length;
}

/* Bytes of the control character that text begins with; 0: it is none. */
static size_t control_size(const char *text)
{
    const unsigned char first = (unsigned char)text[0], second = (unsigned char)text[first != 0];
    if (first < 0x20 || first == 0x7f) {
        return first != 0;
    }
    return first == 0xc2 && second >= 0x80 && second < 0xa0 ? 2 : 0;
}

void text_escape_controls(char *text, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    enum { ESCAPE_SIZE = 4 }; /* \xNN */
    size_t length = strlen(text);
    for (size_t i = 0, n; i < length; i += n ? ESCAPE_SIZE : 1) {
        n = control_size(text + i);
        if (n == 0) {
            continue;
        }
        if (i + ESCAPE_SIZE >= size) {
            text[i] = '\0';
            return;
        }
        const unsigned char c = (unsigned char)text[i + n - 1];
        const size_t room = size - 1 - i - ESCAPE_SIZE, rest = length - i - n;
        const size_t kept = rest < room ? rest : room;
        memmove(text + i + ESCAPE_SIZE, text + i + n, kept);
        memcpy(text + i, (char[]){'\\', 'x', digits[c >> 4], digits[c & 15]}, ESCAPE_SIZE);
        length = i + ESCAPE_SIZE + kept;
        text[length] = '\0';
    }
}
