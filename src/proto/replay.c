#include "proto/replay.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

static const struct replay_window *find(const struct replay *r, uint32_t ssrc)
{
    for (unsigned i = 0; i < r->n_windows; i++) {
        if (r->windows[i].ssrc == ssrc) {
            return &r->windows[i];
        }
    }
    return NULL;
}

static unsigned word_of(uint64_t index)
{
    return (unsigned)(index % REPLAY_WINDOW / REPLAY_WORD_BITS);
}

static uint64_t bit_of(uint64_t index)
{
    return UINT64_C(1) << (index % REPLAY_WORD_BITS);
}

bool replay_highest(const struct replay *r, uint32_t ssrc, uint64_t *highest)
{
    const struct replay_window *w = find(r, ssrc);
    if (w) {
        *highest = w->highest;
    }
    return w;
}

int replay_check(const struct replay *r, uint32_t ssrc, uint64_t index)
{
    const struct replay_window *w = find(r, ssrc);
    if (!w) {
        return r->n_windows < REPLAY_N_SSRC_MAX ? 0 : -ENOBUFS;
    }
    if (index > w->highest) {
        return 0;
    }
    const bool is_old = w->highest - index >= REPLAY_WINDOW;
    return is_old || w->seen[word_of(index)] & bit_of(index) ? -EALREADY : 0;
}

/* Make index the highest; what lies between was not seen. */
static void advance(struct replay_window *w, uint64_t index)
{
    const uint64_t first =
        index - w->highest < REPLAY_WINDOW ? w->highest + 1 : index - REPLAY_WINDOW + 1;
    for (uint64_t i = first; i <= index; i++) {
        w->seen[word_of(i)] &= ~bit_of(i);
    }
    w->highest = index;
}

void replay_add(struct replay *r, uint32_t ssrc, uint64_t index)
{
    struct replay_window *w = (struct replay_window *)find(r, ssrc);
    if (!w) {
        assert(r->n_windows < REPLAY_N_SSRC_MAX);
        w = &r->windows[r->n_windows++];
        *w = (struct replay_window){.ssrc = ssrc, .highest = index};
    }
    if (index > w->highest) {
        advance(w, index);
    }
    w->seen[word_of(index)] |= bit_of(index);
}
