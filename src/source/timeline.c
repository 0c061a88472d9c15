#include "source/timeline.h"

#include <stdlib.h>

enum { DRAW_PARTS = 256 }; /* of the distance between the lines, per picture */

void timeline_init(struct timeline *t)
{
    *t = (struct timeline){.offset_ns = TIME_NONE, .last_ns = TIME_NONE};
}

static int64_t to_ours(struct timeline *t, int64_t own_ns, int64_t arrival_ns)
{
    if (t->offset_ns == TIME_NONE ||
        llabs(own_ns + t->offset_ns - arrival_ns) > TIMELINE_APART_NS) {
        t->offset_ns = arrival_ns - own_ns;
    }
    const int64_t ours_ns = own_ns + t->offset_ns;
    t->offset_ns += (arrival_ns - ours_ns) / DRAW_PARTS;
    return ours_ns;
}

int64_t timeline_place(struct timeline *t, int64_t own_ns, int64_t arrival_ns)
{
    int64_t ours_ns = own_ns == TIME_NONE ? arrival_ns : to_ours(t, own_ns, arrival_ns);
    if (t->last_ns != TIME_NONE && ours_ns <= t->last_ns) {
        ours_ns = t->last_ns + 1;
    }
    t->last_ns = ours_ns;
    return ours_ns;
}
