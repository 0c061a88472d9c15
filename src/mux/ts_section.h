/*
 * Collects the sections of one PID: PAT, PMT.
 *
 * Ownership: a section's bytes are valid until the next push.
 * Thread:    one owner.
 * Spec:      ISO/IEC 13818-1 §2.4.4.
 */
#ifndef AVOCET_MUX_TS_SECTION_H
#define AVOCET_MUX_TS_SECTION_H

#include "mux/ts_psi.h"

struct ts_section {
    uint16_t pid; /* TS_PID_NULL: none */
    bool is_begun;
    size_t size;
    uint8_t bytes[TS_SECTION_SIZE_MAX];
};

/* The payload of a packet of this PID. True: *out is a whole section of table_id, valid by its CRC
 * and current, from behind last_section_number to before the CRC. */
bool ts_section_push(struct ts_section *s, struct bytes payload, bool is_unit_start,
                     uint8_t table_id, struct bytes *out);

/* The PID of the first program's map, or TS_PID_NULL. */
uint16_t ts_section_find_map(struct bytes pat);
/* The PID of the first stream of that type, or TS_PID_NULL. */
uint16_t ts_section_find_stream(struct bytes pmt, enum ts_stream_type type);

#endif
