/*
 * MPEG transport stream packets: header, adaptation field, payload; and the PES header.
 *
 * Units:     clocks in 1/27000000 s, time stamps in 1/90000 s, both modulo 2^33 of the latter.
 * Ownership: borrows all.
 * Thread:    any; no shared state.
 * Spec:      ISO/IEC 13818-1 §2.4.3.2 (packet), §2.4.3.4 (adaptation field), §2.4.3.6 (PES).
 */
#ifndef AVOCET_MUX_TS_PACKET_H
#define AVOCET_MUX_TS_PACKET_H

#include "base/bytes.h"
#include "base/time.h"

enum {
    TS_PACKET_SIZE = 188,
    TS_SYNC = 0x47,
    TS_CLOCK_SCALE = 27000000,
    TS_TIMESCALE = 90000,
    TS_PID_NULL = 0x1fff,
    TS_PES_HEADER_SIZE = 14,   /* with a PTS and nothing else */
    TS_PES_LENGTH_MAX = 65535, /* of what follows the field that says it */
};

/* What is counted from packet to packet of one PID. */
struct ts_pid {
    uint16_t pid;
    uint8_t continuity;    /* of the next packet with a payload */
    bool is_discontinuous; /* the next packet says that it does not continue the last one */
};

/* What the adaptation field says, beside stuffing. */
struct ts_adaptation {
    bool is_random_access;
    int64_t clock; /* PCR; TIME_NONE: none */
};

/* Two ranges that lie behind each other in the stream, taken from the front. */
struct ts_payload {
    struct bytes head;
    struct bytes body;
};

static inline size_t ts_payload_left(const struct ts_payload *p)
{
    return p->head.size + p->body.size;
}

/* One packet with as much of the payload as fits, which is taken; no payload left: adaptation field
 * alone. */
void ts_packet_write(struct byte_writer *w, struct ts_pid *pid, bool is_unit_start,
                     const struct ts_adaptation *adaptation, struct ts_payload *payload);
/* Packets that the payload takes when the first one has this adaptation field. */
size_t ts_packet_count(const struct ts_pid *pid, const struct ts_adaptation *adaptation,
                       size_t payload_size);

/* Whether the length of so much fits into the header: else 0 stands there, "until the next one". */
bool ts_pes_has_length(size_t body_size);
/* At most TS_PES_HEADER_SIZE bytes. pts TIME_NONE: none; body_size: what follows. */
void ts_pes_write_header(struct byte_writer *w, uint8_t stream_id, int64_t pts, size_t body_size);

#endif
