#include "proto/rtp_history.h"

void rtp_history_init(struct rtp_history *h)
{
    memset(h, 0, sizeof(*h));
}

static struct rtp_history_frame *frame_at(const struct rtp_history *h, unsigned i)
{
    return (struct rtp_history_frame *)&h->frames[(h->first + i) % RTP_HISTORY_FRAMES];
}

static void drop_first(struct rtp_history *h)
{
    buf_unref(&frame_at(h, 0)->buf);
    h->first = (h->first + 1) % RTP_HISTORY_FRAMES;
    h->n_frames--;
}

void rtp_history_finish(struct rtp_history *h)
{
    while (h->n_frames > 0) {
        drop_first(h);
    }
}

void rtp_history_begin(struct rtp_history *h, struct buf *buf, uint64_t first_index,
                       int64_t capture_ns, int64_t now_ns)
{
    if (h->n_frames == RTP_HISTORY_FRAMES) {
        drop_first(h);
    }
    *frame_at(h, h->n_frames++) = (struct rtp_history_frame){
        .buf = buf_ref(buf),
        .first_index = first_index,
        .capture_ns = capture_ns,
        .sent_ns = now_ns,
    };
}

void rtp_history_sent(struct rtp_history *h, int64_t now_ns)
{
    struct rtp_history_frame *f = frame_at(h, h->n_frames - 1);
    f->n_sent++;
    f->last_sent_ns = now_ns;
}

void rtp_history_unsent(struct rtp_history *h, unsigned n)
{
    frame_at(h, h->n_frames - 1)->n_sent -= n;
}

void rtp_history_expire(struct rtp_history *h, int64_t now_ns)
{
    while (h->n_frames > 0 && now_ns - frame_at(h, 0)->sent_ns > RTP_HISTORY_NS) {
        drop_first(h);
    }
}

const struct rtp_history_frame *rtp_history_find(const struct rtp_history *h, uint64_t index)
{
    for (unsigned i = h->n_frames; i-- > 0;) { /* what is missed is mostly young */
        const struct rtp_history_frame *f = frame_at(h, i);
        if (index >= f->first_index) {
            return index - f->first_index < f->n_sent ? f : NULL;
        }
    }
    return NULL;
}

int64_t rtp_history_sent_ns(const struct rtp_history *h, uint64_t index)
{
    const struct rtp_history_frame *f = rtp_history_find(h, index);
    if (!f) {
        const struct rtp_history_frame *oldest = frame_at(h, 0);
        return h->n_frames > 0 && index < oldest->first_index ? oldest->sent_ns : TIME_NONE;
    }
    const int64_t i = (int64_t)(index - f->first_index);
    return f->n_sent < 2 ? f->sent_ns
                         : f->sent_ns + (f->last_sent_ns - f->sent_ns) * i / (f->n_sent - 1);
}

/* Milliseconds of the monotonic clock, never 0, which means "not yet". */
static uint32_t clock_ms(int64_t now_ns)
{
    return (uint32_t)(now_ns / NS_PER_MS) | 1;
}

bool rtp_history_retry(struct rtp_history *h, uint64_t index, int64_t round_trip_ns, int64_t now_ns,
                       bool *is_first)
{
    const unsigned slot = index % RTP_HISTORY_RETRIES;
    const uint32_t last_ms = h->retries[slot].ms;
    const uint32_t now_ms = clock_ms(now_ns);
    /* Two packets may share a slot: the later one is refused too, so that the rule holds whatever
     * is asked for. Two ms more, for the rounding. */
    if (last_ms != 0 && now_ms - last_ms < round_trip_ns / NS_PER_MS + 2) {
        return false;
    }
    *is_first = last_ms == 0 || h->retries[slot].index != (uint32_t)index;
    h->retries[slot].index = (uint32_t)index;
    h->retries[slot].ms = now_ms;
    return true;
}
