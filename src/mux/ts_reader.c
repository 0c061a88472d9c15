#include "mux/ts_reader.h"

#include <errno.h>

#include "media/packet.h"

enum {
    PID_MASK = 0x1fff,
    TRANSPORT_ERROR = 0x8000,
    UNIT_START = 0x4000,
    SCRAMBLED = 0xc0,
    HAS_ADAPTATION = 0x20,
    HAS_PAYLOAD = 0x10,
    DISCONTINUITY = 0x80,
    HAS_PCR = 0x10,
    HAS_OPCR = 0x08,
    HAS_SPLICE = 0x04,
    HAS_MORE = 0x03,
    PCR_SIZE = 6,
    PES_FIXED_SIZE = 9, /* up to PES_header_data_length */
    PES_LENGTH_END = 6,
    PES_HAS_PTS = 0x80,
    PES_HAS_DTS = 0x40,
    PTS_SIZE = 5,
};

/* One packet's header fields and payload. */
struct ts_header {
    uint16_t pid;
    bool is_unit_start;
    bool is_discontinuous;
    bool has_payload;
    bool is_stuffed; /* behind what the adaptation field says */
    uint8_t counter;
    struct bytes payload;
};

void ts_reader_init(struct ts_reader *r)
{
    *r = (struct ts_reader){
        .pat.pid = TS_PID_PAT,
        .pmt.pid = TS_PID_NULL,
        .video.pid = TS_PID_NULL,
    };
}

void ts_reader_finish(struct ts_reader *r)
{
    text_finish(&r->in);
    text_finish(&r->video.payload);
}

int ts_reader_push(struct ts_reader *r, struct bytes in)
{
    if (r->used > 0) {
        memmove(r->in.data, r->in.data + r->used, r->in.size - r->used);
        r->in.size -= r->used;
        r->used = 0;
    }
    if (in.size > TS_READER_PUSH_MAX) {
        return -EMSGSIZE;
    }
    text_append_bytes(&r->in, in);
    if (r->in.error) {
        r->in.error = false;
        return -ENOMEM;
    }
    return 0;
}

/* ---- packets ---- */

/* What the caller has was its own until now. */
static void forget_unit(struct ts_reader *r)
{
    if (r->is_given) {
        r->video.payload.size = 0;
        r->video.is_begun = false;
        r->is_given = false;
    }
}

static void lose_unit(struct ts_reader_stream *s)
{
    s->payload.size = 0;
    s->is_begun = false;
    s->is_discontinuity = true;
}

/* To where a packet begins: a sync byte with another one a packet later, as far as that is there.
 */
static bool find_packet(struct ts_reader *r, struct bytes *out)
{
    for (; r->in.size - r->used >= TS_PACKET_SIZE; r->used++) {
        const uint8_t *at = (const uint8_t *)r->in.data + r->used;
        const bool has_next = r->in.size - r->used > TS_PACKET_SIZE;
        if (at[0] == TS_SYNC && (!has_next || at[TS_PACKET_SIZE] == TS_SYNC)) {
            *out = bytes_of(at, TS_PACKET_SIZE);
            return true;
        }
    }
    return false;
}

/* An adaptation field longer than what it says needs. */
static bool has_stuffing(struct bytes field)
{
    if (field.size == 0) {
        return true; /* its length byte alone */
    }
    const uint8_t flags = field.data[0];
    const size_t used = 1u + (flags & HAS_PCR ? PCR_SIZE : 0) + (flags & HAS_OPCR ? PCR_SIZE : 0) +
                        (flags & HAS_SPLICE ? 1 : 0);
    return (flags & HAS_MORE) == 0 && (field.size > used || flags == 0);
}

static bool parse_packet(struct bytes in, struct ts_header *out)
{
    struct byte_reader r;
    byte_reader_init(&r, in);
    byte_reader_u8(&r);
    const uint16_t first = byte_reader_u16(&r);
    const uint8_t last = byte_reader_u8(&r);
    *out = (struct ts_header){
        .pid = first & PID_MASK,
        .is_unit_start = (first & UNIT_START) != 0,
        .has_payload = (last & HAS_PAYLOAD) != 0,
        .counter = last & 0x0f,
    };
    if (last & HAS_ADAPTATION) {
        const struct bytes field = byte_reader_bytes(&r, byte_reader_u8(&r));
        out->is_stuffed = has_stuffing(field);
        out->is_discontinuous = field.size > 0 && (field.data[0] & DISCONTINUITY) != 0;
    }
    if (out->has_payload) {
        out->payload = byte_reader_bytes(&r, byte_reader_left(&r));
    }
    return (first & TRANSPORT_ERROR) == 0 && (last & SCRAMBLED) == 0 && !r.error;
}

/* False: a packet that was here already. */
static bool check_counter(struct ts_reader_stream *s, const struct ts_header *h)
{
    const bool is_expected = !s->has_counter || h->counter == s->counter;
    const bool is_repeated =
        !is_expected && !h->is_discontinuous && h->counter == ((s->counter - 1) & 0x0f);
    if (!is_expected && !is_repeated) {
        lose_unit(s);
    }
    s->has_counter = true;
    s->counter = is_repeated ? s->counter : (h->counter + 1) & 0x0f;
    return !is_repeated;
}

/* ---- PES ---- */

static struct bytes pes_of(const struct ts_reader_stream *s)
{
    return text_bytes(&s->payload);
}

/* Of the whole PES packet; 0: it says none, or not yet. */
static size_t said_size(const struct ts_reader_stream *s)
{
    const struct bytes pes = pes_of(s);
    const size_t length = pes.size >= PES_LENGTH_END ? bytes_get_u16(pes.data + 4) : 0;
    return length > 0 ? PES_LENGTH_END + length : 0;
}

static bool is_whole(const struct ts_reader_stream *s)
{
    const size_t size = said_size(s);
    const bool is_stuffed_end = s->is_stuffed && s->n_stuffed_ends >= TS_READER_STUFFED_ENDS;
    return s->is_begun && (size > 0 ? s->payload.size >= size : is_stuffed_end);
}

static int64_t read_pts(const uint8_t *p)
{
    return (int64_t)(p[0] & 0x0e) << 29 | (int64_t)(bytes_get_u16(p + 1) >> 1) << 15 |
           bytes_get_u16(p + 3) >> 1;
}

/* False: nothing in it, or no PES packet. */
static bool parse_pes(struct ts_reader_stream *s, struct ts_unit *out)
{
    struct byte_reader r;
    const size_t size = said_size(s);
    const struct bytes pes = pes_of(s);
    byte_reader_init(&r, size > 0 ? bytes_of(pes.data, size) : pes);
    const uint32_t start_code = byte_reader_u24(&r);
    byte_reader_skip(&r, PES_FIXED_SIZE - 3 - 2);
    const uint8_t flags = byte_reader_u8(&r);
    const struct bytes header = byte_reader_bytes(&r, byte_reader_u8(&r));
    const bool has_pts = (flags & PES_HAS_PTS) && header.size >= PTS_SIZE;
    const bool has_dts = has_pts && (flags & PES_HAS_DTS) && header.size >= 2 * PTS_SIZE;
    *out = (struct ts_unit){
        .bytes = byte_reader_bytes(&r, byte_reader_left(&r)),
        .pts = has_pts ? read_pts(header.data) : TIME_NONE,
        .is_discontinuity = s->is_discontinuity,
    };
    out->dts = has_dts ? read_pts(header.data + PTS_SIZE) : out->pts;
    return !r.error && start_code == 1 && out->bytes.size > 0;
}

static bool give_unit(struct ts_reader *r, struct ts_unit *out)
{
    r->is_given = true;
    if (!r->video.is_begun || !parse_pes(&r->video, out)) {
        forget_unit(r);
        return false;
    }
    r->video.is_discontinuity = false;
    return true;
}

/* Whether stuffing is the end of a unit with this muxer. */
static void learn_stuffing(struct ts_reader_stream *s, const struct ts_header *h)
{
    if (s->is_stuffed && !h->is_unit_start) {
        s->n_stuffed_ends = 0;
    } else if (s->is_stuffed && s->n_stuffed_ends < TS_READER_STUFFED_ENDS) {
        s->n_stuffed_ends++;
    }
    s->is_stuffed = h->is_stuffed;
}

static int collect(struct ts_reader_stream *s, const struct ts_header *h)
{
    learn_stuffing(s, h);
    if (h->is_unit_start) {
        s->payload.size = 0;
        s->is_begun = true;
    }
    if (!s->is_begun) {
        return 0;
    }
    text_append_bytes(&s->payload, h->payload);
    if (s->payload.error || s->payload.size > PACKET_SIZE_MAX) {
        const int result = s->payload.error ? -ENOMEM : 0;
        s->payload.error = false;
        lose_unit(s);
        return result;
    }
    return 0;
}

/* ---- tables ---- */

static void on_tables(struct ts_reader *r, const struct ts_header *h)
{
    struct bytes table;
    if (h->pid == r->pat.pid &&
        ts_section_push(&r->pat, h->payload, h->is_unit_start, TS_TABLE_PAT, &table)) {
        r->pmt.pid = ts_section_find_map(table);
    } else if (h->pid == r->pmt.pid &&
               ts_section_push(&r->pmt, h->payload, h->is_unit_start, TS_TABLE_PMT, &table)) {
        const uint16_t pid = ts_section_find_stream(table, TS_STREAM_H264);
        if (pid != r->video.pid && r->video.pid != TS_PID_NULL) {
            lose_unit(&r->video);
            r->video.has_counter = false;
        }
        r->video.pid = pid;
    }
}

/* ---- */

/* True with a unit; the packet at the front is read, or *out is what its start completes. */
static bool read_packet(struct ts_reader *r, const struct ts_header *h, struct ts_unit *out,
                        int *error)
{
    struct ts_reader_stream *s = &r->video;
    if (h->pid != s->pid || h->pid == TS_PID_NULL) {
        on_tables(r, h);
        r->used += TS_PACKET_SIZE;
        return false;
    }
    if (h->is_unit_start && s->is_begun && h->counter == s->counter && give_unit(r, out)) {
        return true; /* and this packet comes again */
    }
    r->used += TS_PACKET_SIZE;
    if (h->has_payload && check_counter(s, h)) {
        *error = collect(s, h);
    }
    return is_whole(s) && give_unit(r, out);
}

int ts_reader_pull(struct ts_reader *r, struct ts_unit *out)
{
    struct bytes packet;
    int error = 0;
    forget_unit(r);
    while (error == 0 && find_packet(r, &packet)) {
        struct ts_header h;
        if (!parse_packet(packet, &h)) {
            r->used += TS_PACKET_SIZE;
        } else if (read_packet(r, &h, out, &error)) {
            return 0;
        }
    }
    return error < 0 ? error : -EAGAIN;
}

int ts_reader_flush(struct ts_reader *r, struct ts_unit *out)
{
    const bool is_cut = said_size(&r->video) > r->video.payload.size;
    forget_unit(r);
    return !is_cut && give_unit(r, out) ? 0 : -EAGAIN;
}
