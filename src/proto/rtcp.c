#include "proto/rtcp.h"

#include "base/time.h"
#include "proto/rtcp_format.h"

/* What the rest of the current packet holds. */
enum items {
    ITEMS_NONE,
    ITEMS_SENDER_REPORT,
    ITEMS_REPORT_BLOCKS,
    ITEMS_NACK,
    ITEMS_PLI,
    ITEMS_FIR,
    ITEMS_REMB,
    ITEMS_XR,
    ITEMS_DLRR,
    ITEMS_BYE,
};

/* --- reading: packets --- */

void rtcp_reader_init(struct rtcp_reader *r, struct bytes in)
{
    *r = (struct rtcp_reader){0};
    byte_reader_init(&r->in, in);
}

static enum items feedback_items(struct rtcp_reader *r, uint8_t type, uint8_t format)
{
    r->media_ssrc = byte_reader_u32(&r->body);
    if (type == PT_RTPFB) {
        return format == FMT_NACK ? ITEMS_NACK : ITEMS_NONE;
    }
    switch (format) {
    case FMT_PLI:
        return ITEMS_PLI;
    case FMT_FIR:
        return ITEMS_FIR;
    case FMT_AFB:
        return ITEMS_REMB;
    default:
        return ITEMS_NONE;
    }
}

/* Which items a packet has, from its header; reads what is common to them. */
static enum items items_of(struct rtcp_reader *r, uint8_t type, uint8_t count)
{
    r->n_left = count;
    switch (type) {
    case PT_SR:
        r->sender_ssrc = byte_reader_u32(&r->body);
        return ITEMS_SENDER_REPORT;
    case PT_RR:
        r->sender_ssrc = byte_reader_u32(&r->body);
        return ITEMS_REPORT_BLOCKS;
    case PT_BYE:
        return ITEMS_BYE;
    case PT_RTPFB:
    case PT_PSFB:
        r->sender_ssrc = byte_reader_u32(&r->body);
        return feedback_items(r, type, count);
    case PT_XR:
        r->sender_ssrc = byte_reader_u32(&r->body);
        return ITEMS_XR;
    default:
        return ITEMS_NONE;
    }
}

/* Open the next packet of the compound; false at the end, or at an error. */
static bool begin_packet(struct rtcp_reader *r)
{
    if (byte_reader_left(&r->in) == 0) {
        return false;
    }
    const uint8_t first = byte_reader_u8(&r->in);
    const uint8_t type = byte_reader_u8(&r->in);
    const uint16_t n_words = byte_reader_u16(&r->in);
    struct bytes body = byte_reader_bytes(&r->in, 4 * (size_t)n_words);
    r->error = r->in.error || first >> 6 != 2;
    if (!r->error && first & 0x20) {
        const uint8_t padding = body.size > 0 ? body.data[body.size - 1] : 0;
        r->error = padding == 0 || padding > body.size;
        body.size -= r->error ? 0 : padding;
    }
    if (r->error) {
        return false;
    }
    byte_reader_init(&r->body, body);
    r->nack_mask = 0;
    r->items = (uint8_t)items_of(r, type, first & 31);
    r->error = r->body.error;
    return !r->error;
}

/* --- reading: items; each returns false when the packet has no more, or is too short --- */

static bool read_sender_report(struct rtcp_reader *r, struct rtcp_item *out)
{
    r->items = ITEMS_REPORT_BLOCKS;
    out->type = RTCP_SENDER_REPORT;
    out->media_ssrc = r->sender_ssrc;
    out->sr = (struct rtcp_sender_report){
        .ntp = byte_reader_u64(&r->body),
        .rtp_timestamp = byte_reader_u32(&r->body),
        .n_packets = byte_reader_u32(&r->body),
        .n_bytes = byte_reader_u32(&r->body),
    };
    return !r->body.error;
}

static bool read_report_block(struct rtcp_reader *r, struct rtcp_item *out)
{
    if (r->n_left == 0) {
        return false;
    }
    r->n_left--;
    struct rtcp_report_block b = {
        .ssrc = byte_reader_u32(&r->body),
        .fraction_lost = byte_reader_u8(&r->body),
    };
    const uint32_t n_lost = byte_reader_u24(&r->body);
    b.n_lost = n_lost & 0x800000 ? (int32_t)n_lost - 0x1000000 : (int32_t)n_lost;
    b.highest_sequence = byte_reader_u32(&r->body);
    b.jitter = byte_reader_u32(&r->body);
    b.lsr = byte_reader_u32(&r->body);
    b.dlsr = byte_reader_u32(&r->body);
    out->type = RTCP_REPORT_BLOCK;
    out->media_ssrc = b.ssrc;
    out->block = b;
    return !r->body.error;
}

/* RFC 4585 §6.2.1: PID, then a mask of the 16 that follow it. */
static bool read_nack(struct rtcp_reader *r, struct rtcp_item *out)
{
    if (r->nack_mask == 0) {
        if (byte_reader_left(&r->body) == 0) {
            return false;
        }
        r->nack_first = byte_reader_u16(&r->body);
        r->nack_mask = (uint32_t)byte_reader_u16(&r->body) << 1 | 1;
    }
    const unsigned bit = (unsigned)__builtin_ctz(r->nack_mask);
    r->nack_mask &= r->nack_mask - 1;
    out->type = RTCP_NACK;
    out->sequence = (uint16_t)(r->nack_first + bit);
    return !r->body.error;
}

static bool read_pli(struct rtcp_reader *r, struct rtcp_item *out)
{
    r->items = ITEMS_NONE;
    out->type = RTCP_PLI;
    return true;
}

static bool read_fir(struct rtcp_reader *r, struct rtcp_item *out)
{
    if (byte_reader_left(&r->body) == 0) {
        return false;
    }
    out->type = RTCP_FIR;
    out->media_ssrc = byte_reader_u32(&r->body);
    out->fir_sequence = byte_reader_u8(&r->body);
    byte_reader_skip(&r->body, 3);
    return !r->body.error;
}

/*
 * |  Unique identifier 'R' 'E' 'M' 'B'                            |
 * |  Num SSRC     | BR Exp    |  BR Mantissa (18)                 |
 * |   SSRC feedback ...                                           |
 */
static bool begin_remb(struct rtcp_reader *r)
{
    if (byte_reader_u32(&r->body) != REMB_NAME) {
        r->items = ITEMS_NONE;
        return false; /* another application's */
    }
    const uint8_t n_ssrcs = byte_reader_u8(&r->body);
    const uint32_t rate = byte_reader_u24(&r->body);
    const unsigned exponent = rate >> REMB_MANTISSA_BITS;
    const uint64_t mantissa = rate & ((1u << REMB_MANTISSA_BITS) - 1);
    const bool fits = exponent <= 63 - REMB_MANTISSA_BITS;
    r->bitrate_bps = fits ? mantissa << exponent : mantissa ? UINT64_MAX : 0;
    byte_reader_init(&r->block, byte_reader_bytes(&r->body, 4 * (size_t)n_ssrcs));
    return !r->body.error;
}

static bool read_remb(struct rtcp_reader *r, struct rtcp_item *out)
{
    const bool is_first = !r->block.pos;
    if (is_first && !begin_remb(r)) {
        return false;
    }
    if (byte_reader_left(&r->block) > 0) {
        out->media_ssrc = byte_reader_u32(&r->block);
    } else if (!is_first) {
        return false;
    }
    out->type = RTCP_REMB;
    out->bitrate_bps = r->bitrate_bps;
    return true;
}

static bool read_dlrr(struct rtcp_reader *r, struct rtcp_item *out)
{
    if (byte_reader_left(&r->block) == 0) {
        r->items = ITEMS_XR;
        return false;
    }
    out->type = RTCP_DLRR;
    out->media_ssrc = byte_reader_u32(&r->block);
    out->lrr = byte_reader_u32(&r->block);
    out->dlrr = byte_reader_u32(&r->block);
    r->error = r->block.error;
    return !r->error;
}

/* RFC 3611 §3: |  block type  | type-specific |  length in words  | */
static bool read_xr(struct rtcp_reader *r, struct rtcp_item *out)
{
    while (byte_reader_left(&r->body) > 0) {
        const uint8_t type = byte_reader_u8(&r->body);
        byte_reader_skip(&r->body, 1);
        const uint16_t n_words = byte_reader_u16(&r->body);
        byte_reader_init(&r->block, byte_reader_bytes(&r->body, 4 * (size_t)n_words));
        if (r->body.error) {
            return false;
        }
        if (type == XR_RRTR) {
            out->type = RTCP_RRTR;
            out->media_ssrc = r->sender_ssrc;
            out->ntp = byte_reader_u64(&r->block);
            r->error = r->block.error;
            return !r->error;
        }
        if (type == XR_DLRR && n_words > 0) {
            r->items = ITEMS_DLRR;
            return read_dlrr(r, out);
        }
    }
    return false;
}

static bool read_bye(struct rtcp_reader *r, struct rtcp_item *out)
{
    if (r->n_left == 0) {
        return false;
    }
    r->n_left--;
    out->type = RTCP_BYE;
    out->media_ssrc = byte_reader_u32(&r->body);
    out->sender_ssrc = out->media_ssrc;
    return !r->body.error;
}

static bool read_item(struct rtcp_reader *r, struct rtcp_item *out)
{
    switch ((enum items)r->items) {
    case ITEMS_NONE:
        return false;
    case ITEMS_SENDER_REPORT:
        return read_sender_report(r, out);
    case ITEMS_REPORT_BLOCKS:
        return read_report_block(r, out);
    case ITEMS_NACK:
        return read_nack(r, out);
    case ITEMS_PLI:
        return read_pli(r, out);
    case ITEMS_FIR:
        return read_fir(r, out);
    case ITEMS_REMB:
        return read_remb(r, out);
    case ITEMS_XR:
        return read_xr(r, out);
    case ITEMS_DLRR:
        return read_dlrr(r, out) || (!r->error && read_xr(r, out));
    case ITEMS_BYE:
        return read_bye(r, out);
    }
    return false;
}

bool rtcp_reader_next(struct rtcp_reader *r, struct rtcp_item *out)
{
    while (!r->error) {
        struct rtcp_item item = {.sender_ssrc = r->sender_ssrc, .media_ssrc = r->media_ssrc};
        if (read_item(r, &item)) {
            *out = item;
            return true;
        }
        r->error = r->error || r->body.error;
        r->block = (struct byte_reader){0};
        if (r->error || !begin_packet(r)) {
            return false;
        }
    }
    return false;
}

/* --- time --- */

uint32_t rtcp_delay(int64_t age_ns)
{
    const int64_t units = age_ns > 0 ? time_rescale(age_ns, 65536, NS_PER_S) : 0;
    return units < UINT32_MAX ? (uint32_t)units : UINT32_MAX;
}

int64_t rtcp_round_trip_ns(uint64_t now_ntp, uint32_t lsr, uint32_t dlsr)
{
    enum { UNITS_PER_S = 65536, ROUNDING = UNITS_PER_S / 1000, LIMIT = 60 * UNITS_PER_S };
    const int32_t units = (int32_t)(rtcp_ntp_middle(now_ntp) - lsr - dlsr);
    if (lsr == 0 || units < -ROUNDING || units > LIMIT) {
        return TIME_NONE;
    }
    return units > 0 ? time_rescale(units, NS_PER_S, UNITS_PER_S) : 0;
}
