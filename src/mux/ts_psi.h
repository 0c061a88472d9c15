/*
 * The tables of a transport stream with one program: PAT and PMT, each one section in one packet.
 *
 * Thread: any; no shared state.
 * Spec:   ISO/IEC 13818-1 §2.4.4.3 (PAT), §2.4.4.8 (PMT), Annex A (CRC).
 */
#ifndef AVOCET_MUX_TS_PSI_H
#define AVOCET_MUX_TS_PSI_H

#include "mux/ts_packet.h"

enum {
    TS_PID_PAT = 0,
    TS_TABLE_PAT = 0,
    TS_TABLE_PMT = 2,
    TS_SECTION_SIZE_MAX = 1024,
    TS_PROGRAM_STREAMS_MAX = 8,
};

/* §2.4.4.9, table 2-34 */
enum ts_stream_type { TS_STREAM_H264 = 0x1b };

struct ts_program_stream {
    enum ts_stream_type type;
    uint16_t pid;
};

struct ts_program {
    uint16_t clock_pid;
    unsigned n_streams; /* at most TS_PROGRAM_STREAMS_MAX */
    struct ts_program_stream streams[TS_PROGRAM_STREAMS_MAX];
};

/* One packet each. */
void ts_psi_write_pat(struct byte_writer *w, struct ts_pid *pat, uint16_t pmt_pid);
void ts_psi_write_pmt(struct byte_writer *w, struct ts_pid *pmt, const struct ts_program *program);

/* 0 over a section with its own CRC at the end. */
uint32_t ts_psi_crc(struct bytes in);

#endif
