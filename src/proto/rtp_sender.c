#include "proto/rtp_sender.h"

#include <assert.h>

enum {
    /* Header, extensions and tag of a packet, for estimates. */
    PACKET_OVERHEAD = 44,
    /* A keyframe may take longer than the delay, by this much of its own time. */
    KEY_SLACK_PERCENT = 125,
};
/* Looks are that close together while a frame is paced. */
#define BUSY_MAX_NS (20 * NS_PER_MS)
/* A frame may be offered when the link is free within this time. */
#define READY_WAIT_NS (20 * NS_PER_MS)
/* Packets that are no further apart than pacing makes them, and this, are one train; before it, a
 * link that carries anything is free. */
#define TRAIN_PAUSE_NS (20 * NS_PER_MS)
#define TRAIN_APART_NS (250 * NS_PER_MS)

static struct bytes keep(char *copy, struct bytes in)
{
    if (in.size > 0) {
        memcpy(copy, in.data, in.size);
    }
    return bytes_of(copy, in.size);
}

void rtp_sender_init(struct rtp_sender *s, const struct rtp_sender_config *config, int64_t now_ns)
{
    assert(config->mid.size <= RTP_MID_SIZE_MAX && config->cname.size < RTP_SENDER_CNAME_SIZE);
    memset(s, 0, sizeof(*s));
    s->config = *config;
    s->config.mid = keep(s->mid, config->mid);
    s->config.cname = keep(s->cname, config->cname);
    s->next_index = config->first_sequence & 0x7fff;
    s->next_rtx_index = config->rtx_first_sequence & 0x7fff;
    s->repeat_bytes_allowed = RTP_SENDER_REPEAT_MIN_BYTES;
    s->looked_ns = now_ns;
    s->heard_at_ns = now_ns;
    s->heard_upto_ns = now_ns;
    s->heard_index = s->block_index = s->next_index;
    s->header_ns = TIME_NONE;
    s->key_sent_ns = TIME_NONE;
    s->wished_ns = TIME_NONE;
    s->capture_stamped_ns = TIME_NONE;
    s->reported_ns = TIME_NONE;
    rtp_rate_init(&s->rate, now_ns);
    rtp_pacer_init(&s->pacer, s->rate.rate_bps, now_ns);
    rtp_history_init(&s->history);
}

void rtp_sender_finish(struct rtp_sender *s)
{
    buf_unref(&s->buf);
    rtp_history_finish(&s->history);
}

/* ---- what the link can carry ---- */

/* All that might leave has left at the last look: what is still here was held back by pacing. */
static void note_busy(struct rtp_sender *s, int64_t now_ns)
{
    const int64_t busy_ns = now_ns - s->looked_ns;
    s->looked_ns = now_ns;
    if (rtp_sender_is_sending(s) && busy_ns > 0) {
        rtp_rate_on_busy(&s->rate, busy_ns < BUSY_MAX_NS ? busy_ns : BUSY_MAX_NS, now_ns);
    }
}

/* Take over what the rate has learned, fill the bucket. */
static void advance(struct rtp_sender *s, int64_t now_ns)
{
    note_busy(s, now_ns);
    const int64_t backlog_bytes = rtp_rate_take_backlog(&s->rate);
    rtp_pacer_set_rate(&s->pacer, s->rate.rate_bps, now_ns);
    if (backlog_bytes > 0 && s->pacer.level_bytes > -backlog_bytes) {
        s->pacer.level_bytes = -backlog_bytes;
    }
}

static int64_t bytes_left(const struct rtp_sender *s)
{
    const struct rtp_payloads *p = rtp_payloads_of(s->buf);
    const int64_t n_bytes = (int64_t)s->buf->size * (p->n_payloads - s->n_sent) / p->n_payloads;
    return n_bytes + (int64_t)PACKET_OVERHEAD * (p->n_payloads - s->n_sent);
}

static int64_t age_ns(const struct rtp_sender *s, int64_t arrival_ns, bool is_ageless,
                      int64_t now_ns)
{
    /* On a good link ages are the reader's affair. */
    return is_ageless || !rtp_rate_is_limited(&s->rate) ? 0 : now_ns - arrival_ns;
}

static int64_t key_time_ns(const struct rtp_sender *s)
{
    return time_rescale(s->key_size_bytes, 8 * NS_PER_S, s->rate.rate_bps);
}

static bool can_carry(struct rtp_sender *s, const struct rtp_frame *frame, int64_t now_ns)
{
    const struct rtp_payloads *p = rtp_payloads_of(frame->buf);
    const int64_t n_bytes = (int64_t)frame->buf->size + (int64_t)PACKET_OVERHEAD * p->n_payloads;
    int64_t most_ns = s->config.delay_ns;
    if (frame->is_key) {
        s->key_size_bytes = n_bytes;
        const int64_t alone_ns = key_time_ns(s) * KEY_SLACK_PERCENT / 100;
        most_ns = alone_ns > most_ns ? alone_ns : most_ns;
    }
    return age_ns(s, frame->arrival_ns, frame->is_ageless, now_ns) +
               rtp_pacer_wait_ns(&s->pacer, n_bytes) <=
           most_ns;
}

bool rtp_sender_is_ready(struct rtp_sender *s, int64_t now_ns)
{
    advance(s, now_ns);
    return !rtp_sender_is_sending(s) && rtp_pacer_wait_ns(&s->pacer, 0) <= READY_WAIT_NS;
}

/* Repeats get their share of what is sent, saved up for at most a second. */
static void limit_repeats(struct rtp_sender *s, int64_t now_ns)
{
    const int64_t second_bytes = rtp_rate_sent_bps(&s->rate, now_ns) / 8;
    const int64_t share = second_bytes * RTP_SENDER_REPEAT_PERCENT / 100;
    const int64_t most = share > RTP_SENDER_REPEAT_MIN_BYTES ? share : RTP_SENDER_REPEAT_MIN_BYTES;
    if (s->repeat_bytes_allowed > most) {
        s->repeat_bytes_allowed = most;
    }
}

static void take(struct rtp_sender *s, const struct rtp_frame *frame, int64_t now_ns)
{
    const bool is_stamped =
        frame->capture_ns != TIME_NONE && (frame->is_key || s->capture_stamped_ns == TIME_NONE ||
                                           now_ns - s->capture_stamped_ns >= RTP_SENDER_CAPTURE_NS);
    buf_unref(&s->buf);
    s->buf = buf_ref(frame->buf);
    s->n_sent = 0;
    s->arrival_ns = frame->arrival_ns;
    s->is_key = frame->is_key;
    s->is_ageless = frame->is_ageless;
    s->capture_ns = is_stamped ? frame->capture_ns : TIME_NONE;
    s->capture_stamped_ns = is_stamped ? now_ns : s->capture_stamped_ns;
    s->header_ns = TIME_NONE;
    s->last_timestamp = rtp_payloads_of(frame->buf)->timestamp;
    s->last_capture_ns = frame->capture_ns;
    s->last_arrival_ns = frame->arrival_ns;
    s->stats.n_frames++;
    if (frame->is_key) {
        s->key_sent_ns = now_ns;
        s->key_index = s->next_index;
        s->is_broken = false;
        s->wants_key = false;
    }
    limit_repeats(s, now_ns);
    rtp_history_expire(&s->history, now_ns);
    rtp_history_begin(&s->history, s->buf, s->next_index, s->capture_ns, now_ns);
}

/* Before the next frame: what the viewer asked for of the last one is known. */
static void judge_train(struct rtp_sender *s, int64_t now_ns)
{
    if (s->is_train_alone && s->train.lost_bytes > 0 && s->train.wait_ns != INT64_MAX &&
        now_ns - s->last_sent_ns > rtp_rate_round_trip_ns(&s->rate)) {
        rtp_rate_on_lossy_train(&s->rate, &s->train, s->train_began_ns, now_ns);
        s->is_train_alone = false; /* once */
    }
}

bool rtp_sender_offer(struct rtp_sender *s, const struct rtp_frame *frame, int64_t now_ns)
{
    judge_train(s, now_ns);
    advance(s, now_ns);
    if ((s->is_broken && !frame->is_key) || !can_carry(s, frame, now_ns)) {
        s->stats.n_frames_refused++;
        s->wants_key = true;
        return false;
    }
    take(s, frame, now_ns);
    return true;
}

bool rtp_sender_cut_late(struct rtp_sender *s, int64_t now_ns)
{
    if (!rtp_sender_is_sending(s)) {
        return false;
    }
    advance(s, now_ns);
    const int64_t late_ns = age_ns(s, s->arrival_ns, s->is_ageless, now_ns) +
                            rtp_pacer_wait_ns(&s->pacer, bytes_left(s));
    const int64_t key_ns = s->is_key ? key_time_ns(s) * KEY_SLACK_PERCENT / 100 : 0;
    if (late_ns <= 2 * s->config.delay_ns + key_ns) {
        return false;
    }
    buf_unref(&s->buf);
    s->stats.n_frames_cut++;
    s->wants_key = true;
    return true;
}

/* ---- packets ---- */

static void set_extensions(const struct rtp_sender *s, int64_t capture_ns, int64_t now_ns,
                           struct rtp_extensions *out)
{
    *out = (struct rtp_extensions){
        .has_playout_delay = s->config.has_playout_delay,
        .playout_min_ms = s->config.playout_min_ms,
        .playout_max_ms = s->config.playout_max_ms,
        .has_abs_send_time = true,
        .abs_send_time = rtp_abs_send_time(now_ns),
        .has_abs_capture_time = capture_ns != TIME_NONE,
    };
    if (capture_ns != TIME_NONE) {
        out->abs_capture_ntp = time_real_to_ntp(capture_ns);
    }
    if (s->rate.heard_ns == TIME_NONE) {
        out->mid = s->config.mid; /* until the viewer has shown that it knows our SSRC */
    }
}

static void make_header(struct rtp_sender *s, bool is_repeat, uint32_t timestamp,
                        int64_t capture_ns, int64_t now_ns)
{
    struct rtp_extensions extensions;
    const struct rtp_header header = {
        .payload_type = is_repeat ? s->config.rtx_payload_type : s->config.payload_type,
        .timestamp = timestamp,
        .ssrc = is_repeat ? s->config.rtx_ssrc : s->config.ssrc,
    };
    set_extensions(s, capture_ns, now_ns, &extensions);
    s->header_size = rtp_write_header(&header, &s->config.extensions, &extensions, s->header);
    s->header_ns = now_ns;
}

/* Sequence number and marker (RFC 3550 §5.1) of the prepared header. */
static struct bytes finish_header(struct rtp_sender *s, uint64_t index, bool marker)
{
    s->header[1] = (uint8_t)((s->header[1] & 0x7f) | (marker ? 0x80 : 0));
    bytes_put_u16(s->header + 2, (uint16_t)index);
    return bytes_of(s->header, s->header_size);
}

static bool has_tail(const struct rtp_sender *s)
{
    return s->buf != NULL && !rtp_sender_is_sending(s) && s->tail_index + 1 != s->next_index &&
           s->config.has_rtx && rtp_rate_is_limited(&s->rate);
}

/* The frame's last packet once more, when no other has followed. */
static void repeat_tail(struct rtp_sender *s)
{
    const struct rtp_payloads *p = rtp_payloads_of(s->buf);
    const int64_t size = RTP_HEADER_SIZE_MAX + p->payloads[p->n_payloads - 1].size;
    s->tail_index = s->next_index - 1;
    if (s->repeat_bytes_allowed >= size && s->n_repeats == 0) {
        s->repeat_bytes_allowed -= size;
        s->repeats[s->first_repeat] = s->tail_index;
        s->n_repeats = 1;
    }
}

static size_t outgoing_size(const struct rtp_outgoing *o)
{
    return o->header.size + o->prefix.size + o->payload.size;
}

static bool next_repeat(struct rtp_sender *s, int64_t now_ns, struct rtp_outgoing *out)
{
    while (s->n_repeats > 0) {
        const uint64_t index = s->repeats[s->first_repeat];
        s->first_repeat = (s->first_repeat + 1) % RTP_SENDER_REPEATS_MAX;
        s->n_repeats--;
        const struct rtp_history_frame *f = rtp_history_find(&s->history, index);
        if (!f) {
            continue; /* too old by now */
        }
        const uint32_t i = (uint32_t)(index - f->first_index);
        const struct rtp_payloads *p = rtp_payloads_of(f->buf);
        make_header(s, true, p->timestamp, f->capture_ns, now_ns);
        bytes_put_u16(s->osn, (uint16_t)index);
        *out = (struct rtp_outgoing){
            .index = s->next_rtx_index,
            .header = finish_header(s, s->next_rtx_index, p->payloads[i].marker),
            .prefix = bytes_of(s->osn, sizeof(s->osn)),
            .payload = rtp_payload_bytes(f->buf, i),
            .is_repeat = true,
        };
        s->next_rtx_index++;
        s->header_ns = TIME_NONE;
        s->stats.n_repeats++;
        s->stats.n_repeat_bytes += outgoing_size(out);
        return true;
    }
    return false;
}

static void next_of_frame(struct rtp_sender *s, int64_t now_ns, struct rtp_outgoing *out)
{
    const struct rtp_payloads *p = rtp_payloads_of(s->buf);
    if (s->header_ns == TIME_NONE || now_ns - s->header_ns > NS_PER_MS) {
        make_header(s, false, p->timestamp, s->capture_ns, now_ns);
    }
    *out = (struct rtp_outgoing){
        .index = s->next_index,
        .header = finish_header(s, s->next_index, p->payloads[s->n_sent].marker),
        .payload = rtp_payload_bytes(s->buf, s->n_sent),
    };
    s->next_index++;
    s->n_sent++;
    s->ended_ns = now_ns;
    rtp_history_sent(&s->history, now_ns);
    s->stats.n_packets++;
    s->stats.n_payload_bytes += out->payload.size;
    s->repeat_bytes_allowed += (int64_t)outgoing_size(out) * RTP_SENDER_REPEAT_PERCENT / 100;
}

static void note_train(struct rtp_sender *s, size_t size, int64_t now_ns)
{
    const int64_t pause_ns = now_ns - s->last_sent_ns;
    const int64_t paced_ns = time_rescale(2 * (int64_t)size, 8 * NS_PER_S, s->rate.rate_bps);
    if (pause_ns > TRAIN_PAUSE_NS + paced_ns) {
        s->train = (struct rtp_train){.wait_ns = INT64_MAX};
        s->train_began_ns = now_ns;
        s->train_index = s->next_index - 1;
        s->is_train_alone = pause_ns > TRAIN_APART_NS;
    }
    s->train.n_bytes += (int64_t)size;
    s->train.duration_ns = now_ns - s->train_began_ns;
    s->last_sent_ns = now_ns;
}

bool rtp_sender_next(struct rtp_sender *s, int64_t now_ns, struct rtp_outgoing *out)
{
    rtp_pacer_advance(&s->pacer, now_ns);
    if (has_tail(s) && now_ns - s->ended_ns >= RTP_SENDER_TAIL_NS) {
        repeat_tail(s);
    }
    if (!next_repeat(s, now_ns, out)) {
        if (!rtp_sender_is_sending(s) || !rtp_pacer_may_send(&s->pacer)) {
            return false;
        }
        next_of_frame(s, now_ns, out);
    }
    const size_t size = outgoing_size(out);
    rtp_pacer_spend(&s->pacer, size);
    rtp_rate_on_sent(&s->rate, size, now_ns);
    if (!out->is_repeat) {
        note_train(s, size, now_ns);
    }
    s->stats.n_bytes += size;
    return true;
}

void rtp_sender_unsend(struct rtp_sender *s, unsigned n, int64_t now_ns)
{
    assert(s->buf && n <= s->n_sent);
    s->n_sent -= n;
    s->next_index -= n;
    s->stats.n_packets -= n;
    rtp_history_unsent(&s->history, n);
    advance(s, now_ns);
    /* Whatever the bucket holds: not before the next step. */
    const int64_t step = time_rescale(s->rate.rate_bps, RTP_PACER_STEP_NS, 8 * NS_PER_S);
    if (s->pacer.level_bytes > -step) {
        s->pacer.level_bytes = -step;
    }
}

/* ---- keyframes ---- */

static int64_t wish_interval_ns(const struct rtp_sender *s)
{
    const int64_t share_ns = RTP_SENDER_WISH_SHARE * key_time_ns(s);
    return share_ns > RTP_SENDER_WISH_NS ? share_ns : RTP_SENDER_WISH_NS;
}

/* When the wish may be made, by its rarity alone. */
static int64_t wish_due_ns(const struct rtp_sender *s, int64_t now_ns)
{
    if (!rtp_rate_is_limited(&s->rate) || s->wished_ns == TIME_NONE) {
        return now_ns;
    }
    return s->wished_ns + wish_interval_ns(s);
}

bool rtp_sender_take_wish(struct rtp_sender *s, int64_t now_ns)
{
    if (!s->wants_key || now_ns < wish_due_ns(s, now_ns)) {
        return false;
    }
    if (rtp_rate_is_limited(&s->rate) && !rtp_sender_is_ready(s, now_ns)) {
        return false; /* it would come too early */
    }
    s->wants_key = false;
    s->wished_ns = now_ns;
    return true;
}

int64_t rtp_sender_deadline_ns(struct rtp_sender *s, int64_t now_ns)
{
    if (s->n_repeats > 0) {
        return now_ns;
    }
    rtp_pacer_advance(&s->pacer, now_ns);
    if (rtp_sender_is_sending(s)) {
        return now_ns + rtp_pacer_wait_ns(&s->pacer, 1);
    }
    const int64_t wait_ns = rtp_pacer_wait_ns(&s->pacer, 0);
    int64_t deadline_ns = s->wants_key ? wish_due_ns(s, now_ns) : INT64_MAX;
    if (wait_ns > READY_WAIT_NS) {
        deadline_ns = now_ns + wait_ns - READY_WAIT_NS;
    }
    const int64_t tail_ns = has_tail(s) ? s->ended_ns + RTP_SENDER_TAIL_NS : INT64_MAX;
    const int64_t first_ns = tail_ns < deadline_ns ? tail_ns : deadline_ns;
    return first_ns > now_ns ? first_ns : now_ns; /* what is overdue is due now */
}
