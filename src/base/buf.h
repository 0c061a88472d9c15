/*
 * Reference-counted, contiguous bytes: what a feed makes once and every viewer sends.
 *
 * The maker writes into data[0 .. capacity), sets size, and hands it on; from then on nobody
 * changes it. The last buf_unref() frees it, on whatever thread that happens.
 *
 * Ownership: buf_create() gives one reference; buf_ref() returns its argument with one more;
 *            buf_unref() drops one and sets the caller's pointer to NULL (NULL is fine).
 * Thread:    references any; contents only the maker's until handed on.
 */
#ifndef AVOCET_BASE_BUF_H
#define AVOCET_BASE_BUF_H

#include <stdatomic.h>

#include "base/bytes.h"

struct buf {
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
    atomic_uint n_refs;
    uint8_t data[];
};

/* NULL without memory. size is 0. */
struct buf *buf_create(size_t capacity);
/* A copy of in, size set; NULL without memory. */
struct buf *buf_copy(struct bytes in);
struct buf *buf_ref(struct buf *b);
void buf_unref(struct buf **b);

static inline struct bytes buf_bytes(const struct buf *b)
{
    return b ? bytes_of(b->data, b->size) : (struct bytes){0};
}

#endif
