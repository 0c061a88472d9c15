#include <assert.h>

#include "proto/rtcp.h"
#include "proto/rtcp_format.h"

/* size counts all after the 4-byte header. */
static void write_header(struct byte_writer *w, unsigned count, uint8_t type, size_t size)
{
    byte_writer_u8(w, (uint8_t)(0x80 | count));
    byte_writer_u8(w, type);
    byte_writer_u16(w, (uint16_t)(size / 4));
}

void rtcp_write_sr(struct byte_writer *w, uint32_t ssrc, const struct rtcp_sender_report *sr)
{
    write_header(w, 0, PT_SR, 24);
    byte_writer_u32(w, ssrc);
    byte_writer_u64(w, sr->ntp);
    byte_writer_u32(w, sr->rtp_timestamp);
    byte_writer_u32(w, sr->n_packets);
    byte_writer_u32(w, sr->n_bytes);
}

/* RFC 3550 §6.4.1: 24 bits, clamped rather than wrapped. */
static uint32_t lost_24(int32_t n_lost)
{
    const int32_t clamped = n_lost > 0x7fffff ? 0x7fffff : n_lost < -0x800000 ? -0x800000 : n_lost;
    return (uint32_t)clamped & 0xffffff;
}

void rtcp_write_rr(struct byte_writer *w, uint32_t ssrc, const struct rtcp_report_block *blocks,
                   unsigned n_blocks)
{
    assert(n_blocks <= BLOCKS_MAX);
    write_header(w, n_blocks, PT_RR, 4 + REPORT_BLOCK_SIZE * n_blocks);
    byte_writer_u32(w, ssrc);
    for (unsigned i = 0; i < n_blocks; i++) {
        const struct rtcp_report_block *b = &blocks[i];
        byte_writer_u32(w, b->ssrc);
        byte_writer_u8(w, b->fraction_lost);
        byte_writer_u24(w, lost_24(b->n_lost));
        byte_writer_u32(w, b->highest_sequence);
        byte_writer_u32(w, b->jitter);
        byte_writer_u32(w, b->lsr);
        byte_writer_u32(w, b->dlsr);
    }
}

/* RFC 3550 §6.5: the item list ends with one to four zero bytes. */
void rtcp_write_cname(struct byte_writer *w, uint32_t ssrc, struct bytes cname)
{
    assert(cname.size <= UINT8_MAX);
    const size_t size = 4 + 2 + cname.size;
    const size_t padding = 4 - size % 4;
    write_header(w, 1, PT_SDES, size + padding);
    byte_writer_u32(w, ssrc);
    byte_writer_u8(w, SDES_CNAME);
    byte_writer_u8(w, (uint8_t)cname.size);
    byte_writer_bytes(w, cname);
    byte_writer_zeros(w, padding);
}

void rtcp_write_bye(struct byte_writer *w, const uint32_t *ssrcs, unsigned n_ssrcs)
{
    assert(n_ssrcs <= BLOCKS_MAX);
    write_header(w, n_ssrcs, PT_BYE, 4 * n_ssrcs);
    for (unsigned i = 0; i < n_ssrcs; i++) {
        byte_writer_u32(w, ssrcs[i]);
    }
}

/* The FCI entry that begins with sequences[0]; returns how many it names. */
static unsigned nack_entry(const uint16_t *sequences, unsigned n_sequences, uint16_t *mask)
{
    unsigned n = 1;
    *mask = 0;
    for (; n < n_sequences; n++) {
        const uint16_t distance = (uint16_t)(sequences[n] - sequences[0]);
        if (distance >= NACK_SPAN) {
            break;
        }
        if (distance > 0) {
            *mask |= (uint16_t)(1u << (distance - 1));
        }
    }
    return n;
}

void rtcp_write_nack(struct byte_writer *w, uint32_t ssrc, uint32_t media_ssrc,
                     const uint16_t *sequences, unsigned n_sequences)
{
    const size_t start = byte_writer_size(w);
    write_header(w, FMT_NACK, PT_RTPFB, 0);
    byte_writer_u32(w, ssrc);
    byte_writer_u32(w, media_ssrc);
    for (unsigned i = 0; i < n_sequences;) {
        uint16_t mask;
        const unsigned n = nack_entry(sequences + i, n_sequences - i, &mask);
        byte_writer_u16(w, sequences[i]);
        byte_writer_u16(w, mask);
        i += n;
    }
    if (!w->error) {
        const size_t size = byte_writer_size(w) - start - HEADER_SIZE;
        bytes_put_u16(w->start + start + 2, (uint16_t)(size / 4));
    }
}

void rtcp_write_pli(struct byte_writer *w, uint32_t ssrc, uint32_t media_ssrc)
{
    write_header(w, FMT_PLI, PT_PSFB, 8);
    byte_writer_u32(w, ssrc);
    byte_writer_u32(w, media_ssrc);
}

void rtcp_write_fir(struct byte_writer *w, uint32_t ssrc, uint32_t media_ssrc, uint8_t fir_sequence)
{
    write_header(w, FMT_FIR, PT_PSFB, 16);
    byte_writer_u32(w, ssrc);
    byte_writer_u32(w, 0); /* RFC 5104 §4.3.1.2: the FCI names the source */
    byte_writer_u32(w, media_ssrc);
    byte_writer_u8(w, fir_sequence);
    byte_writer_zeros(w, 3);
}

void rtcp_write_remb(struct byte_writer *w, uint32_t ssrc, uint64_t bitrate_bps,
                     const uint32_t *media_ssrcs, unsigned n_ssrcs)
{
    assert(n_ssrcs <= UINT8_MAX);
    unsigned exponent = 0;
    while (bitrate_bps >> exponent >= 1u << REMB_MANTISSA_BITS) {
        exponent++;
    }
    write_header(w, FMT_AFB, PT_PSFB, 16 + 4 * n_ssrcs);
    byte_writer_u32(w, ssrc);
    byte_writer_u32(w, 0);
    byte_writer_u32(w, REMB_NAME);
    byte_writer_u8(w, (uint8_t)n_ssrcs);
    byte_writer_u24(w, exponent << REMB_MANTISSA_BITS | (uint32_t)(bitrate_bps >> exponent));
    for (unsigned i = 0; i < n_ssrcs; i++) {
        byte_writer_u32(w, media_ssrcs[i]);
    }
}

static void write_xr_header(struct byte_writer *w, uint32_t ssrc, uint8_t type, size_t block_size)
{
    write_header(w, 0, PT_XR, 4 + 4 + block_size);
    byte_writer_u32(w, ssrc);
    byte_writer_u8(w, type);
    byte_writer_u8(w, 0);
    byte_writer_u16(w, (uint16_t)(block_size / 4));
}

void rtcp_write_rrtr(struct byte_writer *w, uint32_t ssrc, uint64_t ntp)
{
    write_xr_header(w, ssrc, XR_RRTR, 8);
    byte_writer_u64(w, ntp);
}

void rtcp_write_dlrr(struct byte_writer *w, uint32_t ssrc, uint32_t receiver_ssrc, uint32_t lrr,
                     uint32_t dlrr)
{
    write_xr_header(w, ssrc, XR_DLRR, 12);
    byte_writer_u32(w, receiver_ssrc);
    byte_writer_u32(w, lrr);
    byte_writer_u32(w, dlrr);
}
