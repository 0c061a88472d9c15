/*
 * A link in virtual time: a bottleneck with a queue, then delay, jitter (which reorders) and loss.
 *
 * Units:     rate 0 is unlimited; loss in 1/1000.
 * Ownership: copies what is sent.
 */
#ifndef AVOCET_TESTS_SIM_LINK_H
#define AVOCET_TESTS_SIM_LINK_H

#include "base/bytes.h"
#include "base/time.h"

enum { LINK_DATAGRAM_MAX = 1400, LINK_FLIGHT_MAX = 4096 };

struct link_config {
    int64_t rate_bps;
    int64_t queue_bytes; /* beyond it the tail is dropped */
    int64_t delay_ns;
    int64_t jitter_ns;
    unsigned loss;
};

struct link_datagram {
    int64_t arrival_ns;
    size_t size;
    uint8_t bytes[LINK_DATAGRAM_MAX];
};

struct link {
    struct link_config config;
    uint64_t random;
    int64_t free_ns;                               /* when the bottleneck has sent all it has */
    struct link_datagram *flight[LINK_FLIGHT_MAX]; /* by arrival */
    unsigned n_flight;
    uint64_t n_sent, n_lost, n_overflowed;
};

void link_init(struct link *l, const struct link_config *config, uint64_t seed);
void link_finish(struct link *l);
void link_send(struct link *l, struct bytes datagram, int64_t now_ns);
/* What has arrived by now; the caller frees it. NULL: nothing. */
struct link_datagram *link_receive(struct link *l, int64_t now_ns);
/* What the queue holds, in time. */
int64_t link_queue_ns(const struct link *l, int64_t now_ns);

#endif
