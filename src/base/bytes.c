#include "base/bytes.h"

void byte_reader_init(struct byte_reader *r, struct bytes in)
{
    *r = (struct byte_reader){.pos = in.data, .end = in.size > 0 ? in.data + in.size : in.data};
}

size_t byte_reader_left(const struct byte_reader *r)
{
    return (size_t)(r->end - r->pos);
}

struct bytes byte_reader_bytes(struct byte_reader *r, size_t size)
{
    if (r->error || byte_reader_left(r) < size) {
        r->error = true;
        r->pos = r->end;
        return (struct bytes){0};
    }
    const struct bytes out = bytes_of(r->pos, size);
    r->pos += size;
    return out;
}

static uint64_t read_be(struct byte_reader *r, size_t size)
{
    const struct bytes in = byte_reader_bytes(r, size);
    uint64_t value = 0;
    for (size_t i = 0; i < in.size; i++) {
        value = value << 8 | in.data[i];
    }
    return value;
}

uint8_t byte_reader_u8(struct byte_reader *r)
{
    return (uint8_t)read_be(r, 1);
}

uint16_t byte_reader_u16(struct byte_reader *r)
{
    return (uint16_t)read_be(r, 2);
}

uint32_t byte_reader_u24(struct byte_reader *r)
{
    return (uint32_t)read_be(r, 3);
}

uint32_t byte_reader_u32(struct byte_reader *r)
{
    return (uint32_t)read_be(r, 4);
}

uint64_t byte_reader_u64(struct byte_reader *r)
{
    return read_be(r, 8);
}

void byte_reader_skip(struct byte_reader *r, size_t size)
{
    byte_reader_bytes(r, size);
}

void byte_writer_init(struct byte_writer *w, void *out, size_t capacity)
{
    uint8_t *start = out;
    *w = (struct byte_writer){.start = start, .pos = start, .end = start + capacity};
}

size_t byte_writer_size(const struct byte_writer *w)
{
    return (size_t)(w->pos - w->start);
}

uint8_t *byte_writer_reserve(struct byte_writer *w, size_t size)
{
    if (w->error || (size_t)(w->end - w->pos) < size) {
        w->error = true;
        return NULL;
    }
    uint8_t *out = w->pos;
    w->pos += size;
    return out;
}

static void write_be(struct byte_writer *w, uint64_t value, size_t size)
{
    uint8_t *out = byte_writer_reserve(w, size);
    if (!out) {
        return;
    }
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
}

void byte_writer_u8(struct byte_writer *w, uint8_t value)
{
    write_be(w, value, 1);
}

void byte_writer_u16(struct byte_writer *w, uint16_t value)
{
    write_be(w, value, 2);
}

void byte_writer_u24(struct byte_writer *w, uint32_t value)
{
    write_be(w, value, 3);
}

void byte_writer_u32(struct byte_writer *w, uint32_t value)
{
    write_be(w, value, 4);
}

void byte_writer_u64(struct byte_writer *w, uint64_t value)
{
    write_be(w, value, 8);
}

void byte_writer_bytes(struct byte_writer *w, struct bytes in)
{
    uint8_t *out = byte_writer_reserve(w, in.size);
    if (out && in.size > 0) {
        memcpy(out, in.data, in.size);
    }
}

void byte_writer_zeros(struct byte_writer *w, size_t size)
{
    uint8_t *out = byte_writer_reserve(w, size);
    if (out) {
        memset(out, 0, size);
    }
}
