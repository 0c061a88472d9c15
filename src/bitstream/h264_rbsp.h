/*
 * The bits of a NAL unit that is not yet there as a whole, without emulation prevention bytes.
 *
 * Behind the end there are zero bits. Who has read some of them (h264_rbsp_is_overrun()) goes back
 * to a copy of the reader made before, and on when more bytes are there, after
 * h264_rbsp_drop_padding().
 *
 * Ownership: borrows the memory; the NAL unit may be elsewhere, and longer, at every call.
 * Thread:    one owner.
 * Spec:      H.264 §7.2, §7.4.1, §9.1.
 */
#ifndef AVOCET_BITSTREAM_H264_RBSP_H
#define AVOCET_BITSTREAM_H264_RBSP_H

#include "base/bytes.h"

enum {
    H264_RBSP_PEEK_MAX = 25,
    H264_RBSP_BAD_CODE = 0x7fffffff, /* what ue() gives for one that no slice holds */
};

struct h264_rbsp {
    struct bytes nal;
    size_t pos;        /* of the next byte of nal that is not in cache */
    unsigned n_zeros;  /* zero bytes before it */
    uint32_t cache;    /* the next bits, from the top */
    int32_t n_bits;    /* in cache */
    int32_t n_padding; /* of those, the last ones, behind the end */
};

static inline bool h264_rbsp_is_overrun(const struct h264_rbsp *r)
{
    return r->n_bits < r->n_padding;
}

/* Not while overrun. */
static inline void h264_rbsp_drop_padding(struct h264_rbsp *r)
{
    r->n_bits -= r->n_padding;
    r->n_padding = 0;
}

/* The next byte past the cache; false and 0 at the end. */
bool h264_rbsp_byte(struct h264_rbsp *r, uint8_t *byte);

void h264_rbsp_refill(struct h264_rbsp *r);

static inline void h264_rbsp_fill(struct h264_rbsp *r)
{
    if (r->n_bits < H264_RBSP_PEEK_MAX) {
        h264_rbsp_refill(r);
    }
}

/* The next n bits, 1 <= n <= H264_RBSP_PEEK_MAX, and at least that many may be skipped then. */
static inline uint32_t h264_rbsp_peek(struct h264_rbsp *r, unsigned n)
{
    h264_rbsp_fill(r);
    return r->cache >> (32 - n);
}

/* Only what was peeked at. */
static inline void h264_rbsp_skip(struct h264_rbsp *r, unsigned n)
{
    r->cache <<= n;
    r->n_bits -= (int32_t)n;
}

/* 0 <= n <= H264_RBSP_PEEK_MAX */
uint32_t h264_rbsp_u(struct h264_rbsp *r, unsigned n);

/* How many zero bits come next, up to max <= H264_RBSP_PEEK_MAX. */
static inline unsigned h264_rbsp_zeros(struct h264_rbsp *r, unsigned max)
{
    h264_rbsp_fill(r);
    const unsigned n = (unsigned)__builtin_clz(r->cache | 1);
    return n < max ? n : max;
}

/* H264_RBSP_BAD_CODE above 2^24, which nothing in a slice reaches. */
uint32_t h264_rbsp_ue(struct h264_rbsp *r);
int32_t h264_rbsp_se(struct h264_rbsp *r);
/* No bit is left. */
bool h264_rbsp_is_empty(const struct h264_rbsp *r);
/* Only rbsp_trailing_bits() and cabac_zero_words are left. */
bool h264_rbsp_is_at_end(const struct h264_rbsp *r);
/* Only zero bytes are left past the cache. */
bool h264_rbsp_has_zeros_only(struct h264_rbsp r);

#endif
