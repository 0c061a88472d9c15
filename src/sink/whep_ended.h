/*
 * Sessions that ended by themselves a moment ago: a viewer closes its connection, whose DTLS says
 * so at once, and then asks to DELETE what is gone already, which is no error. The newest
 * WHEP_ENDED_MAX are known for WHEP_ENDED_NS, until they are asked for.
 *
 * Thread: one owner; zeroed is empty.
 */
#ifndef AVOCET_SINK_WHEP_ENDED_H
#define AVOCET_SINK_WHEP_ENDED_H

#include <stdbool.h>

#include "base/time.h"

enum { WHEP_ID_BYTES = 16, WHEP_ID_SIZE = 2 * WHEP_ID_BYTES + 1, WHEP_ENDED_MAX = 128 };
#define WHEP_ENDED_NS (10 * NS_PER_S)

struct whep_ended {
    struct {
        char id[WHEP_ID_SIZE]; /* "": none */
        int64_t ended_ns;
    } rows[WHEP_ENDED_MAX];
    unsigned next;
};

void whep_ended_note(struct whep_ended *e, const char *id, int64_t now_ns);
/* True once for each. */
bool whep_ended_take(struct whep_ended *e, const char *id, int64_t now_ns);

#endif
