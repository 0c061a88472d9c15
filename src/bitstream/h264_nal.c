#include "bitstream/h264_nal.h"

size_t h264_nal_find_start_code(struct bytes stream, size_t from)
{
    /* Ones are rarer than zeros in coded pictures, and memchr() is faster than any loop here. */
    size_t at = from + 2;
    while (at < stream.size) {
        const uint8_t *one = memchr(stream.data + at, 1, stream.size - at);
        if (!one) {
            break;
        }
        if (one[-1] == 0 && one[-2] == 0) {
            return (size_t)(one - stream.data) - 2;
        }
        at = (size_t)(one - stream.data) + 1;
    }
    return stream.size;
}

static size_t after_start_code(struct bytes stream, size_t from)
{
    const size_t at = h264_nal_find_start_code(stream, from);
    return at < stream.size ? at + 3 : at;
}

void h264_nal_begin(struct h264_nal_iterator *it, struct bytes stream)
{
    *it = (struct h264_nal_iterator){.stream = stream, .pos = after_start_code(stream, 0)};
}

bool h264_nal_next(struct h264_nal_iterator *it, struct bytes *nal)
{
    while (it->pos < it->stream.size) {
        const size_t start = it->pos;
        size_t end = h264_nal_find_start_code(it->stream, start);
        it->pos = end < it->stream.size ? end + 3 : end;
        while (end > start && it->stream.data[end - 1] == 0) {
            end--; /* trailing_zero_8bits, or the first byte of a four-byte start code */
        }
        if (end > start) {
            *nal = bytes_of(it->stream.data + start, end - start);
            return true;
        }
    }
    return false;
}

size_t h264_nal_unescape(struct bytes nal, uint8_t *out, size_t capacity)
{
    size_t size = 0;
    unsigned n_zeros = 0;
    for (size_t i = 0; i < nal.size && size < capacity; i++) {
        const uint8_t byte = nal.data[i];
        if (n_zeros >= 2 && byte == 3) {
            n_zeros = 0;
            continue;
        }
        n_zeros = byte == 0 ? n_zeros + 1 : 0;
        out[size++] = byte;
    }
    return size;
}

size_t h264_nal_escape(struct bytes raw, uint8_t *out, size_t capacity)
{
    struct byte_writer w;
    byte_writer_init(&w, out, capacity);
    unsigned n_zeros = 0;
    for (size_t i = 0; i < raw.size; i++) {
        if (n_zeros == 2 && raw.data[i] <= 3) {
            byte_writer_u8(&w, 3);
            n_zeros = 0;
        }
        n_zeros = raw.data[i] == 0 ? n_zeros + 1 : 0;
        byte_writer_u8(&w, raw.data[i]);
    }
    return w.error ? 0 : byte_writer_size(&w);
}

void h264_nal_write(struct byte_writer *w, struct bytes nal)
{
    byte_writer_u32(w, 1);
    byte_writer_bytes(w, nal);
}
