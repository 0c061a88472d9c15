/*
 * The splitter, fed in cuts and drained where the input says: up to 64 bytes (cut size and whether
 * it pauses), then the stream. Where it was not drained the packets must be those of one push.
 */
#include <assert.h>

#include "bitstream/access_unit.h"

enum { N_CUTS = 64 };

struct digest {
    uint64_t hash;
    unsigned n_packets;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(struct digest *d, struct packet *p)
{
    for (size_t i = 0; i < p->size; i++) {
        d->hash = (d->hash ^ p->data[i]) * 0x100000001b3u;
    }
    d->hash = (d->hash ^ p->flags) * 0x100000001b3u;
    d->n_packets++;
    packet_unref(&p);
}

static void pull_all(struct access_unit *a, struct digest *d)
{
    struct packet *p;
    while (access_unit_pull(a, &p) == 0) {
        take(d, p);
    }
}

static void finish(struct access_unit *a, struct digest *d)
{
    struct packet *p;
    if (access_unit_flush_end(a, &p) == 0) {
        take(d, p);
    }
    pull_all(a, d);
    access_unit_finish(a);
}

/* Whether an access unit left because nothing more was to be read. */
static bool split_in_cuts(struct bytes in, const uint8_t *cuts, struct digest *d)
{
    struct access_unit a;
    access_unit_init(&a);
    bool was_whole = false;
    for (size_t done = 0, i = 1; done < in.size; i++) {
        const uint8_t cut = cuts[i % N_CUTS];
        size_t piece = 1 + (size_t)(cut & 0x7f) * (cut & 0x40 ? 16 : 1);
        piece = piece < in.size - done ? piece : in.size - done;
        access_unit_push(&a, bytes_of(in.data + done, piece), 0);
        done += piece;
        pull_all(&a, d);
        struct packet *p;
        const bool has_slice = a.n_slices > 0;
        if ((cut & 0x80) && access_unit_flush_whole(&a, &p) == 0) {
            take(d, p);
        }
        was_whole = was_whole || (has_slice && a.n_slices == 0); /* perhaps without a packet */
    }
    finish(&a, d);
    return was_whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < N_CUTS || size > ACCESS_UNIT_PUSH_MAX) {
        return 0;
    }
    const struct bytes in = bytes_of(data + N_CUTS, size - N_CUTS);
    struct digest whole = {0}, cut = {0};
    struct access_unit a;
    access_unit_init(&a);
    access_unit_push(&a, in, 0);
    pull_all(&a, &whole);
    finish(&a, &whole);
    if (!split_in_cuts(in, data, &cut)) {
        assert(whole.n_packets == cut.n_packets && whole.hash == cut.hash);
    }
    return 0;
}
