#include "net/webrtc_run.h"

#include <errno.h>

struct run {
    struct rtp_sender *sender;
    const struct udp_path *path;
    struct webrtc_scratch *scratch;
    int64_t now_ns;
    size_t end;           /* in the scratch area */
    size_t datagram_size; /* of all but the last */
    unsigned n;
    bool is_repeat;
    bool is_closed; /* the last one was shorter */
    int n_bytes_sent;
};

/* n packets of the run, and n_more of the frame given out after it, wait for the next step.
 * Repeats are not worth it. */
static void give_back(struct run *r, unsigned n, unsigned n_more)
{
    const unsigned n_unsent = n_more + (r->is_repeat ? 0 : n);
    if (n_unsent > 0) {
        rtp_sender_unsend(r->sender, n_unsent, r->now_ns);
    }
}

static size_t sent_size(const struct run *r, unsigned n_sent)
{
    return n_sent == r->n ? r->end : n_sent * r->datagram_size;
}

/* False: the socket is full. n_more packets of the frame were given out after the run's. */
static bool send_run(struct run *r, unsigned n_more)
{
    if (r->n == 0) {
        return true;
    }
    const int status = udp_send_run(r->path, bytes_of(r->scratch->bytes, r->end), r->datagram_size);
    const unsigned n_sent = status > 0 ? (unsigned)status : 0;
    const bool is_full = status == -EAGAIN || (status >= 0 && n_sent < r->n);
    r->n_bytes_sent += (int)sent_size(r, n_sent);
    if (is_full) {
        give_back(r, r->n - n_sent, n_more);
    }
    r->n = 0;
    r->end = 0;
    return !is_full;
}

static bool fits(const struct run *r, size_t size, bool is_repeat)
{
    return r->n < UDP_RUN_DATAGRAMS_MAX && !r->is_closed && is_repeat == r->is_repeat &&
           size <= r->datagram_size && r->end + size <= UDP_RUN_SIZE_MAX;
}

static void add(struct run *r, size_t size, bool is_repeat)
{
    if (r->n == 0) {
        r->datagram_size = size;
        r->is_repeat = is_repeat;
        r->is_closed = false;
    }
    r->is_closed = size < r->datagram_size;
    r->end += size;
    r->n++;
}

int webrtc_run_send(struct rtp_sender *sender, struct srtp_sender *srtp,
                    const struct udp_path *path, struct webrtc_scratch *scratch, int64_t now_ns)
{
    struct run r = {.sender = sender, .path = path, .scratch = scratch, .now_ns = now_ns};
    struct rtp_outgoing o;
    while (rtp_sender_next(sender, now_ns, &o)) {
        uint8_t *out = scratch->bytes + r.end;
        const size_t size = srtp_protect(srtp, o.index, o.header, o.prefix, o.payload, out);
        if (size == 0) {
            return -EIO;
        }
        if (r.n > 0 && !fits(&r, size, o.is_repeat)) {
            if (!send_run(&r, o.is_repeat ? 0 : 1)) {
                return r.n_bytes_sent;
            }
            memmove(scratch->bytes, out, size);
        }
        add(&r, size, o.is_repeat);
    }
    send_run(&r, 0);
    return r.n_bytes_sent;
}
