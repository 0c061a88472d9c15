#include "app/latency_samples.h"

#include <errno.h>
#include <stdlib.h>

int latency_samples_add(struct latency_samples *s, int64_t capture_ns, int64_t seen_ns)
{
    if (s->n_items == LATENCY_SAMPLES_MAX) {
        return -ENOSPC;
    }
    if (s->n_items == s->capacity) {
        const size_t capacity = s->capacity > 0 ? s->capacity * 2 : 1024;
        struct latency_sample *grown = realloc(s->items, capacity * sizeof(*grown));
        if (!grown) {
            return -ENOMEM;
        }
        s->items = grown;
        s->capacity = capacity;
    }
    s->items[s->n_items++] = (struct latency_sample){.capture_ns = capture_ns, .seen_ns = seen_ns};
    return 0;
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Nearest rank: the smallest value that at least percent of all do not exceed. */
static int64_t percentile(const int64_t *sorted, size_t n, unsigned percent)
{
    const size_t rank = (n * percent + 99) / 100;
    return sorted[rank > 0 ? rank - 1 : 0];
}

static size_t count_lost(const struct latency_samples *s, int64_t usual_ns)
{
    size_t n_lost = 0;
    for (size_t i = 1; usual_ns > 0 && i < s->n_items; i++) {
        const int64_t distance_ns = s->items[i].capture_ns - s->items[i - 1].capture_ns;
        if (distance_ns * 2 > usual_ns * 3) {
            n_lost += (size_t)((distance_ns + usual_ns / 2) / usual_ns - 1);
        }
    }
    return n_lost;
}

static int64_t longest_freeze(const struct latency_samples *s)
{
    int64_t longest_ns = s->end_ns == 0 ? 0 : s->end_ns - s->items[s->n_items - 1].seen_ns;
    for (size_t i = 1; i < s->n_items; i++) {
        const int64_t ns = s->items[i].seen_ns - s->items[i - 1].seen_ns;
        longest_ns = ns > longest_ns ? ns : longest_ns;
    }
    return longest_ns;
}

int latency_samples_summary(const struct latency_samples *s, struct latency_summary *out)
{
    if (s->n_items < 2) {
        return -EAGAIN;
    }
    int64_t *values = malloc(s->n_items * sizeof(*values));
    if (!values) {
        return -ENOMEM;
    }
    for (size_t i = 1; i < s->n_items; i++) {
        values[i - 1] = s->items[i].capture_ns - s->items[i - 1].capture_ns;
    }
    qsort(values, s->n_items - 1, sizeof(*values), compare);
    const int64_t usual_ns = percentile(values, s->n_items - 1, 50);
    for (size_t i = 0; i < s->n_items; i++) {
        values[i] = s->items[i].seen_ns - s->items[i].capture_ns;
    }
    qsort(values, s->n_items, sizeof(*values), compare);
    *out = (struct latency_summary){
        .n_frames = s->n_items,
        .n_lost = count_lost(s, usual_ns),
        .p50_ns = percentile(values, s->n_items, 50),
        .p95_ns = percentile(values, s->n_items, 95),
        .p99_ns = percentile(values, s->n_items, 99),
        .max_ns = values[s->n_items - 1],
        .freeze_ns = longest_freeze(s),
    };
    free(values);
    return 0;
}

void latency_samples_finish(struct latency_samples *s)
{
    free(s->items);
    *s = (struct latency_samples){0};
}
