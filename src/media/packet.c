#include "media/packet.h"

#include <stdlib.h>

struct packet *packet_create(size_t capacity)
{
    if (capacity > PACKET_SIZE_MAX) {
        return NULL;
    }
    struct packet *p = malloc(sizeof(*p) + capacity);
    if (p) {
        *p = (struct packet){
            .capture_ns = TIME_NONE,
            .arrival_ns = TIME_NONE,
            .encoded_ns = TIME_NONE,
            .pts_ns = TIME_NONE,
            .capacity = capacity,
        };
        atomic_init(&p->n_refs, 1);
    }
    return p;
}

struct packet *packet_ref(struct packet *p)
{
    atomic_fetch_add_explicit(&p->n_refs, 1, memory_order_relaxed);
    return p;
}

void packet_unref(struct packet **p)
{
    struct packet *old = *p;
    *p = NULL;
    if (old && atomic_fetch_sub_explicit(&old->n_refs, 1, memory_order_acq_rel) == 1) {
        free(old);
    }
}
