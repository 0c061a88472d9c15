/*
 * Which packet indices of which SSRC were already received.
 *
 * Thread: one owner.
 * Errors: -EALREADY seen before or older than the window, -ENOBUFS another SSRC than the
 *         REPLAY_N_SSRC_MAX there are.
 * Spec:   RFC 3711 §3.3.2 (a window of at least 64 packets).
 */
#ifndef AVOCET_PROTO_REPLAY_H
#define AVOCET_PROTO_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    REPLAY_N_SSRC_MAX = 8,
    REPLAY_WINDOW = 256, /* packets */
    REPLAY_WORD_BITS = 64,
};

struct replay_window {
    uint64_t highest;
    uint64_t seen[REPLAY_WINDOW / REPLAY_WORD_BITS]; /* bit index % REPLAY_WINDOW */
    uint32_t ssrc;
};

/* Zeroed: nothing seen. */
struct replay {
    struct replay_window windows[REPLAY_N_SSRC_MAX];
    unsigned n_windows;
};

/* false when nothing of that SSRC was seen. */
bool replay_highest(const struct replay *r, uint32_t ssrc, uint64_t *highest);
int replay_check(const struct replay *r, uint32_t ssrc, uint64_t index);
/* After replay_check(), once the packet is known to be authentic. */
void replay_add(struct replay *r, uint32_t ssrc, uint64_t index);

#endif
