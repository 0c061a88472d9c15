#include "net/webrtc_candidates.h"

struct candidate_list {
    struct endpoint *out;
    unsigned n;
    unsigned max;
};

static void add(struct candidate_list *l, struct endpoint e, uint16_t port)
{
    e.port = port;
    for (unsigned i = 0; i < l->n; i++) {
        if (endpoint_equal(&l->out[i], &e)) {
            return;
        }
    }
    if (l->n < l->max) {
        l->out[l->n++] = e;
    }
}

static bool is_loopback(const struct endpoint *e)
{
    static const uint8_t one[16] = {[15] = 1};
    return e->version == 4 ? e->ip[0] == 127 : memcmp(e->ip, one, sizeof(one)) == 0;
}

static bool is_any(const struct endpoint *e)
{
    static const uint8_t zeros[16];
    return memcmp(e->ip, zeros, e->version == 4 ? 4 : 16) == 0;
}

static bool covers(const struct endpoint *socket, const struct endpoint *e)
{
    return socket->version == e->version &&
           (is_any(socket) || memcmp(socket->ip, e->ip, sizeof(e->ip)) == 0);
}

static void add_covered(struct candidate_list *l, const struct webrtc_candidates_config *c,
                        const struct endpoint *e)
{
    for (unsigned i = 0; i < c->n_sockets; i++) {
        if (covers(&c->sockets[i], e)) {
            add(l, *e, c->sockets[i].port);
        }
    }
}

static void add_advertised(struct candidate_list *l, const struct webrtc_candidates_config *c)
{
    for (unsigned i = 0; i < c->n_advertised; i++) {
        const uint16_t port = c->advertised[i].port;
        add(l, c->advertised[i], port != 0 ? port : c->sockets[0].port);
    }
}

/* Addresses that sockets are bound to, and those of the interfaces. */
static void add_own(struct candidate_list *l, const struct webrtc_candidates_config *c,
                    bool loopback)
{
    for (unsigned i = 0; i < c->n_sockets; i++) {
        if (!is_any(&c->sockets[i]) && is_loopback(&c->sockets[i]) == loopback) {
            add(l, c->sockets[i], c->sockets[i].port);
        }
    }
    for (unsigned i = 0; i < c->n_interfaces; i++) {
        struct endpoint e;
        if (endpoint_from_sockaddr(&c->interfaces[i].sa, &e) == 0 && is_loopback(&e) == loopback) {
            add_covered(l, c, &e);
        }
    }
}

unsigned webrtc_candidates(const struct webrtc_candidates_config *c, struct endpoint *out,
                           unsigned max)
{
    struct candidate_list l = {.out = out, .max = max};
    if (c->n_advertised > 0) {
        add_advertised(&l, c);
        return l.n;
    }
    if (c->reached) {
        add_covered(&l, c, c->reached);
    }
    add_own(&l, c, false);
    if (l.n == 0 || (c->reached && is_loopback(c->reached))) {
        add_own(&l, c, true);
    }
    for (unsigned i = 0; i < c->n_inside; i++) {
        add(&l, c->inside[i], c->inside[i].port);
    }
    return l.n;
}
