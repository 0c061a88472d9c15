#include "proto/rtp_receiver.h"

#include <errno.h>

#include "proto/rtcp.h"

/* Reordering is no loss. */
#define REORDER_NS          (5 * NS_PER_MS)
#define ASK_SLACK_NS        (20 * NS_PER_MS)
#define FIRST_ROUND_TRIP_NS (100 * NS_PER_MS)
#define KEY_REPEAT_NS       (200 * NS_PER_MS)

enum {
    REPORT_SIZE = 52, /* RR with a block, XR with RRTR */
    NAL_SPS = 7,
    NAL_STAP_A = 24,
};

void rtp_receiver_init(struct rtp_receiver *r, const struct rtp_receiver_config *config)
{
    memset(r, 0, sizeof(*r));
    r->config = *config;
    r->round_trip_ns = FIRST_ROUND_TRIP_NS;
    rtp_estimator_init(&r->estimator);
}

void rtp_receiver_finish(struct rtp_receiver *r)
{
    for (unsigned i = 0; i < RTP_RECEIVER_SLOTS; i++) {
        buf_unref(&r->slots[i].payload);
    }
    buf_unref(&r->pulled);
}

static struct rtp_receiver_slot *slot_at(struct rtp_receiver *r, uint64_t index)
{
    return &r->slots[index % RTP_RECEIVER_SLOTS];
}

/* ---- packets ---- */

static void start(struct rtp_receiver *r, const struct rtp_packet *p, int64_t now_ns)
{
    r->is_started = true;
    r->media_ssrc = p->header.ssrc;
    r->next = r->end = r->base = r->reported_end = (UINT64_C(1) << 16) + p->header.sequence;
    r->pulled_ns = r->reported_ns = now_ns;
    r->asked_key_ns = now_ns;
    r->remb_ns = now_ns;
}

static void give_up_upto(struct rtp_receiver *r, uint64_t index)
{
    for (; r->next < index && r->next < r->end; r->next++) {
        buf_unref(&slot_at(r, r->next)->payload);
    }
    r->next = index;
    r->end = r->end > index ? r->end : index;
}

/* Everything from the end up to index is missing now. */
static void extend(struct rtp_receiver *r, uint64_t index, int64_t now_ns)
{
    if (index >= r->next + RTP_RECEIVER_SLOTS) {
        give_up_upto(r, index - RTP_RECEIVER_SLOTS + 1);
    }
    for (; r->end <= index; r->end++) {
        *slot_at(r, r->end) = (struct rtp_receiver_slot){.since_ns = now_ns, .asked_ns = TIME_NONE};
        r->stats.n_missed += r->end < index;
    }
}

static int keep(struct rtp_receiver *r, const struct rtp_packet *p, int64_t now_ns)
{
    const uint64_t index = rtp_extend_sequence(r->end, p->header.sequence);
    if (index < r->next || (index < r->end && slot_at(r, index)->payload)) {
        return -EALREADY;
    }
    struct buf *payload = buf_copy(p->payload);
    if (!payload) {
        return -ENOMEM;
    }
    extend(r, index, now_ns);
    struct rtp_receiver_slot *slot = slot_at(r, index);
    slot->payload = payload;
    slot->timestamp = p->header.timestamp;
    slot->marker = p->header.marker;
    return 0;
}

static int push_repeat(struct rtp_receiver *r, const struct rtp_packet *p, int64_t now_ns)
{
    struct rtp_packet original;
    r->stats.n_repeats++;
    r->stats.n_repeat_bytes += p->header_size + p->payload.size;
    if (!r->is_started ||
        rtp_restore_rtx(p, r->config.payload_type, r->media_ssrc, &original) < 0) {
        return -EBADMSG;
    }
    return keep(r, &original, now_ns);
}

int rtp_receiver_push(struct rtp_receiver *r, struct bytes rtp, int64_t now_ns)
{
    struct rtp_packet p;
    struct rtp_extensions extensions = {0};
    if (rtp_parse(rtp, &p) < 0) {
        return -EBADMSG;
    }
    rtp_read_extensions(&p, &r->config.extensions, &extensions);
    if (extensions.has_abs_send_time) {
        rtp_estimator_on_packet(&r->estimator, extensions.abs_send_time, rtp.size, now_ns);
    }
    if (r->config.has_rtx && p.header.payload_type == r->config.rtx_payload_type) {
        return push_repeat(r, &p, now_ns);
    }
    if (p.header.payload_type != r->config.payload_type) {
        return -EBADMSG;
    }
    if (!r->is_started) {
        start(r, &p, now_ns);
    }
    r->stats.n_packets++;
    r->stats.n_bytes += rtp.size;
    return keep(r, &p, now_ns);
}

/* ---- order ---- */

/* By its parameter sets: an IDR picture may have several slices. */
static bool begins_keyframe(struct bytes payload)
{
    const size_t at = payload.size > 0 && (payload.data[0] & 0x1f) == NAL_STAP_A ? 3 : 0;
    return payload.size > at && (payload.data[at] & 0x1f) == NAL_SPS;
}

static bool is_whole(struct rtp_receiver *r, uint64_t index)
{
    for (; index < r->end && slot_at(r, index)->payload; index++) {
        if (slot_at(r, index)->marker) {
            return true;
        }
    }
    return false;
}

/* Over the hole at next, to a keyframe that is there wholly. */
static void skip_to_keyframe(struct rtp_receiver *r)
{
    for (uint64_t i = r->next + 1; i < r->end; i++) {
        const struct rtp_receiver_slot *slot = slot_at(r, i);
        if (slot->payload && begins_keyframe(buf_bytes(slot->payload)) && is_whole(r, i)) {
            give_up_upto(r, i);
            return;
        }
    }
}

bool rtp_receiver_pull(struct rtp_receiver *r, int64_t now_ns, struct rtp_receiver_payload *out)
{
    if (r->next < r->end && !slot_at(r, r->next)->payload) {
        skip_to_keyframe(r);
    }
    struct rtp_receiver_slot *slot = slot_at(r, r->next);
    if (r->next >= r->end || !slot->payload) {
        return false;
    }
    buf_unref(&r->pulled);
    r->pulled = slot->payload;
    slot->payload = NULL;
    *out = (struct rtp_receiver_payload){
        .sequence = (uint16_t)r->next,
        .timestamp = slot->timestamp,
        .marker = slot->marker,
        .bytes = buf_bytes(r->pulled),
    };
    r->next++;
    r->has_pulled = true;
    r->pulled_ns = now_ns;
    return true;
}

/* ---- RTCP ---- */

void rtp_receiver_on_rtcp(struct rtp_receiver *r, struct bytes rtcp, int64_t now_ns,
                          int64_t real_now_ns)
{
    struct rtcp_reader reader;
    rtcp_reader_init(&reader, rtcp);
    for (struct rtcp_item item; rtcp_reader_next(&reader, &item);) {
        if (item.type == RTCP_SENDER_REPORT) {
            r->lsr = rtcp_ntp_middle(item.sr.ntp);
            r->lsr_ns = now_ns;
        } else if (item.type == RTCP_DLRR) {
            const int64_t ns =
                rtcp_round_trip_ns(time_real_to_ntp(real_now_ns), item.lrr, item.dlrr);
            r->round_trip_ns = ns == TIME_NONE ? r->round_trip_ns : ns;
        }
    }
}

static void say_report(struct rtp_receiver *r, struct byte_writer *w, int64_t now_ns,
                       int64_t real_now_ns)
{
    const int64_t n_expected = (int64_t)(r->end - r->reported_end);
    const int64_t n_lost = n_expected - (int64_t)(r->stats.n_packets - r->reported_n);
    const struct rtcp_report_block block = {
        .ssrc = r->media_ssrc,
        .fraction_lost = n_expected > 0 && n_lost > 0 ? (uint8_t)(n_lost * 255 / n_expected) : 0,
        .n_lost = (int32_t)((int64_t)(r->end - r->base) - (int64_t)r->stats.n_packets),
        .highest_sequence = (uint32_t)(r->end - 1 - (UINT64_C(1) << 16)),
        .lsr = r->lsr,
        .dlsr = r->lsr ? rtcp_delay(now_ns - r->lsr_ns) : 0,
    };
    r->reported_end = r->end;
    r->reported_n = r->stats.n_packets;
    r->reported_ns = now_ns;
    rtcp_write_rr(w, r->config.ssrc, &block, 1);
    rtcp_write_rrtr(w, r->config.ssrc, time_real_to_ntp(real_now_ns));
}

static bool is_to_be_asked(const struct rtp_receiver *r, const struct rtp_receiver_slot *s,
                           int64_t now_ns)
{
    if (s->payload || s->n_asks >= RTP_RECEIVER_ASKS_MAX) {
        return false;
    }
    return s->asked_ns == TIME_NONE ? now_ns - s->since_ns >= REORDER_NS
                                    : now_ns - s->asked_ns >= r->round_trip_ns + ASK_SLACK_NS;
}

static void say_nack(struct rtp_receiver *r, struct byte_writer *w, int64_t now_ns)
{
    uint16_t sequences[RTP_RECEIVER_NACKS_MAX];
    unsigned n = 0;
    for (uint64_t i = r->next; i < r->end && n < RTP_RECEIVER_NACKS_MAX; i++) {
        struct rtp_receiver_slot *s = slot_at(r, i);
        if (is_to_be_asked(r, s, now_ns)) {
            s->asked_ns = now_ns;
            s->n_asks++;
            sequences[n++] = (uint16_t)i;
        }
    }
    if (n > 0) {
        r->stats.n_asks += n;
        rtcp_write_nack(w, r->config.ssrc, r->media_ssrc, sequences, n);
    }
}

static void say_pli(struct rtp_receiver *r, struct byte_writer *w, int64_t now_ns)
{
    const int64_t patience_ns =
        r->has_pulled ? RTP_RECEIVER_PATIENCE_NS : RTP_RECEIVER_FIRST_PATIENCE_NS;
    if ((r->needs_key || now_ns - r->pulled_ns > patience_ns) &&
        now_ns - r->asked_key_ns > KEY_REPEAT_NS) {
        r->asked_key_ns = now_ns;
        r->stats.n_key_requests++;
        rtcp_write_pli(w, r->config.ssrc, r->media_ssrc);
    }
}

/* Browsers begin all that they say with a report (RFC 3550 §6.1). */
size_t rtp_receiver_feedback(struct rtp_receiver *r, int64_t now_ns, int64_t real_now_ns,
                             uint8_t *out)
{
    uint8_t rest[RTP_RECEIVER_FEEDBACK_SIZE_MAX - REPORT_SIZE];
    struct byte_writer w, more;
    if (!r->is_started) {
        return 0;
    }
    byte_writer_init(&w, out, RTP_RECEIVER_FEEDBACK_SIZE_MAX);
    byte_writer_init(&more, rest, sizeof(rest));
    if (r->config.has_rtx) {
        say_nack(r, &more, now_ns);
    }
    say_pli(r, &more, now_ns);
    const double remb_bps = rtp_estimator_remb(&r->estimator, &r->remb_ns, now_ns);
    if (remb_bps > 0) {
        rtcp_write_remb(&more, r->config.ssrc, (uint64_t)remb_bps, &r->media_ssrc, 1);
    }
    const size_t size = byte_writer_size(&more);
    if (size > 0 || now_ns - r->reported_ns >= RTP_RECEIVER_REPORT_NS) {
        say_report(r, &w, now_ns, real_now_ns);
        byte_writer_bytes(&w, bytes_of(rest, size));
    }
    return w.error || more.error ? 0 : byte_writer_size(&w);
}
