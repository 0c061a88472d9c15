/*
 * RTCP: reading compound and reduced-size packets item by item, and writing ours.
 *
 *   struct rtcp_reader r;
 *   rtcp_reader_init(&r, bytes);
 *   for (struct rtcp_item item; rtcp_reader_next(&r, &item);) { switch (item.type) ... }
 *
 * Packets that we do not know (TWCC, APP, SDES, ...) are skipped. Reading ends at the first
 * malformed packet, with r.error set; the items before it were good.
 *
 * Units:     delays in 1/65536 s as on the wire; NTP as UQ32.32; jitter in time stamp units.
 * Ownership: borrows the bytes.
 * Thread:    any; no shared state.
 * Errors:    writers set the byte_writer's sticky error when there is no room.
 * Spec:      RFC 3550 §6; RFC 4585 §6.2.1 (NACK), §6.3.1 (PLI); RFC 5104 §4.3.1 (FIR); RFC 3611
 *            §4.4 (RRTR), §4.5 (DLRR); RFC 5506 (reduced size); draft-alvestrand-rmcat-remb-03.
 */
#ifndef AVOCET_PROTO_RTCP_H
#define AVOCET_PROTO_RTCP_H

#include "base/bytes.h"

enum rtcp_item_type {
    RTCP_SENDER_REPORT, /* sr */
    RTCP_REPORT_BLOCK,  /* block, of an SR or RR */
    RTCP_NACK,          /* sequence: one item for each lost packet */
    RTCP_PLI,           /* media_ssrc only */
    RTCP_FIR,           /* fir_sequence */
    RTCP_REMB,          /* bitrate_bps: one item for each SSRC it names, at least one */
    RTCP_RRTR,          /* ntp */
    RTCP_DLRR,          /* lrr, dlrr */
    RTCP_BYE,           /* media_ssrc: the source that leaves */
};

struct rtcp_sender_report {
    uint64_t ntp;
    uint32_t rtp_timestamp;
    uint32_t n_packets;
    uint32_t n_bytes; /* payload only */
};

struct rtcp_report_block {
    uint32_t ssrc;             /* the source this block is about */
    uint8_t fraction_lost;     /* 1/256, since the last report */
    int32_t n_lost;            /* cumulative, 24 bits signed */
    uint32_t highest_sequence; /* extended */
    uint32_t jitter;
    uint32_t lsr;  /* middle 32 bits of the last SR's NTP, 0: none */
    uint32_t dlsr; /* delay since it, 1/65536 s */
};

struct rtcp_item {
    enum rtcp_item_type type;
    uint32_t sender_ssrc; /* who sent the packet */
    uint32_t media_ssrc;  /* which source it is about */
    union {
        struct rtcp_sender_report sr;
        struct rtcp_report_block block;
        uint16_t sequence;
        uint8_t fir_sequence;
        uint64_t bitrate_bps;
        uint64_t ntp;
        struct {
            uint32_t lrr;
            uint32_t dlrr;
        };
    };
};

/* All fields are the reader's own but for error. */
struct rtcp_reader {
    struct byte_reader in;    /* the packets not yet begun */
    struct byte_reader body;  /* what is left of the current packet */
    struct byte_reader block; /* what is left of the current XR block, or of a REMB's SSRCs */
    uint64_t bitrate_bps;
    uint32_t sender_ssrc;
    uint32_t media_ssrc;
    uint32_t nack_mask; /* lost packets still to be told, bit 0 = nack_first */
    uint16_t nack_first;
    uint8_t items;  /* which kind of items the body has */
    uint8_t n_left; /* items by count: report blocks, BYE sources */
    bool error;
};

void rtcp_reader_init(struct rtcp_reader *r, struct bytes in);
bool rtcp_reader_next(struct rtcp_reader *r, struct rtcp_item *out);

/* --- writing: each appends one packet, so a compound is several calls --- */

void rtcp_write_sr(struct byte_writer *w, uint32_t ssrc, const struct rtcp_sender_report *sr);
/* With up to 31 report blocks. */
void rtcp_write_rr(struct byte_writer *w, uint32_t ssrc, const struct rtcp_report_block *blocks,
                   unsigned n_blocks);
/* SDES with one CNAME of at most 255 bytes. */
void rtcp_write_cname(struct byte_writer *w, uint32_t ssrc, struct bytes cname);
void rtcp_write_bye(struct byte_writer *w, const uint32_t *ssrcs, unsigned n_ssrcs);
/* Lost sequence numbers in rising order (modulo 2^16), folded into as few FCI entries as can be. */
void rtcp_write_nack(struct byte_writer *w, uint32_t ssrc, uint32_t media_ssrc,
                     const uint16_t *sequences, unsigned n_sequences);
void rtcp_write_pli(struct byte_writer *w, uint32_t ssrc, uint32_t media_ssrc);
void rtcp_write_fir(struct byte_writer *w, uint32_t ssrc, uint32_t media_ssrc,
                    uint8_t fir_sequence);
void rtcp_write_remb(struct byte_writer *w, uint32_t ssrc, uint64_t bitrate_bps,
                     const uint32_t *media_ssrcs, unsigned n_ssrcs);
void rtcp_write_rrtr(struct byte_writer *w, uint32_t ssrc, uint64_t ntp);
/* lrr: rtcp_ntp_middle() of the RRTR answered; dlrr: 1/65536 s since it came. */
void rtcp_write_dlrr(struct byte_writer *w, uint32_t ssrc, uint32_t receiver_ssrc, uint32_t lrr,
                     uint32_t dlrr);

/* --- time --- */

static inline uint32_t rtcp_ntp_middle(uint64_t ntp)
{
    return (uint32_t)(ntp >> 16);
}

/* 1/65536 s, saturated; negative ages are 0. */
uint32_t rtcp_delay(int64_t age_ns);
/* Round trip from a report block's LSR and DLSR (or DLRR's) received at now_ntp (RFC 3550 §6.4.1,
 * figure 2). TIME_NONE when lsr is 0 or the result cannot be: beyond a minute, or more negative
 * than the millisecond that rounding and unequal clocks explain (which gives 0). */
int64_t rtcp_round_trip_ns(uint64_t now_ntp, uint32_t lsr, uint32_t dlsr);

#endif
