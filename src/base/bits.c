#include "base/bits.h"

enum { EXP_GOLOMB_MAX_ZEROS = 32 };

void bit_reader_init(struct bit_reader *r, struct bytes in)
{
    *r = (struct bit_reader){.data = in.data, .size_bits = in.size * 8};
}

size_t bit_reader_left(const struct bit_reader *r)
{
    return r->size_bits - r->pos_bits;
}

uint32_t bit_reader_u(struct bit_reader *r, unsigned n)
{
    if (r->error || bit_reader_left(r) < n) {
        r->error = true;
        return 0;
    }
    uint32_t value = 0;
    for (unsigned i = 0; i < n; i++, r->pos_bits++) {
        value = value << 1 | (r->data[r->pos_bits >> 3] >> (7 - (r->pos_bits & 7)) & 1u);
    }
    return value;
}

bool bit_reader_flag(struct bit_reader *r)
{
    return bit_reader_u(r, 1) != 0;
}

uint32_t bit_reader_ue(struct bit_reader *r)
{
    unsigned n_zeros = 0;
    while (!r->error && !bit_reader_flag(r)) {
        if (++n_zeros > EXP_GOLOMB_MAX_ZEROS) {
            r->error = true;
        }
    }
    if (r->error) {
        return 0;
    }
    if (n_zeros == EXP_GOLOMB_MAX_ZEROS) {
        /* only 2^32 - 1 is representable with 32 zeros (§9.1: codeNum range) */
        r->error = r->error || bit_reader_u(r, 32) != 0;
        return r->error ? 0 : UINT32_MAX;
    }
    return ((1u << n_zeros) - 1) + bit_reader_u(r, n_zeros);
}

int32_t bit_reader_se(struct bit_reader *r)
{
    const uint32_t k = bit_reader_ue(r);
    /* §9.1.1: (−1)^(k+1) Ceil(k ÷ 2) */
    const int64_t magnitude = ((int64_t)k + 1) / 2;
    const int64_t value = (k & 1) ? magnitude : -magnitude;
    return value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

void bit_writer_init(struct bit_writer *w, void *out, size_t capacity_bytes)
{
    *w = (struct bit_writer){.data = out, .capacity_bits = capacity_bytes * 8};
}

void bit_writer_u(struct bit_writer *w, uint32_t value, unsigned n)
{
    if (w->error || w->capacity_bits - w->pos_bits < n) {
        w->error = true;
        return;
    }
    for (unsigned i = n; i-- > 0; w->pos_bits++) {
        uint8_t *byte = &w->data[w->pos_bits >> 3];
        const unsigned shift = 7 - (w->pos_bits & 7);
        if (shift == 7) {
            *byte = 0;
        }
        *byte = (uint8_t)(*byte | (value >> i & 1u) << shift);
    }
}

void bit_writer_ue(struct bit_writer *w, uint32_t value)
{
    const uint64_t code = (uint64_t)value + 1;
    unsigned n_bits = 0;
    while (code >> n_bits > 1) {
        n_bits++;
    }
    bit_writer_u(w, 0, n_bits);
    if (n_bits == 32) {
        bit_writer_u(w, 1, 1);
        bit_writer_u(w, 0, 32);
        return;
    }
    bit_writer_u(w, (uint32_t)code, n_bits + 1);
}

void bit_writer_se(struct bit_writer *w, int32_t value)
{
    const int64_t v = value;
    bit_writer_ue(w, (uint32_t)(v > 0 ? 2 * v - 1 : -2 * v));
}

size_t bit_writer_finish(struct bit_writer *w)
{
    bit_writer_u(w, 1, 1);
    while (!w->error && (w->pos_bits & 7) != 0) {
        bit_writer_u(w, 0, 1);
    }
    return w->pos_bits / 8;
}
