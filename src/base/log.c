#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum { LOG_LINE_SIZE = 1024 };

static const struct {
    const char *word;
    char priority; /* syslog's, for the journal */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", '3'}, [LOG_LEVEL_WARN] = {"warn", '4'},
    [LOG_LEVEL_INFO] = {"info", '6'},   [LOG_LEVEL_DEBUG] = {"debug", '7'},
    [LOG_LEVEL_TRACE] = {"trace", '7'},
};

static _Atomic enum log_level max_level = LOG_LEVEL_INFO;

void log_init(struct log *log, const struct log *parent, const char *format, ...)
{
    size_t size = 0;
    if (parent && parent->topic[0] != '\0') {
        size = (size_t)snprintf(log->topic, sizeof(log->topic), "%.80s/", parent->topic);
    }
    va_list args;
    va_start(args, format);
    vsnprintf(log->topic + size, sizeof(log->topic) - size, format, args);
    va_end(args);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&max_level, level, memory_order_relaxed);
}

int log_parse_level(const char *word, enum log_level *level)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(word, levels[i].word) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

void log_write(enum log_level level, const struct log *log, const char *format, ...)
{
    if (level > atomic_load_explicit(&max_level, memory_order_relaxed)) {
        return;
    }
    char line[LOG_LINE_SIZE];
    size_t size = 0;
    if (getenv("JOURNAL_STREAM")) {
        size = (size_t)snprintf(line, sizeof(line), "<%c>", levels[level].priority);
    }
    size += (size_t)snprintf(line + size, sizeof(line) - size, "%-5s %s: ", levels[level].word,
                             log ? log->topic : "avocet");
    va_list args;
    va_start(args, format);
    vsnprintf(line + size, sizeof(line) - size - 1, format, args);
    va_end(args);
    text_escape_controls(line, sizeof(line) - 1); /* what peers sent would forge other lines */
    size = strlen(line);
    line[size++] = '\n';
    (void)!write(STDERR_FILENO, line, size);
}
