/*
 * Bounded reading and writing of big-endian wire formats, and borrowed byte ranges.
 *
 * A reader or writer that runs past its end sets a sticky error flag: reads then give zero, writes
 * do nothing, and the caller checks the flag once, after the last field.
 *
 * Ownership: borrows the memory; nothing here allocates.
 * Thread:    any; no shared state.
 */
#ifndef AVOCET_BASE_BYTES_H
#define AVOCET_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A borrowed range of bytes. */
struct bytes {
    const uint8_t *data; /* NULL only when size is 0 */
    size_t size;
};

struct byte_reader {
    const uint8_t *pos;
    const uint8_t *end;
    bool error; /* sticky: a read went past end */
};

struct byte_writer {
    uint8_t *start;
    uint8_t *pos;
    uint8_t *end;
    bool error; /* sticky: a write did not fit */
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){.data = data, .size = size};
}

static inline struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

void byte_reader_init(struct byte_reader *r, struct bytes in);
size_t byte_reader_left(const struct byte_reader *r);
uint8_t byte_reader_u8(struct byte_reader *r);
uint16_t byte_reader_u16(struct byte_reader *r);
uint32_t byte_reader_u24(struct byte_reader *r);
uint32_t byte_reader_u32(struct byte_reader *r);
uint64_t byte_reader_u64(struct byte_reader *r);
/* The next size bytes, still borrowed; an empty range and the error flag when there are fewer. */
struct bytes byte_reader_bytes(struct byte_reader *r, size_t size);
void byte_reader_skip(struct byte_reader *r, size_t size);

void byte_writer_init(struct byte_writer *w, void *out, size_t capacity);
size_t byte_writer_size(const struct byte_writer *w);
void byte_writer_u8(struct byte_writer *w, uint8_t value);
void byte_writer_u16(struct byte_writer *w, uint16_t value);
void byte_writer_u24(struct byte_writer *w, uint32_t value);
void byte_writer_u32(struct byte_writer *w, uint32_t value);
void byte_writer_u64(struct byte_writer *w, uint64_t value);
void byte_writer_bytes(struct byte_writer *w, struct bytes in);
void byte_writer_zeros(struct byte_writer *w, size_t size);
/* Reserve size bytes to be filled by the caller; NULL and the error flag when they do not fit. */
uint8_t *byte_writer_reserve(struct byte_writer *w, size_t size);

static inline uint16_t bytes_get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t bytes_get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void bytes_put_u16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void bytes_put_u32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
}

static inline void bytes_put_u64(uint8_t *p, uint64_t value)
{
    bytes_put_u32(p, (uint32_t)(value >> 32));
    bytes_put_u32(p + 4, (uint32_t)value);
}

#endif
