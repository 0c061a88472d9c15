#include "proto/rtp_order.h"

#include <errno.h>

#include "base/time.h"

/* Indices begin here, so that packets before the first have one too. */
enum { FIRST_ROUND = 1 << 16 };

void rtp_order_init(struct rtp_order *o)
{
    *o = (struct rtp_order){.hole_ns = TIME_NONE, .heard_ns = TIME_NONE};
}

void rtp_order_finish(struct rtp_order *o)
{
    for (size_t i = 0; i < RTP_ORDER_SLOTS; i++) {
        buf_unref(&o->slots[i]);
    }
    buf_unref(&o->pulled);
}

static struct buf **slot_of(struct rtp_order *o, uint64_t index)
{
    return &o->slots[index % RTP_ORDER_SLOTS];
}

static void begin(struct rtp_order *o, const struct rtp_header *h)
{
    rtp_order_finish(o);
    rtp_order_init(o);
    o->is_started = true;
    o->ssrc = h->ssrc;
    o->next = o->end = FIRST_ROUND + (uint64_t)h->sequence;
}

/* What lies between next and index is given up, so that index has a slot. */
static void make_room(struct rtp_order *o, uint64_t index)
{
    while (index - o->next >= RTP_ORDER_SLOTS && o->next < o->end && !*slot_of(o, o->next)) {
        o->next++;
    }
}

static void note_hole(struct rtp_order *o, int64_t now_ns)
{
    if (o->next == o->end || *slot_of(o, o->next)) {
        o->hole_ns = TIME_NONE;
    } else if (o->hole_ns == TIME_NONE) {
        o->hole_ns = now_ns;
    }
}

static int keep(struct rtp_order *o, uint64_t index, struct bytes datagram)
{
    make_room(o, index);
    struct buf **slot = slot_of(o, index);
    if (index - o->next >= RTP_ORDER_SLOTS) {
        return -ENOBUFS; /* the owner does not pull */
    }
    if (*slot) {
        return -EALREADY;
    }
    *slot = buf_copy(datagram);
    if (!*slot) {
        return -ENOMEM;
    }
    o->end = index >= o->end ? index + 1 : o->end;
    return 0;
}

int rtp_order_push(struct rtp_order *o, struct bytes datagram, int64_t now_ns)
{
    struct rtp_packet p;
    if (rtp_parse(datagram, &p) < 0) {
        return -EBADMSG;
    }
    if (o->is_started && p.header.ssrc != o->ssrc && now_ns - o->heard_ns < RTP_ORDER_SILENCE_NS) {
        return -EBUSY;
    }
    if (!o->is_started || p.header.ssrc != o->ssrc) {
        begin(o, &p.header);
    }
    uint64_t index = rtp_extend_sequence(o->end, p.header.sequence);
    if (index >= o->end + RTP_ORDER_SLOTS || index + RTP_ORDER_SLOTS < o->next) {
        begin(o, &p.header);
        index = o->next;
    }
    o->heard_ns = now_ns;
    if (index < o->next) {
        return -EALREADY;
    }
    const int result = keep(o, index, datagram);
    note_hole(o, now_ns);
    return result;
}

bool rtp_order_pull(struct rtp_order *o, int64_t now_ns, struct rtp_packet *out)
{
    if (o->hole_ns != TIME_NONE &&
        (now_ns - o->hole_ns >= RTP_ORDER_WAIT_NS || o->end - o->next >= RTP_ORDER_SLOTS)) {
        while (!*slot_of(o, o->next)) {
            o->next++;
        }
        o->hole_ns = TIME_NONE;
    }
    if (o->next == o->end || !*slot_of(o, o->next)) {
        return false;
    }
    buf_unref(&o->pulled);
    o->pulled = *slot_of(o, o->next);
    *slot_of(o, o->next) = NULL;
    o->next++;
    note_hole(o, now_ns);
    return rtp_parse(buf_bytes(o->pulled), out) == 0;
}

int64_t rtp_order_deadline_ns(const struct rtp_order *o)
{
    return o->hole_ns == TIME_NONE ? TIME_NONE : o->hole_ns + RTP_ORDER_WAIT_NS;
}
