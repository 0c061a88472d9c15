#include "mux/ts_packet.h"

enum {
    HEADER_SIZE = 4,
    ROOM = TS_PACKET_SIZE - HEADER_SIZE,
    CLOCK_SIZE = 6,
    CLOCK_RATIO = TS_CLOCK_SCALE / TS_TIMESCALE,
    UNIT_START = 0x4000,
    HAS_ADAPTATION = 0x20,
    HAS_PAYLOAD = 0x10,
    DISCONTINUITY = 0x80,
    RANDOM_ACCESS = 0x40,
    HAS_CLOCK = 0x10,
    STUFFING = 0xff,
    PES_MARKER = 0x80,
    PES_ALIGNED = 0x04,
    PES_HAS_PTS = 0x80,
    PES_PTS_SIZE = 5,
    PES_LENGTH_END = 6, /* bytes before those that PES_packet_length counts */
};

static const uint64_t timestamp_mask = (UINT64_C(1) << 33) - 1;

static uint8_t adaptation_flags(const struct ts_pid *pid, const struct ts_adaptation *a)
{
    return (uint8_t)((pid->is_discontinuous ? DISCONTINUITY : 0) |
                     (a->is_random_access ? RANDOM_ACCESS : 0) |
                     (a->clock != TIME_NONE ? HAS_CLOCK : 0));
}

/* With its length byte; 0: none is needed. */
static size_t adaptation_size(const struct ts_pid *pid, const struct ts_adaptation *a)
{
    const uint8_t flags = adaptation_flags(pid, a);
    return flags == 0 ? 0 : (flags & HAS_CLOCK) ? 2 + CLOCK_SIZE : 2;
}

/*
 *   |  base, 33 bits, 90 kHz  | 6 reserved bits | extension, 9 bits, 27 MHz |
 */
static void write_clock(struct byte_writer *w, int64_t clock)
{
    const uint64_t base = (uint64_t)(clock / CLOCK_RATIO) & timestamp_mask;
    const unsigned extension = (unsigned)(clock % CLOCK_RATIO);
    byte_writer_u32(w, (uint32_t)(base >> 1));
    byte_writer_u16(w, (uint16_t)((base & 1) << 15 | 0x7e00 | extension));
}

/* size: with its length byte; a single byte is a field of length 0. */
static void write_adaptation(struct byte_writer *w, size_t size, const struct ts_pid *pid,
                             const struct ts_adaptation *a)
{
    byte_writer_u8(w, (uint8_t)(size - 1));
    if (size == 1) {
        return;
    }
    const size_t start = byte_writer_size(w);
    byte_writer_u8(w, adaptation_flags(pid, a));
    if (a->clock != TIME_NONE) {
        write_clock(w, a->clock);
    }
    uint8_t *stuffing = byte_writer_reserve(w, size - 1 - (byte_writer_size(w) - start));
    if (stuffing) {
        memset(stuffing, STUFFING, (size_t)(w->pos - stuffing));
    }
}

static void take(struct byte_writer *w, struct bytes *from, size_t size)
{
    byte_writer_bytes(w, bytes_of(from->data, size));
    *from = bytes_of(from->data + size, from->size - size);
}

/*
 *   | 0x47 | error, unit start, priority, 13 bits PID | scrambling, adaptation, payload, counter |
 */
void ts_packet_write(struct byte_writer *w, struct ts_pid *pid, bool is_unit_start,
                     const struct ts_adaptation *adaptation, struct ts_payload *payload)
{
    const size_t wanted = adaptation_size(pid, adaptation);
    const size_t left = ts_payload_left(payload);
    const size_t size = left < ROOM - wanted ? left : ROOM - wanted;
    const size_t in_head = size < payload->head.size ? size : payload->head.size;
    /* without payload the counter stays where the last one with payload left it */
    const uint8_t counter = (uint8_t)(size > 0 ? pid->continuity : pid->continuity - 1) & 0x0f;
    byte_writer_u8(w, TS_SYNC);
    byte_writer_u16(w, (uint16_t)((is_unit_start ? UNIT_START : 0) | pid->pid));
    byte_writer_u8(
        w, (uint8_t)((size < ROOM ? HAS_ADAPTATION : 0) | (size > 0 ? HAS_PAYLOAD : 0) | counter));
    if (size < ROOM) {
        write_adaptation(w, ROOM - size, pid, adaptation);
    }
    take(w, &payload->head, in_head);
    take(w, &payload->body, size - in_head);
    pid->continuity = (counter + 1) & 0x0f;
    pid->is_discontinuous = false;
}

size_t ts_packet_count(const struct ts_pid *pid, const struct ts_adaptation *adaptation,
                       size_t payload_size)
{
    const size_t first = ROOM - adaptation_size(pid, adaptation);
    return payload_size <= first ? 1 : 1 + (payload_size - first + ROOM - 1) / ROOM;
}

/*
 *   | 0010 | 3 bits | 1 | 15 bits | 1 | 15 bits | 1 |
 */
static void write_pts(struct byte_writer *w, int64_t pts)
{
    const uint64_t t = (uint64_t)pts & timestamp_mask;
    byte_writer_u8(w, (uint8_t)(0x21 | (t >> 29 & 0x0e)));
    byte_writer_u16(w, (uint16_t)(t >> 14 | 1));
    byte_writer_u16(w, (uint16_t)(t << 1 | 1));
}

bool ts_pes_has_length(size_t body_size)
{
    return TS_PES_HEADER_SIZE - PES_LENGTH_END + body_size <= TS_PES_LENGTH_MAX;
}

void ts_pes_write_header(struct byte_writer *w, uint8_t stream_id, int64_t pts, size_t body_size)
{
    const size_t pts_size = pts == TIME_NONE ? 0 : PES_PTS_SIZE;
    const size_t length = TS_PES_HEADER_SIZE - PES_PTS_SIZE + pts_size - PES_LENGTH_END + body_size;
    byte_writer_u24(w, 1); /* packet_start_code_prefix */
    byte_writer_u8(w, stream_id);
    byte_writer_u16(w, ts_pes_has_length(body_size) ? (uint16_t)length : 0);
    byte_writer_u8(w, pts_size > 0 ? PES_MARKER | PES_ALIGNED : PES_MARKER);
    byte_writer_u8(w, pts_size > 0 ? PES_HAS_PTS : 0);
    byte_writer_u8(w, (uint8_t)pts_size);
    if (pts_size > 0) {
        write_pts(w, pts);
    }
}
