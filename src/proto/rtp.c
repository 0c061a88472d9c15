#include "proto/rtp.h"

#include <assert.h>
#include <errno.h>

#include "base/time.h"

/*
 *  0                   1                   2                   3
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 * |                           timestamp                           |
 * |           synchronization source (SSRC) identifier            |
 * |            contributing source (CSRC) identifiers ...         |
 */
enum {
    VERSION_2 = 0x80,
    PADDING = 0x20,
    EXTENSION = 0x10,
    CSRC_COUNT = 0x0f,
    MARKER = 0x80,
    EXTENSION_HEADER_SIZE = 4,
    ONE_BYTE_FORM = 0xbede, /* RFC 8285 §4.2 */
    TWO_BYTE_FORM = 0x1000, /* RFC 8285 §4.3, without the 4 appbits */
    ONE_BYTE_STOP_ID = 15,  /* RFC 8285 §4.2: end of processing */
    PLAYOUT_DELAY_SIZE = 3,
    PLAYOUT_STEP_MS = 10,
    PLAYOUT_STEPS_MAX = 0xfff,
    ABS_SEND_TIME_SIZE = 3,
    ABS_CAPTURE_TIME_SIZE = 8,
    ABS_CAPTURE_TIME_OFFSET_SIZE = 16,
};

/* --- writing --- */

static uint8_t *write_element(uint8_t *out, uint8_t id, size_t size)
{
    *out = (uint8_t)(id << 4 | (size - 1));
    return out + 1;
}

static uint32_t playout_steps(uint16_t delay_ms)
{
    const uint32_t steps = delay_ms / PLAYOUT_STEP_MS;
    return steps < PLAYOUT_STEPS_MAX ? steps : PLAYOUT_STEPS_MAX;
}

static uint8_t *write_u24(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 16);
    out[1] = (uint8_t)(value >> 8);
    out[2] = (uint8_t)value;
    return out + 3;
}

static uint8_t *write_capture_time(uint8_t *out, uint8_t id, const struct rtp_extensions *e)
{
    out = write_element(out, id,
                        e->has_capture_clock_offset ? ABS_CAPTURE_TIME_OFFSET_SIZE
                                                    : ABS_CAPTURE_TIME_SIZE);
    bytes_put_u64(out, e->abs_capture_ntp);
    out += 8;
    if (e->has_capture_clock_offset) {
        bytes_put_u64(out, (uint64_t)e->capture_clock_offset);
        out += 8;
    }
    return out;
}

static uint8_t *write_elements(uint8_t *out, const struct rtp_extension_ids *ids,
                               const struct rtp_extensions *e)
{
    if (e->has_playout_delay && ids->playout_delay) {
        out = write_element(out, ids->playout_delay, PLAYOUT_DELAY_SIZE);
        out = write_u24(out,
                        playout_steps(e->playout_min_ms) << 12 | playout_steps(e->playout_max_ms));
    }
    if (e->has_abs_send_time && ids->abs_send_time) {
        out = write_element(out, ids->abs_send_time, ABS_SEND_TIME_SIZE);
        out = write_u24(out, e->abs_send_time);
    }
    if (e->has_abs_capture_time && ids->abs_capture_time) {
        out = write_capture_time(out, ids->abs_capture_time, e);
    }
    if (e->mid.size > 0 && e->mid.size <= RTP_MID_SIZE_MAX && ids->mid) {
        out = write_element(out, ids->mid, e->mid.size);
        memcpy(out, e->mid.data, e->mid.size);
        out += e->mid.size;
    }
    return out;
}

size_t rtp_write_header(const struct rtp_header *h, const struct rtp_extension_ids *ids,
                        const struct rtp_extensions *extensions, uint8_t *out)
{
    uint8_t *elements = out + RTP_HEADER_SIZE + EXTENSION_HEADER_SIZE;
    uint8_t *end = write_elements(elements, ids, extensions);
    const bool has_extension = end > elements;
    out[0] = has_extension ? VERSION_2 | EXTENSION : VERSION_2;
    out[1] = (uint8_t)(h->marker ? MARKER | h->payload_type : h->payload_type);
    bytes_put_u16(out + 2, h->sequence);
    bytes_put_u32(out + 4, h->timestamp);
    bytes_put_u32(out + 8, h->ssrc);
    if (!has_extension) {
        return RTP_HEADER_SIZE;
    }
    while ((end - elements) % 4 != 0) {
        *end++ = 0;
    }
    bytes_put_u16(out + RTP_HEADER_SIZE, ONE_BYTE_FORM);
    bytes_put_u16(out + RTP_HEADER_SIZE + 2, (uint16_t)((end - elements) / 4));
    return (size_t)(end - out);
}

uint32_t rtp_abs_send_time(int64_t now_ns)
{
    const uint64_t second = (uint64_t)now_ns / (uint64_t)NS_PER_S;
    const uint64_t rest_ns = (uint64_t)now_ns % (uint64_t)NS_PER_S;
    return (uint32_t)((second << 18 | (rest_ns << 18) / (uint64_t)NS_PER_S) & 0xffffff);
}

/* --- reading --- */

size_t rtp_measure_header(struct bytes datagram)
{
    if (datagram.size < RTP_HEADER_SIZE || (datagram.data[0] & 0xc0) != VERSION_2) {
        return 0;
    }
    const uint8_t first = datagram.data[0];
    size_t size = RTP_HEADER_SIZE + 4 * (size_t)(first & CSRC_COUNT);
    if (first & EXTENSION) {
        if (datagram.size < size + EXTENSION_HEADER_SIZE) {
            return 0;
        }
        size += EXTENSION_HEADER_SIZE + 4 * (size_t)bytes_get_u16(datagram.data + size + 2);
    }
    return size <= datagram.size ? size : 0;
}

static void parse_extension(struct bytes datagram, struct rtp_packet *p)
{
    const size_t start = RTP_HEADER_SIZE + 4 * (size_t)(datagram.data[0] & CSRC_COUNT);
    p->extension_form = bytes_get_u16(datagram.data + start);
    p->extension = bytes_of(datagram.data + start + EXTENSION_HEADER_SIZE,
                            p->header_size - start - EXTENSION_HEADER_SIZE);
}

int rtp_parse(struct bytes datagram, struct rtp_packet *out)
{
    struct rtp_packet p = {.header_size = rtp_measure_header(datagram)};
    if (p.header_size == 0) {
        return -EBADMSG;
    }
    const uint8_t *in = datagram.data;
    p.header = (struct rtp_header){
        .marker = in[1] & MARKER,
        .payload_type = in[1] & 0x7f,
        .sequence = bytes_get_u16(in + 2),
        .timestamp = bytes_get_u32(in + 4),
        .ssrc = bytes_get_u32(in + 8),
    };
    if (in[0] & EXTENSION) {
        parse_extension(datagram, &p);
    }
    p.payload = bytes_of(in + p.header_size, datagram.size - p.header_size);
    if (in[0] & PADDING) {
        const size_t padding = p.payload.size > 0 ? in[datagram.size - 1] : 0;
        if (padding == 0 || padding > p.payload.size) {
            return -EBADMSG;
        }
        p.payload.size -= padding;
    }
    *out = p;
    return 0;
}

/* The next element of either form; false at the end or at one that does not fit. */
static bool next_element(struct byte_reader *r, bool is_one_byte, uint8_t *id, struct bytes *value)
{
    while (byte_reader_left(r) > 0) {
        const uint8_t first = byte_reader_u8(r);
        if (first == 0) {
            continue; /* padding */
        }
        if (is_one_byte && (first >> 4 == ONE_BYTE_STOP_ID || first >> 4 == 0)) {
            return false; /* RFC 8285 §4.2: what follows is not to be read */
        }
        *id = is_one_byte ? first >> 4 : first;
        *value = byte_reader_bytes(r, is_one_byte ? (first & 0xfu) + 1 : byte_reader_u8(r));
        return !r->error;
    }
    return false;
}

struct bytes rtp_find_extension(const struct rtp_packet *p, uint8_t id)
{
    const bool is_one_byte = p->extension_form == ONE_BYTE_FORM;
    if (id == 0 || (!is_one_byte && (p->extension_form & 0xfff0) != TWO_BYTE_FORM)) {
        return (struct bytes){0};
    }
    struct byte_reader r;
    byte_reader_init(&r, p->extension);
    struct bytes value;
    for (uint8_t found; next_element(&r, is_one_byte, &found, &value);) {
        if (found == id) {
            return value;
        }
    }
    return (struct bytes){0};
}

static uint64_t get_u64(const uint8_t *in)
{
    return (uint64_t)bytes_get_u32(in) << 32 | bytes_get_u32(in + 4);
}

static uint32_t get_u24(const uint8_t *in)
{
    return (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
}

void rtp_read_extensions(const struct rtp_packet *p, const struct rtp_extension_ids *ids,
                         struct rtp_extensions *out)
{
    struct rtp_extensions e = {.mid = rtp_find_extension(p, ids->mid)};
    const struct bytes delay = rtp_find_extension(p, ids->playout_delay);
    if (delay.size == PLAYOUT_DELAY_SIZE) {
        const uint32_t steps = get_u24(delay.data);
        e.has_playout_delay = true;
        e.playout_min_ms = (uint16_t)((steps >> 12) * PLAYOUT_STEP_MS);
        e.playout_max_ms = (uint16_t)((steps & PLAYOUT_STEPS_MAX) * PLAYOUT_STEP_MS);
    }
    const struct bytes send_time = rtp_find_extension(p, ids->abs_send_time);
    if (send_time.size == ABS_SEND_TIME_SIZE) {
        e.has_abs_send_time = true;
        e.abs_send_time = get_u24(send_time.data);
    }
    const struct bytes capture = rtp_find_extension(p, ids->abs_capture_time);
    if (capture.size == ABS_CAPTURE_TIME_SIZE || capture.size == ABS_CAPTURE_TIME_OFFSET_SIZE) {
        e.has_abs_capture_time = true;
        e.abs_capture_ntp = get_u64(capture.data);
        e.has_capture_clock_offset = capture.size == ABS_CAPTURE_TIME_OFFSET_SIZE;
        e.capture_clock_offset =
            e.has_capture_clock_offset ? (int64_t)get_u64(capture.data + 8) : 0;
    }
    *out = e;
}

int rtp_restore_rtx(const struct rtp_packet *rtx, uint8_t payload_type, uint32_t ssrc,
                    struct rtp_packet *out)
{
    if (rtx->payload.size < RTP_OSN_SIZE) {
        return -EBADMSG;
    }
    struct rtp_packet p = *rtx;
    p.header.payload_type = payload_type;
    p.header.ssrc = ssrc;
    p.header.sequence = bytes_get_u16(rtx->payload.data);
    p.payload = bytes_of(rtx->payload.data + RTP_OSN_SIZE, rtx->payload.size - RTP_OSN_SIZE);
    *out = p;
    return 0;
}

uint64_t rtp_extend_sequence(uint64_t reference, uint16_t sequence)
{
    const int16_t step = (int16_t)(uint16_t)(sequence - (uint16_t)reference);
    if (step < 0 && reference < (uint64_t) - (int64_t)step) {
        return sequence; /* before the first packet there is nothing */
    }
    return reference + (uint64_t)(int64_t)step;
}
