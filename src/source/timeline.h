/*
 * The times that a stream brings along, on our own line: its steps stay as it says them, whenever
 * the pictures come, and the distance between the two lines is slowly drawn towards what is seen.
 * Where they are TIMELINE_APART_NS apart, the stream's begins anew.
 *
 * Units:  ns; ours is monotonic.
 * Thread: a value; no clock.
 */
#ifndef AVOCET_SOURCE_TIMELINE_H
#define AVOCET_SOURCE_TIMELINE_H

#include "base/time.h"

#define TIMELINE_APART_NS NS_PER_S

struct timeline {
    int64_t offset_ns; /* of its line to ours; TIME_NONE: not known */
    int64_t last_ns;   /* TIME_NONE: nothing placed yet */
};

void timeline_init(struct timeline *t);
/* Later than the last one. own_ns TIME_NONE: the stream says nothing, it is the arrival. */
int64_t timeline_place(struct timeline *t, int64_t own_ns, int64_t arrival_ns);

#endif
