#include "bitstream/access_unit_idle.h"

#include "base/time.h"

#define WAIT_MAX_NS (200 * NS_PER_MS)

enum {
    SAMPLES_IDR = 1,
    SAMPLES_OTHER = 4,
    DISTRUST_PAUSE = 2,
    DISTRUST_FORETOLD = 4,
    DISTRUST_ACTED = 32,
};

void access_unit_idle_init(struct access_unit_idle *idle, int64_t base_ns)
{
    *idle = (struct access_unit_idle){
        .base_ns = base_ns, .wait_ns = base_ns, .n_proofs_needed = ACCESS_UNIT_IDLE_PROOFS};
}

static bool has_usual_slices(const struct access_unit_idle_slices *slices, size_t n_least,
                             unsigned n_slices)
{
    if (slices->n_counts < n_least) {
        return false;
    }
    const size_t n = slices->n_counts < ACCESS_UNIT_IDLE_SLICE_HISTORY
                         ? slices->n_counts
                         : (size_t)ACCESS_UNIT_IDLE_SLICE_HISTORY;
    unsigned min = slices->counts[0];
    unsigned max = slices->counts[0];
    for (size_t i = 1; i < n; i++) {
        min = slices->counts[i] < min ? slices->counts[i] : min;
        max = slices->counts[i] > max ? slices->counts[i] : max;
    }
    return min == max ? n_slices == min : n_slices >= min;
}

/* Where stdio, pipes and TCP (IPv4 and IPv6, with and without time stamps, on Ethernet) cut; the
 * first byte, a start code's zero_byte, may be counted to the access unit before. */
static bool is_usual_cut(size_t size_bytes)
{
    static const size_t units[] = {4096, 1460, 1448, 1440, 1428};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (size_bytes % units[i] == 0 || (size_bytes + 1) % units[i] == 0) {
            return true;
        }
    }
    return false;
}

bool access_unit_idle_is_plausible(const struct access_unit_idle *idle, bool is_idr,
                                   unsigned n_slices, size_t size_bytes, size_t push_bytes,
                                   uint8_t last_byte)
{
    /* §7.3.2.11: the last byte of a NAL unit holds rbsp_stop_one_bit */
    return idle->base_ns > 0 && last_byte != 0 && !is_usual_cut(size_bytes) &&
           !is_usual_cut(push_bytes) &&
           has_usual_slices(&idle->slices[is_idr], is_idr ? SAMPLES_IDR : SAMPLES_OTHER, n_slices);
}

static bool has_proofs(const struct access_unit_idle *idle)
{
    return idle->n_proofs >= idle->n_proofs_needed;
}

bool access_unit_idle_is_trusted(const struct access_unit_idle *idle, bool is_idr,
                                 size_t size_bytes)
{
    const size_t proved_bytes = idle->proved_bytes[is_idr];
    const size_t more = proved_bytes / 100 * ACCESS_UNIT_IDLE_LARGER_PERCENT;
    return has_proofs(idle) && size_bytes <= proved_bytes + more;
}

static void note_slices(struct access_unit_idle *idle, bool is_idr, unsigned n_slices)
{
    struct access_unit_idle_slices *slices = &idle->slices[is_idr];
    slices->counts[slices->n_counts++ % ACCESS_UNIT_IDLE_SLICE_HISTORY] = n_slices;
}

static void distrust(struct access_unit_idle *idle, unsigned factor)
{
    idle->n_proofs = 0;
    idle->proved_bytes[0] = idle->proved_bytes[1] = 0;
    idle->n_calm = 0;
    idle->n_proofs_needed *= factor;
    if (idle->n_proofs_needed > ACCESS_UNIT_IDLE_PROOFS_MAX) {
        idle->n_proofs_needed = ACCESS_UNIT_IDLE_PROOFS_MAX;
    }
    if (idle->wait_ns <= WAIT_MAX_NS / 2) {
        idle->wait_ns *= 2;
    }
}

/* A pause must not be longer than half of wait_ns, also after that was halved. */
static void note_calm(struct access_unit_idle *idle)
{
    if (++idle->n_calm < ACCESS_UNIT_IDLE_CALM) {
        return;
    }
    if (idle->wait_ns > idle->base_ns && idle->longest_pause_ns < idle->wait_ns / 4) {
        idle->wait_ns /= 2;
    }
    if (idle->n_proofs_needed > ACCESS_UNIT_IDLE_PROOFS && has_proofs(idle)) {
        idle->n_proofs_needed /= 2;
    }
    idle->n_calm = 0;
    idle->longest_pause_ns = 0;
}

void access_unit_idle_paused(struct access_unit_idle *idle, int64_t pause_ns, size_t size_bytes,
                             size_t push_bytes)
{
    if (idle->foretold_bytes != 0 || is_usual_cut(size_bytes) || is_usual_cut(push_bytes)) {
        return; /* a forecast is settled later; at a usual cut none is made */
    }
    if (pause_ns > idle->longest_pause_ns) {
        idle->longest_pause_ns = pause_ns;
    }
    if (pause_ns > idle->wait_ns / 2) {
        distrust(idle, DISTRUST_PAUSE);
    }
}

static void prove(struct access_unit_idle *idle, bool is_idr, size_t size_bytes)
{
    if (size_bytes > idle->proved_bytes[is_idr]) {
        idle->proved_bytes[is_idr] = size_bytes;
    }
    if (idle->n_proofs < ACCESS_UNIT_IDLE_PROOFS_MAX) {
        idle->n_proofs++;
    }
}

void access_unit_idle_ended(struct access_unit_idle *idle, bool is_idr, unsigned n_slices,
                            size_t size_bytes)
{
    note_slices(idle, is_idr, n_slices);
    note_calm(idle);
    if (idle->foretold_bytes != 0) {
        if (idle->foretold_bytes == size_bytes) {
            prove(idle, is_idr, size_bytes);
        } else {
            distrust(idle, DISTRUST_FORETOLD);
        }
    }
    idle->foretold_bytes = 0;
}

void access_unit_idle_acted(struct access_unit_idle *idle)
{
    idle->n_ends++;
    idle->is_unproved = true;
    idle->is_tail_open = true;
    idle->foretold_bytes = 0;
}

void access_unit_idle_proved(struct access_unit_idle *idle, bool is_idr, unsigned n_slices)
{
    idle->is_unproved = false;
    note_slices(idle, is_idr, n_slices);
    note_calm(idle);
    prove(idle, is_idr, 0); /* one so large was proved before */
}

void access_unit_idle_disproved(struct access_unit_idle *idle)
{
    idle->is_unproved = false;
    idle->is_tail_open = false;
    idle->n_wrong++;
    distrust(idle, DISTRUST_ACTED);
}
