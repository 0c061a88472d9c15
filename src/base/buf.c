#include "base/buf.h"

#include <stdlib.h>

struct buf *buf_create(size_t capacity)
{
    struct buf *b = malloc(sizeof(*b) + capacity);
    if (b) {
        b->size = 0;
        b->capacity = capacity;
        atomic_init(&b->n_refs, 1);
    }
    return b;
}

struct buf *buf_copy(struct bytes in)
{
    struct buf *b = buf_create(in.size);
    if (b && in.size > 0) {
        memcpy(b->data, in.data, in.size);
        b->size = in.size;
    }
    return b;
}

struct buf *buf_ref(struct buf *b)
{
    if (b) {
        atomic_fetch_add_explicit(&b->n_refs, 1, memory_order_relaxed);
    }
    return b;
}

void buf_unref(struct buf **b)
{
    struct buf *old = *b;
    *b = NULL;
    if (old && atomic_fetch_sub_explicit(&old->n_refs, 1, memory_order_acq_rel) == 1) {
        free(old);
    }
}
