#include "pipeline/worker.h"

#include <errno.h>
#include <stdlib.h>

void origin_close(struct pipeline *p)
{
    if (p->state) {
        p->config.source->close(p->state);
        free(p->state);
        p->state = NULL;
    }
    p->was_live = p->was_live || p->has_unit;
    p->has_unit = false;
    p->is_silent = false;
    decode_close(&p->decode);
    decode_forget(&p->decode);
    shown_update_can(p);
}

void origin_fail(struct pipeline *p, int result, const char *sentence)
{
    if (sentence[0] == '\0') {
        sentence = strerror(-result);
    }
    const int64_t now_ns = time_monotonic_ns();
    if (retry_note_failure(&p->retry, sentence, now_ns) || p->has_unit) {
        log_warn(&p->log, "%s, trying again", sentence);
        p->is_shown = false;
    }
    origin_close(p);
    shown_update_state(p);
}

void origin_describe(struct pipeline *p)
{
    char text[sizeof(p->description)] = "opened";
    if (p->config.source->describe) {
        p->config.source->describe(p->state, text, sizeof(text));
    }
    if (strcmp(text, p->description) != 0) {
        log_info(&p->log, "%s:%s, %s", p->config.source->scheme, p->shown_location, text);
        text_copy(p->description, sizeof(p->description), text);
    }
}

bool origin_open(struct pipeline *p)
{
    const struct source_type *type = p->config.source;
    struct option_error error = {""};
    const struct source_params params = {
        .scheme = type->scheme,
        .location = p->location,
        .shown_location = p->shown_location,
        .size = p->config.size,
        .rate = p->config.rate,
        .is_size_given = p->config.is_size_given,
        .is_rate_given = p->config.is_rate_given,
        .bitrate_bps = p->encodes[ENCODING_H264].params.bitrate_bps,
        .keyframe_ns = p->encodes[ENCODING_H264].params.keyframe_ns,
        .wake_fd = p->mailbox.fd,
        .log = &p->log,
    };
    p->state = malloc(type->state_size > 0 ? type->state_size : 1);
    if (!p->state) {
        origin_fail(p, -ENOMEM, "no memory for the source");
        return false;
    }
    memcpy(p->state, p->options, type->state_size);
    p->opened_ns = time_monotonic_ns();
    const int result = type->open(p->state, &params, &error);
    if (result == -EINTR) {
        origin_close(p);
        mail_take(p);
        return false;
    }
    if (result < 0) {
        origin_fail(p, result, error.sentence);
        return false;
    }
    p->last_unit_ns = p->opened_ns;
    return true;
}
