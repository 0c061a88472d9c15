#include <errno.h>

#include "proto/rtp_sender.h"

/* Repeats do not go into a queue longer than this. */
#define REPEAT_WAIT_NS (50 * NS_PER_MS)

enum {
    UNHEARD_PACKETS = 3, /* one or two at the end may just be lost */
    TRAIN_BYTES_MIN = 6000,
    COUNTS_PACKETS = 100, /* are enough after the shorter time */
    COUNTS_FEW = 20,      /* one lost of fewer is a share that means nothing */
};
/* Report blocks closer together tell no rate. */
#define COUNTS_LEAST_NS (300 * NS_PER_MS)
#define COUNTS_NS       (900 * NS_PER_MS)
#define BEHIND_NS       (2 * NS_PER_MS) /* a frame left just now */

/* ---- what the viewer says ---- */

/* Round trip by the sender report that the block answers: our own clock only, and each report
 * once. */
static void note_round_trip(struct rtp_sender *s, const struct rtcp_report_block *b, int64_t now_ns,
                            struct rtp_rate_report *out)
{
    for (unsigned i = 0; b->lsr != 0 && i < RTP_SENDER_REPORTS; i++) {
        if (s->reports[i].ntp_middle == b->lsr && !s->reports[i].is_answered) {
            const int64_t ns =
                now_ns - s->reports[i].sent_ns - time_rescale(b->dlsr, NS_PER_S, 65536);
            s->reports[i].is_answered = true;
            out->round_trip_ns = ns < 0 ? 0 : ns;
            out->round_trip_at_ns = s->reports[i].sent_ns;
            out->train = s->reports[i].train;
        }
    }
}

static uint64_t mean_bytes(const struct rtp_sender *s)
{
    const uint64_t n = s->stats.n_packets + s->stats.n_repeats;
    return n == 0 ? 0 : s->stats.n_bytes / n;
}

static bool is_chance(int64_t n_lost, int64_t n_expected)
{
    return n_lost <= 1 && n_expected < COUNTS_FEW;
}

/* What was lost and what arrived since the block that was counted last. Browsers send blocks with
 * each of their requests too, moments apart; those tell no rate. */
static void take_counts(struct rtp_sender *s, const struct rtcp_report_block *b, uint64_t index,
                        int64_t now_ns, struct rtp_rate_report *out)
{
    const int64_t elapsed_ns = now_ns - s->heard_at_ns;
    const int64_t n_expected = (int64_t)(index + 1 - s->heard_index);
    const int64_t n_lost = b->n_lost > s->heard_n_lost ? b->n_lost - s->heard_n_lost : 0;
    const int64_t least_ns = n_expected < COUNTS_PACKETS ? COUNTS_NS : COUNTS_LEAST_NS;
    if (elapsed_ns < least_ns || n_expected <= 0) {
        return;
    }
    const int64_t n = n_lost < n_expected ? n_expected - n_lost : 0;
    out->has_counts = true;
    out->from_ns = s->heard_upto_ns;
    out->fraction_lost =
        is_chance(n_lost, n_expected) ? 0 : (uint8_t)(255 * (n_expected - n) / n_expected);
    out->delivered_bps = time_rescale(n * (int64_t)mean_bytes(s), 8 * NS_PER_S, elapsed_ns);
    s->heard_at_ns = now_ns;
    s->heard_upto_ns = rtp_history_sent_ns(&s->history, index);
    s->heard_index = index + 1;
    s->heard_n_lost = b->n_lost;
}

static int64_t take_arrived(struct rtp_sender *s, const struct rtcp_report_block *b, uint64_t index)
{
    const int64_t n_new = (int64_t)(index + 1 - s->block_index);
    const int64_t n_lost = b->n_lost > s->block_n_lost ? b->n_lost - s->block_n_lost : 0;
    if (n_new <= 0) {
        return 0;
    }
    s->block_index = index + 1;
    s->block_n_lost = b->n_lost;
    return n_new > n_lost ? (n_new - n_lost) * (int64_t)mean_bytes(s) : 0;
}

static void on_report_block(struct rtp_sender *s, const struct rtcp_report_block *b, int64_t now_ns)
{
    const uint64_t index = rtp_extend_sequence(s->next_index, (uint16_t)b->highest_sequence);
    if (rtp_history_sent_ns(&s->history, index) == TIME_NONE || index + 1 < s->heard_index) {
        return; /* nonsense, or out of order */
    }
    struct rtp_rate_report report = {
        .round_trip_ns = TIME_NONE,
        .unheard_at_ns = rtp_history_sent_ns(&s->history, index + UNHEARD_PACKETS),
        .unheard_bytes = (int64_t)((s->next_index - index - 1) * mean_bytes(s)),
        .arrived_bytes = take_arrived(s, b, index),
    };
    note_round_trip(s, b, now_ns, &report);
    take_counts(s, b, index, now_ns, &report);
    s->stats.n_lost = b->n_lost > 0 ? (uint32_t)b->n_lost : 0;
    rtp_rate_on_report(&s->rate, &report, now_ns);
}

/* What was sent into the congestion is given up: there is too much of it, and it is late. */
static bool is_given_up(const struct rtp_sender *s, const struct rtp_history_frame *f)
{
    return s->rate.congested_ns != TIME_NONE && f->sent_ns < s->rate.congested_ns;
}

static bool may_repeat(struct rtp_sender *s, size_t size, int64_t now_ns)
{
    rtp_pacer_advance(&s->pacer, now_ns);
    return s->config.has_rtx && (int64_t)size <= s->repeat_bytes_allowed &&
           s->n_repeats < RTP_SENDER_REPEATS_MAX &&
           rtp_pacer_wait_ns(&s->pacer, 0) <= REPEAT_WAIT_NS;
}

static void note_missed(struct rtp_sender *s, uint64_t index, size_t size, int64_t now_ns)
{
    const int64_t sent_ns = rtp_history_sent_ns(&s->history, index);
    rtp_rate_on_missed(&s->rate, sent_ns, now_ns);
    if (index >= s->train_index) {
        const int64_t wait_ns = rtp_rate_wait_ns(&s->rate, sent_ns, now_ns);
        s->train.lost_bytes += (int64_t)size;
        s->train.wait_ns = wait_ns < s->train.wait_ns ? wait_ns : s->train.wait_ns;
    }
}

static void on_nack(struct rtp_sender *s, uint16_t sequence, int64_t now_ns)
{
    bool is_first = false;
    s->stats.n_missed++;
    const uint64_t index = rtp_extend_sequence(s->next_index, sequence);
    const struct rtp_history_frame *f = rtp_history_find(&s->history, index);
    if (!f || !rtp_history_retry(&s->history, index, rtp_rate_round_trip_ns(&s->rate), now_ns,
                                 &is_first)) {
        return;
    }
    const size_t size = s->header_size + RTP_OSN_SIZE +
                        rtp_payloads_of(f->buf)->payloads[index - f->first_index].size;
    if (is_first) {
        note_missed(s, index, size, now_ns);
    }
    if (is_given_up(s, f)) {
        s->is_broken = s->is_broken || index > s->key_index;
    } else if (may_repeat(s, size, now_ns)) {
        s->repeat_bytes_allowed -= (int64_t)size;
        s->repeats[(s->first_repeat + s->n_repeats++) % RTP_SENDER_REPEATS_MAX] = index;
    }
}

/* PLI or FIR. One that left before our last keyframe can have arrived says nothing new. */
static void on_keyframe_request(struct rtp_sender *s, int64_t now_ns)
{
    s->stats.n_keyframe_requests++;
    const bool is_on_its_way = s->key_sent_ns != TIME_NONE &&
                               ((s->is_key && rtp_sender_is_sending(s)) ||
                                now_ns - s->key_sent_ns <= rtp_rate_round_trip_ns(&s->rate));
    if (!is_on_its_way) {
        rtp_rate_on_hurt(&s->rate, now_ns);
        s->wants_key = true;
    }
}

static void on_item(struct rtp_sender *s, const struct rtcp_item *item, int64_t now_ns,
                    bool *has_left)
{
    const bool is_ours = item->media_ssrc == s->config.ssrc;
    switch (item->type) {
    case RTCP_REPORT_BLOCK:
        if (item->block.ssrc == s->config.ssrc) {
            on_report_block(s, &item->block, now_ns);
        }
        break;
    case RTCP_NACK:
        if (is_ours) {
            on_nack(s, item->sequence, now_ns);
        }
        break;
    case RTCP_PLI:
    case RTCP_FIR:
        if (is_ours) {
            on_keyframe_request(s, now_ns);
        }
        break;
    case RTCP_REMB:
        if (is_ours) {
            const uint64_t most = (uint64_t)RTP_RATE_MAX_BPS * 10;
            rtp_rate_on_remb(
                &s->rate, (int64_t)(item->bitrate_bps < most ? item->bitrate_bps : most), now_ns);
        }
        break;
    case RTCP_RRTR:
        s->rrtr_ssrc = item->sender_ssrc;
        s->rrtr_middle = rtcp_ntp_middle(item->ntp);
        s->rrtr_ns = now_ns;
        break;
    case RTCP_BYE:
        *has_left = true;
        break;
    case RTCP_SENDER_REPORT:
    case RTCP_DLRR:
        break;
    }
}

int rtp_sender_receive(struct rtp_sender *s, struct bytes rtcp, int64_t now_ns, bool *has_left)
{
    struct rtcp_reader r;
    *has_left = false;
    rtcp_reader_init(&r, rtcp);
    for (struct rtcp_item item; rtcp_reader_next(&r, &item);) {
        on_item(s, &item, now_ns, has_left);
    }
    return r.error ? -EBADMSG : 0;
}

/* ---- what we say ---- */

static bool is_behind_frame(const struct rtp_sender *s, int64_t now_ns)
{
    return !rtp_sender_is_sending(s) && now_ns - s->last_sent_ns < BEHIND_NS;
}

/* A frame that can be taken for a measure. */
static bool is_behind_train(const struct rtp_sender *s, int64_t now_ns)
{
    return is_behind_frame(s, now_ns) && s->is_train_alone && s->train.n_bytes >= TRAIN_BYTES_MIN;
}

/* On a thin link a report leaves right behind a frame: then its round trip tells of the queue that
 * the frame made. */
bool rtp_sender_is_report_due(const struct rtp_sender *s, int64_t now_ns)
{
    if (s->stats.n_packets == 0) {
        return false;
    }
    const int64_t age_ns = s->reported_ns == TIME_NONE ? INT64_MAX : now_ns - s->reported_ns;
    if (!rtp_rate_is_limited(&s->rate)) {
        return age_ns >= RTP_SENDER_REPORT_NS;
    }
    return age_ns >= RTP_SENDER_REPORT_NS * (is_behind_frame(s, now_ns) ? 1 : 4) / 2;
}

/* The media clock at this moment, by the same time stamps that frames carry. */
static uint32_t media_clock(const struct rtp_sender *s, int64_t now_ns, int64_t real_now_ns)
{
    const int64_t since_ns = s->last_capture_ns != TIME_NONE ? real_now_ns - s->last_capture_ns
                                                             : now_ns - s->last_arrival_ns;
    return s->last_timestamp + (uint32_t)time_rescale(since_ns, 90000, NS_PER_S);
}

size_t rtp_sender_report(struct rtp_sender *s, int64_t now_ns, int64_t real_now_ns, uint8_t *out)
{
    if (s->stats.n_packets == 0) {
        return 0;
    }
    const uint64_t ntp = time_real_to_ntp(real_now_ns);
    const struct rtcp_sender_report sr = {
        .ntp = ntp,
        .rtp_timestamp = media_clock(s, now_ns, real_now_ns),
        .n_packets = (uint32_t)s->stats.n_packets,
        .n_bytes = (uint32_t)s->stats.n_payload_bytes,
    };
    struct byte_writer w;
    byte_writer_init(&w, out, RTP_SENDER_REPORT_SIZE_MAX);
    rtcp_write_sr(&w, s->config.ssrc, &sr);
    rtcp_write_cname(&w, s->config.ssrc, s->config.cname);
    if (s->rrtr_middle != 0) {
        rtcp_write_dlrr(&w, s->config.ssrc, s->rrtr_ssrc, s->rrtr_middle,
                        rtcp_delay(now_ns - s->rrtr_ns));
        s->rrtr_middle = 0;
    }
    const unsigned i = s->n_reports++ % RTP_SENDER_REPORTS;
    s->reports[i].ntp_middle = rtcp_ntp_middle(ntp);
    s->reports[i].sent_ns = now_ns;
    s->reports[i].train = is_behind_train(s, now_ns) ? s->train : (struct rtp_train){0};
    s->reports[i].is_answered = false;
    s->reported_ns = now_ns;
    return w.error ? 0 : byte_writer_size(&w);
}

size_t rtp_sender_bye(const struct rtp_sender *s, uint8_t *out)
{
    struct byte_writer w;
    byte_writer_init(&w, out, RTP_SENDER_REPORT_SIZE_MAX);
    rtcp_write_rr(&w, s->config.ssrc, NULL, 0);
    rtcp_write_cname(&w, s->config.ssrc, s->config.cname);
    rtcp_write_bye(&w, &s->config.ssrc, 1);
    return w.error ? 0 : byte_writer_size(&w);
}
