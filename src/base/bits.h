/*
 * Bounded bit reader and writer, most significant bit first, with Exp-Golomb codes.
 *
 * A read past the end gives zero bits and sets the sticky error flag; Exp-Golomb prefixes are
 * limited to 32 zero bits. The writer sets its flag when its memory is full.
 *
 * Ownership: borrows the memory.
 * Thread:    any; no shared state.
 * Spec:      ITU-T H.264 §7.2 (u(n)), §9.1 (ue(v), se(v)).
 */
#ifndef AVOCET_BASE_BITS_H
#define AVOCET_BASE_BITS_H

#include "base/bytes.h"

struct bit_reader {
    const uint8_t *data;
    size_t size_bits;
    size_t pos_bits;
    bool error; /* sticky */
};

struct bit_writer {
    uint8_t *data;
    size_t capacity_bits;
    size_t pos_bits;
    bool error; /* sticky */
};

void bit_reader_init(struct bit_reader *r, struct bytes in);
size_t bit_reader_left(const struct bit_reader *r);
/* Next n bits, 0 <= n <= 32. */
uint32_t bit_reader_u(struct bit_reader *r, unsigned n);
bool bit_reader_flag(struct bit_reader *r);
uint32_t bit_reader_ue(struct bit_reader *r);
int32_t bit_reader_se(struct bit_reader *r);

/* out must be zeroed by nobody: every byte reached is written. */
void bit_writer_init(struct bit_writer *w, void *out, size_t capacity_bytes);
/* Lowest n bits of value, 0 <= n <= 32. */
void bit_writer_u(struct bit_writer *w, uint32_t value, unsigned n);
void bit_writer_ue(struct bit_writer *w, uint32_t value);
void bit_writer_se(struct bit_writer *w, int32_t value);
/* rbsp_trailing_bits(): a one bit, then zero bits up to the next byte. Returns the size in bytes.
 */
size_t bit_writer_finish(struct bit_writer *w);

#endif
