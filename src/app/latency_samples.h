/*
 * Latencies of the frames of one run: percentiles and lost frames.
 *
 * A frame is lost when the capture times of two neighbours are further apart than one and a half
 * of the usual distance (the median): that many are missing. A freeze is the time from one frame
 * seen to the next, or to the end.
 *
 * Units:     all in ns.
 * Ownership: latency_samples_finish() frees; a zeroed struct is empty.
 * Thread:    one owner.
 * Errors:    -ENOMEM; -ENOSPC above LATENCY_SAMPLES_MAX; -EAGAIN from summary: fewer than two
 * frames.
 */
#ifndef AVOCET_APP_LATENCY_SAMPLES_H
#define AVOCET_APP_LATENCY_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

enum { LATENCY_SAMPLES_MAX = 1000000 };

struct latency_sample {
    int64_t capture_ns; /* real clock */
    int64_t seen_ns;    /* real clock */
};

struct latency_samples {
    struct latency_sample *items;
    size_t n_items;
    size_t capacity;
    int64_t end_ns; /* of the run, real clock; 0: with the last frame */
};

struct latency_summary {
    size_t n_frames;
    size_t n_lost;
    int64_t p50_ns;
    int64_t p95_ns;
    int64_t p99_ns;
    int64_t max_ns;
    int64_t freeze_ns; /* the longest */
};

int latency_samples_add(struct latency_samples *s, int64_t capture_ns, int64_t seen_ns);
int latency_samples_summary(const struct latency_samples *s, struct latency_summary *out);
void latency_samples_finish(struct latency_samples *s);

#endif
