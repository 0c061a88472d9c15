#include "sink/rtsp_udp.h"

#include <errno.h>
#include <openssl/rand.h>

#include "media/rtp_payloads.h"
#include "proto/rtcp.h"
#include "proto/rtp.h"

static struct rtsp_udp *udp_of(const struct rtsp_flow *f)
{
    return f->carrier;
}

/* ---- sending ---- */

struct headers {
    uint8_t bytes[UDP_RUN_DATAGRAMS_MAX][RTP_HEADER_SIZE_MAX];
};

static struct bytes write_header(const struct rtsp_udp *u, uint32_t i, uint8_t *out)
{
    static const struct rtp_extension_ids no_ids;
    static const struct rtp_extensions no_extensions;
    const struct rtp_payloads *head = rtp_payloads_of(u->frame);
    const struct rtp_header h = {
        .marker = head->payloads[i].marker,
        .payload_type = (uint8_t)u->flow->track->payload_type,
        .sequence = (uint16_t)(u->sequence + (i - u->n_sent)),
        .timestamp = head->timestamp,
        .ssrc = u->ssrc,
    };
    return bytes_of(out, rtp_write_header(&h, &no_ids, &no_extensions, out));
}

/* Payloads from n_sent on that may leave as one run: of one size but for the last, no more than the
 * pacer allows. */
static unsigned measure_run(const struct rtsp_udp *u)
{
    const struct rtp_payloads *head = rtp_payloads_of(u->frame);
    const struct rtp_payload *first = &head->payloads[u->n_sent];
    const unsigned left = head->n_payloads - u->n_sent;
    unsigned n = 1;
    size_t size = first->size + RTP_HEADER_SIZE;
    while (n < left && n < UDP_RUN_DATAGRAMS_MAX && first[n - 1].size == first->size &&
           first[n].size <= first->size && size < (size_t)u->pacer.level_bytes &&
           size + first->size + RTP_HEADER_SIZE <= UDP_RUN_SIZE_MAX) {
        size += first[n].size + RTP_HEADER_SIZE;
        n++;
    }
    return n;
}

/* How many left; 0: not now. Those that are lost by an error are gone as in the network. */
static unsigned send_run(struct rtsp_udp *u)
{
    struct headers headers;
    struct udp_pieces pieces[UDP_RUN_DATAGRAMS_MAX];
    const unsigned n = measure_run(u);
    for (unsigned i = 0; i < n; i++) {
        pieces[i].head = write_header(u, u->n_sent + i, headers.bytes[i]);
        pieces[i].body = rtp_payload_bytes(u->frame, u->n_sent + i);
    }
    const int sent = udp_send_pieces(&u->rtp, pieces, n);
    if (sent == -EAGAIN) {
        return 0;
    }
    const unsigned n_gone = sent < 0 ? n : (unsigned)sent;
    for (unsigned i = 0; i < n_gone; i++) {
        rtp_pacer_spend(&u->pacer, pieces[i].head.size + pieces[i].body.size);
    }
    u->n_sent += n_gone;
    u->sequence = (uint16_t)(u->sequence + n_gone);
    return n_gone;
}

static void advance(struct rtsp_udp *u)
{
    rtp_pacer_advance(&u->pacer, loop_now_ns(u->timer.loop));
    while (u->frame && rtp_pacer_may_send(&u->pacer) && send_run(u) > 0) {
        if (u->n_sent == rtp_payloads_of(u->frame)->n_payloads) {
            buf_unref(&u->frame);
        }
    }
    if (u->frame) {
        loop_timer_start(&u->timer, RTP_PACER_STEP_NS);
    }
}

static void on_timer(struct loop_timer *t)
{
    struct rtsp_udp *u = list_entry(t, struct rtsp_udp, timer);
    advance(u);
    if (!u->frame) {
        rtsp_flow_run(u->flow);
    }
}

/* ---- outlet ---- */

static int64_t rate_for(const struct reader *r)
{
    const struct track *track = stream_track(r->stream, r->encoding);
    const int64_t rate_bps = RTSP_UDP_RATE_TIMES * track->bitrate_bps;
    return rate_bps > RTSP_UDP_RATE_BPS ? rate_bps : RTSP_UDP_RATE_BPS;
}

static int send_bufs(struct outlet *o, struct buf *const *bufs, size_t n_bufs)
{
    struct rtsp_udp *u = udp_of(rtsp_flow_of(o));
    struct reader *reader = &u->flow->pump.reader;
    rtp_pacer_set_rate(&u->pacer, rate_for(reader), loop_now_ns(u->timer.loop));
    u->frame = buf_ref(bufs[n_bufs - 1]); /* there is no preamble */
    u->n_sent = 0;
    advance(u);
    if (u->is_thinned) {
        reader_skip_to_key(reader, DROP_RATE, loop_now_ns(u->timer.loop));
    }
    return 0;
}

static bool is_idle(const struct outlet *o)
{
    return !udp_of(list_entry(o, const struct rtsp_flow, outlet))->frame;
}

/* ---- flow ---- */

static const struct mux_type *mux_of(const struct rtsp_track *t)
{
    return t->payloads;
}

static void view(const struct rtsp_flow *f, const struct chunk *c, struct rtsp_frames *out)
{
    const struct rtsp_udp *u = udp_of(f);
    const struct rtp_payloads *head = rtp_payloads_of(c->buf);
    *out = (struct rtsp_frames){
        .ssrc = u->ssrc,
        .sequence = u->sequence,
        .timestamp = head->timestamp,
        .n_packets = head->n_payloads,
        .n_payload_bytes = c->buf->size - head->payloads[0].offset,
    };
}

static void send_report(struct rtsp_flow *f, struct bytes rtcp)
{
    (void)udp_send(&udp_of(f)->rtcp, rtcp);
}

static void stop(struct rtsp_flow *f)
{
    struct rtsp_udp *u = udp_of(f);
    loop_timer_stop(&u->timer);
    buf_unref(&u->frame);
}

const struct rtsp_flow_type rtsp_flow_udp = {
    .outlet = {.send = send_bufs, .is_idle = is_idle},
    .mux = mux_of,
    .view = view,
    .send_report = send_report,
    .stop = stop,
};

/* ---- reports of the other side ---- */

static void take_loss(struct rtsp_udp *u, uint8_t fraction_lost)
{
    if (fraction_lost >= RTSP_LOSS_HIGH) {
        u->is_thinned = true;
    } else if (fraction_lost <= RTSP_LOSS_LOW) {
        u->is_thinned = false;
    }
}

void rtsp_udp_receive(struct rtsp_udp *u, struct bytes rtcp)
{
    struct rtcp_reader r;
    struct rtcp_item item;
    rtcp_reader_init(&r, rtcp);
    while (rtcp_reader_next(&r, &item)) {
        if (item.type == RTCP_REPORT_BLOCK && item.block.ssrc == u->ssrc) {
            take_loss(u, item.block.fraction_lost);
        }
    }
}

/* ---- life ---- */

int rtsp_udp_init(struct rtsp_udp *u, struct rtsp_flow *flow, struct loop *loop,
                  const struct udp_path *rtp, const struct udp_path *rtcp)
{
    *u = (struct rtsp_udp){.flow = flow, .rtp = *rtp, .rtcp = *rtcp};
    loop_timer_init(&u->timer, loop, on_timer);
    rtp_pacer_init(&u->pacer, RTSP_UDP_RATE_BPS, loop_now_ns(loop));
    const bool has_numbers = RAND_bytes((unsigned char *)&u->ssrc, sizeof(u->ssrc)) == 1 &&
                             RAND_bytes((unsigned char *)&u->sequence, sizeof(u->sequence)) == 1;
    u->sequence &= 0x7fff; /* no wrap soon after the beginning */
    return has_numbers ? 0 : -EIO;
}

void rtsp_udp_finish(struct rtsp_udp *u)
{
    loop_timer_finish(&u->timer);
    buf_unref(&u->frame);
}
