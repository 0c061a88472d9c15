/*
 * A strict reader of what mux_ts writes: aborts the test (cmocka) at the first offence against
 * ISO/IEC 13818-1 §2.4.3, and measures the distances that the standard bounds.
 */
#ifndef AVOCET_TESTS_MUX_TS_CHECK_H
#define AVOCET_TESTS_MUX_TS_CHECK_H

#include "base/bytes.h"
#include "base/time.h"

enum { TS_CHECK_PIDS = 0x2000 };

struct ts_check {
    int counters[TS_CHECK_PIDS]; /* of the last packet with payload; -1 none yet */
    unsigned n_packets;
    unsigned n_pats;
    unsigned n_pmts;
    unsigned n_clocks;
    unsigned n_units; /* PES packets with payload */
    unsigned n_empty; /* without */
    unsigned n_random_access;
    unsigned n_discontinuities; /* of the video PID */
    int64_t clock_ns;           /* PCR last seen */
    int64_t clock_interval_max_ns;
    int64_t tables_ns; /* PCR at the last PAT */
    int64_t tables_interval_max_ns;
    int64_t pts_ns;      /* last */
    int64_t lead_min_ns; /* PTS - PCR */
    int64_t lead_max_ns;
    size_t pes_size; /* begun: so many bytes said behind the length field; 0: none said */
    size_t pes_got;
    bool is_pes_open;
    bool pat_waits; /* a PAT came: its PMT comes next */
};

void ts_check_init(struct ts_check *c);
/* Whole packets. */
void ts_check_push(struct ts_check *c, struct bytes in);

#endif
