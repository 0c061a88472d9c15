#include "mux/ts_section.h"

enum { HEADER_SIZE = 8, LENGTH_END = 3, CRC_SIZE = 4, PID_MASK = 0x1fff, LENGTH_MASK = 0x0fff };

static size_t section_size(const struct ts_section *s)
{
    return LENGTH_END + (size_t)(bytes_get_u16(s->bytes + 1) & LENGTH_MASK);
}

static bool is_whole(const struct ts_section *s)
{
    return s->size >= LENGTH_END && s->size >= section_size(s);
}

static bool is_valid(const struct ts_section *s, uint8_t table_id)
{
    const size_t size = section_size(s);
    const bool is_current = (s->bytes[5] & 1) != 0;
    return size >= HEADER_SIZE + CRC_SIZE && s->bytes[0] == table_id && is_current &&
           ts_psi_crc(bytes_of(s->bytes, size)) == 0;
}

/* Behind the pointer_field, and what it jumps over. */
static struct bytes skip_pointer(struct bytes payload)
{
    struct byte_reader r;
    byte_reader_init(&r, payload);
    byte_reader_skip(&r, byte_reader_u8(&r));
    return byte_reader_bytes(&r, byte_reader_left(&r));
}

bool ts_section_push(struct ts_section *s, struct bytes payload, bool is_unit_start,
                     uint8_t table_id, struct bytes *out)
{
    if (is_unit_start) {
        payload = skip_pointer(payload);
        s->size = 0;
        s->is_begun = true;
    }
    const size_t room = sizeof(s->bytes) - s->size;
    const size_t n = payload.size < room ? payload.size : room;
    if (!s->is_begun || n == 0) {
        return false;
    }
    memcpy(s->bytes + s->size, payload.data, n);
    s->size += n;
    if (!is_whole(s)) {
        return false;
    }
    s->is_begun = false;
    if (!is_valid(s, table_id)) {
        return false;
    }
    *out = bytes_of(s->bytes + HEADER_SIZE, section_size(s) - HEADER_SIZE - CRC_SIZE);
    return true;
}

uint16_t ts_section_find_map(struct bytes pat)
{
    struct byte_reader r;
    byte_reader_init(&r, pat);
    while (byte_reader_left(&r) >= 4) {
        const uint16_t program = byte_reader_u16(&r);
        const uint16_t pid = byte_reader_u16(&r) & PID_MASK;
        if (program != 0) { /* 0 is the network's */
            return pid;
        }
    }
    return TS_PID_NULL;
}

uint16_t ts_section_find_stream(struct bytes pmt, enum ts_stream_type type)
{
    struct byte_reader r;
    byte_reader_init(&r, pmt);
    byte_reader_u16(&r); /* PCR_PID */
    byte_reader_skip(&r, byte_reader_u16(&r) & LENGTH_MASK);
    while (byte_reader_left(&r) >= 5) {
        const uint8_t its = byte_reader_u8(&r);
        const uint16_t pid = byte_reader_u16(&r) & PID_MASK;
        byte_reader_skip(&r, byte_reader_u16(&r) & LENGTH_MASK);
        if (its == type) {
            return pid;
        }
    }
    return TS_PID_NULL;
}
