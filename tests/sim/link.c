#include "sim/link.h"

#include <assert.h>
#include <stdlib.h>

void link_init(struct link *l, const struct link_config *config, uint64_t seed)
{
    memset(l, 0, sizeof(*l));
    l->config = *config;
    l->random = seed * 2 + 1;
}

void link_finish(struct link *l)
{
    while (l->n_flight > 0) {
        free(l->flight[--l->n_flight]);
    }
}

/* xorshift64* */
static uint32_t next_random(struct link *l)
{
    l->random ^= l->random >> 12;
    l->random ^= l->random << 25;
    l->random ^= l->random >> 27;
    return (uint32_t)(l->random * UINT64_C(2685821657736338717) >> 32);
}

static void insert(struct link *l, struct link_datagram *d)
{
    assert(l->n_flight < LINK_FLIGHT_MAX);
    unsigned i = l->n_flight++;
    while (i > 0 && l->flight[i - 1]->arrival_ns > d->arrival_ns) {
        l->flight[i] = l->flight[i - 1];
        i--;
    }
    l->flight[i] = d;
}

int64_t link_queue_ns(const struct link *l, int64_t now_ns)
{
    return l->free_ns > now_ns ? l->free_ns - now_ns : 0;
}

void link_send(struct link *l, struct bytes datagram, int64_t now_ns)
{
    const struct link_config *c = &l->config;
    int64_t leaves_ns = now_ns;
    l->n_sent++;
    if (c->rate_bps > 0) {
        const int64_t wait_ns = link_queue_ns(l, now_ns);
        if (time_rescale(wait_ns, c->rate_bps, 8 * NS_PER_S) > c->queue_bytes) {
            l->n_overflowed++;
            return;
        }
        leaves_ns += wait_ns + time_rescale((int64_t)datagram.size, 8 * NS_PER_S, c->rate_bps);
        l->free_ns = leaves_ns;
    }
    if (next_random(l) % 1000 < c->loss) {
        l->n_lost++;
        return;
    }
    struct link_datagram *d = malloc(sizeof(*d));
    assert(d && datagram.size <= sizeof(d->bytes));
    d->arrival_ns = leaves_ns + c->delay_ns;
    d->arrival_ns += c->jitter_ns > 0 ? next_random(l) % c->jitter_ns : 0;
    d->size = datagram.size;
    memcpy(d->bytes, datagram.data, datagram.size);
    insert(l, d);
}

struct link_datagram *link_receive(struct link *l, int64_t now_ns)
{
    if (l->n_flight == 0 || l->flight[0]->arrival_ns > now_ns) {
        return NULL;
    }
    struct link_datagram *d = l->flight[0];
    memmove(l->flight, l->flight + 1, --l->n_flight * sizeof(*l->flight));
    return d;
}
