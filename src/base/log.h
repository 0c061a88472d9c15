/*
 * Lines for the operator, on stderr: "LEVEL topic: sentence".
 *
 * Each object has a topic made from its parents ("sink/whep#12"). Whoever owns a failure logs it
 * once, ending with what happens next. Nothing per frame above trace. Under systemd
 * (JOURNAL_STREAM set) lines carry the syslog priority prefix.
 *
 * Thread: any; one write() per line.
 */
#ifndef AVOCET_BASE_LOG_H
#define AVOCET_BASE_LOG_H

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_TRACE
};

enum { LOG_TOPIC_SIZE = 96 };

struct log {
    char topic[LOG_TOPIC_SIZE];
};

/* Topic = the parent's topic (parent may be NULL), '/' and the formatted name; cut when too long.
 */
void log_init(struct log *log, const struct log *parent, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Default LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
/* 0, or -EINVAL when the word is none of error warn info debug trace. */
int log_parse_level(const char *word, enum log_level *level);

void log_write(enum log_level level, const struct log *log, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(log, ...) log_write(LOG_LEVEL_ERROR, log, __VA_ARGS__)
#define log_warn(log, ...)  log_write(LOG_LEVEL_WARN, log, __VA_ARGS__)
#define log_info(log, ...)  log_write(LOG_LEVEL_INFO, log, __VA_ARGS__)
#define log_debug(log, ...) log_write(LOG_LEVEL_DEBUG, log, __VA_ARGS__)
#define log_trace(log, ...) log_write(LOG_LEVEL_TRACE, log, __VA_ARGS__)

#endif
