#include "stream/encoding.h"

#define METER_BUCKET_NS (500 * NS_PER_MS)

const int64_t stage_bounds_ns[STAGE_BUCKETS] = {
    250 * NS_PER_US, 500 * NS_PER_US, 1 * NS_PER_MS,    1500 * NS_PER_US, 2 * NS_PER_MS,
    3 * NS_PER_MS,   4 * NS_PER_MS,   5 * NS_PER_MS,    7 * NS_PER_MS,    10 * NS_PER_MS,
    15 * NS_PER_MS,  20 * NS_PER_MS,  35 * NS_PER_MS,   50 * NS_PER_MS,   100 * NS_PER_MS,
    200 * NS_PER_MS, 500 * NS_PER_MS, 1000 * NS_PER_MS, 2000 * NS_PER_MS, INT64_MAX,
};

/* Of each new duration, one part in this many goes into the mean. */
enum { STAGE_MEAN_PARTS = 16 };

void stage_note(struct stage_histogram *h, int64_t duration_ns)
{
    duration_ns = duration_ns > 0 ? duration_ns : 0;
    unsigned i = 0;
    while (duration_ns > stage_bounds_ns[i]) {
        i++;
    }
    h->counts[i]++;
    h->sum_ns += duration_ns;
    if (h->n++ == 0) {
        h->recent_ns = duration_ns;
    } else {
        h->recent_ns += (duration_ns - h->recent_ns) / STAGE_MEAN_PARTS;
    }
}

/* The one place where the stream looks at clocks: to relate the two of them, for a statistic. */
void stage_note_capture(struct stage_histogram *h, int64_t capture_ns, int64_t arrival_ns)
{
    if (capture_ns != TIME_NONE) {
        const int64_t between_ns = time_real_ns() - time_monotonic_ns();
        stage_note(h, arrival_ns + between_ns - capture_ns);
    }
}

const char *stage_name(enum stream_stage stage)
{
    static const char *const names[N_STAGES] = {
        [STAGE_CAPTURE] = "capture", [STAGE_ENCODE] = "encode", [STAGE_SEND] = "send"};
    return names[stage];
}

const char *drop_reason_name(enum drop_reason reason)
{
    static const char *const names[N_DROP_REASONS] = {
        [DROP_BUDGET] = "budget", [DROP_RATE] = "rate", [DROP_RING] = "ring",
        [DROP_INBOX] = "inbox",   [DROP_MUX] = "mux",
    };
    return names[reason];
}

struct protocol_stats *stage_protocol(struct stream *s, const char *protocol)
{
    struct protocol_stats *row = s->protocols;
    for (int i = 0; i < STREAM_PROTOCOLS_MAX; i++) {
        row = &s->protocols[i];
        if (!row->protocol || strcmp(row->protocol, protocol) == 0) {
            break;
        }
    }
    if (!row->protocol) {
        *row = (struct protocol_stats){.protocol = protocol, .send.recent_ns = TIME_NONE};
    }
    return row;
}

const struct protocol_stats *stream_protocol_stats(const struct stream *s, unsigned i)
{
    return i < STREAM_PROTOCOLS_MAX && s->protocols[i].protocol ? &s->protocols[i] : NULL;
}

/* ---- frames and bytes of the last seconds ---- */

/* Empty the buckets between the newest and now. */
static void advance(struct meter *m, int64_t bucket)
{
    if (m->bucket == 0 || bucket - m->bucket >= METER_BUCKETS) {
        *m = (struct meter){.bucket = bucket, .first = bucket};
    }
    while (m->bucket < bucket) {
        m->bucket++;
        m->n_frames[m->bucket % METER_BUCKETS] = 0;
        m->n_bytes[m->bucket % METER_BUCKETS] = 0;
    }
}

void meter_note(struct meter *m, size_t n_bytes, int64_t now_ns)
{
    advance(m, now_ns / METER_BUCKET_NS);
    m->n_frames[m->bucket % METER_BUCKETS]++;
    m->n_bytes[m->bucket % METER_BUCKETS] += n_bytes;
}

struct meter_sums {
    uint64_t n_frames;
    uint64_t n_bytes;
    double seconds; /* 0: nothing to say yet */
};

/* Over whole buckets only: the newest is still being filled, the first was begun in its middle. */
static struct meter_sums sum_up(struct meter m, int64_t now_ns)
{
    struct meter_sums sums = {0};
    if (m.bucket == 0 || now_ns / METER_BUCKET_NS - m.bucket >= METER_BUCKETS) {
        return sums;
    }
    advance(&m, now_ns / METER_BUCKET_NS);
    int64_t from = m.bucket - METER_BUCKETS + 1;
    from = from > m.first + 1 ? from : m.first + 1;
    for (int64_t i = from; i < m.bucket; i++) {
        sums.n_frames += m.n_frames[i % METER_BUCKETS];
        sums.n_bytes += m.n_bytes[i % METER_BUCKETS];
    }
    if (m.bucket > from) {
        sums.seconds = (double)((m.bucket - from) * METER_BUCKET_NS) / (double)NS_PER_S;
    }
    return sums;
}

double stream_measured_rate(const struct stream *s, enum encoding_id id, int64_t now_ns)
{
    const struct meter_sums sums = sum_up(s->encodings[id].meter, now_ns);
    return sums.seconds > 0 ? (double)sums.n_frames / sums.seconds : 0;
}

int64_t stream_measured_bps(const struct stream *s, enum encoding_id id, int64_t now_ns)
{
    const struct meter_sums sums = sum_up(s->encodings[id].meter, now_ns);
    return sums.seconds > 0 ? (int64_t)((double)sums.n_bytes * 8 / sums.seconds) : 0;
}
