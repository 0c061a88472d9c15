#include "pipeline/worker.h"

#include <stdio.h>

static enum stream_state find_state(const struct pipeline *p)
{
    if (p->retry.backoff_ns > 0 && !p->has_unit) {
        return STREAM_STALLED;
    }
    if (p->is_silent && p->wanted != 0) {
        return STREAM_STALLED;
    }
    if (p->wanted == 0) {
        return STREAM_IDLE;
    }
    return p->has_unit ? STREAM_LIVE : STREAM_STARTING;
}

void shown_write_silence(const struct pipeline *p, char *out, size_t size)
{
    snprintf(out, size, "%s:%.80s gives no pictures%s%s, waiting for it", p->config.source->scheme,
             p->shown_location, p->instead[0] ? ": " : "", p->instead);
}

void shown_update_state(struct pipeline *p)
{
    const enum stream_state state = find_state(p);
    if (p->is_shown && p->shown_state == state) {
        return;
    }
    char text[STREAM_ERROR_SIZE] = "";
    if (state == STREAM_STALLED && p->is_silent) {
        shown_write_silence(p, text, sizeof(text));
    } else if (state == STREAM_STALLED) {
        snprintf(text, sizeof(text), "%.200s, trying again", p->retry.sentence);
    }
    p->shown_state = state;
    p->is_shown = true;
    output_set_state(&p->output, state, text[0] != '\0' ? text : NULL);
}

static unsigned source_can(const struct pipeline *p)
{
    const struct source_type *type = p->config.source;
    return p->state && type->can ? type->can(p->state) : 0;
}

/* Which encoding a drained source gives is not known before its first packet: it may be any. */
static unsigned never_sleeps(const struct pipeline *p, enum encoding_id id)
{
    const enum encoding_id native = worker_native_encoding(p);
    return worker_is_drained(p) && (native == id || native == N_ENCODINGS) ? PRODUCER_NEVER_SLEEPS
                                                                           : 0;
}

/* A keyframe can be made only while pictures come. */
void shown_update_can(struct pipeline *p)
{
    const enum encoding_id native = worker_native_encoding(p);
    for (int id = 0; id < N_ENCODINGS; id++) {
        unsigned can = id == (int)native ? source_can(p) : encode_can(&p->encodes[id]);
        if (!p->has_unit) {
            can &= ~(unsigned)PRODUCER_CAN_KEYFRAME;
        }
        can |= never_sleeps(p, (enum encoding_id)id);
        atomic_store_explicit(&p->can[id], can, memory_order_relaxed);
    }
}
