/*
 * Trying again, later each time: PIPELINE_BACKOFF_MIN_NS, doubled up to PIPELINE_BACKOFF_MAX_NS.
 *
 * The sentence of a failure is kept, so that it is said once and not at each attempt.
 *
 * Thread: one owner.
 */
#ifndef AVOCET_PIPELINE_RETRY_H
#define AVOCET_PIPELINE_RETRY_H

#include <stdio.h>

#include "base/option.h"
#include "base/text.h"
#include "pipeline/pipeline.h"

struct retry {
    int64_t backoff_ns; /* 0: nothing failed */
    int64_t at_ns;      /* not before */
    char sentence[sizeof(((struct option_error *)0)->sentence)];
};

static inline bool retry_is_due(const struct retry *r, int64_t now_ns)
{
    return r->backoff_ns == 0 || now_ns >= r->at_ns;
}

/* Whether the sentence is another one than last time. */
static inline bool retry_note_failure(struct retry *r, const char *sentence, int64_t now_ns)
{
    const int64_t doubled_ns = r->backoff_ns * 2;
    r->backoff_ns = r->backoff_ns == 0                     ? PIPELINE_BACKOFF_MIN_NS
                    : doubled_ns < PIPELINE_BACKOFF_MAX_NS ? doubled_ns
                                                           : PIPELINE_BACKOFF_MAX_NS;
    r->at_ns = now_ns + r->backoff_ns;
    const bool is_new = strcmp(r->sentence, sentence) != 0;
    text_copy(r->sentence, sizeof(r->sentence), sentence);
    return is_new;
}

static inline void retry_note_success(struct retry *r)
{
    *r = (struct retry){0};
}

#endif
