#include "sim/viewer.h"

#include <stdlib.h>

#include "proto/rtcp.h"

enum { ASKED_MAX = 10 };
#define REORDER_NS (10 * NS_PER_MS)

static const struct rtp_extension_ids IDS = {
    .abs_send_time = VIEWER_SEND_TIME_ID,
    .playout_delay = VIEWER_PLAYOUT_ID,
};

void viewer_write_mark(const struct viewer_mark *m, uint8_t out[VIEWER_MARK_SIZE])
{
    bytes_put_u32(out, m->frame);
    bytes_put_u16(out + 4, m->i);
    bytes_put_u16(out + 6, m->n);
    out[8] = m->is_key;
}

static bool read_mark(struct bytes payload, struct viewer_mark *out)
{
    struct byte_reader r;
    byte_reader_init(&r, payload);
    out->frame = byte_reader_u32(&r);
    out->i = byte_reader_u16(&r);
    out->n = byte_reader_u16(&r);
    out->is_key = byte_reader_u8(&r);
    return !r.error && out->i < out->n && out->n <= 512;
}

void viewer_init(struct viewer *v, const struct viewer_config *config)
{
    memset(v, 0, sizeof(*v));
    v->config = *config;
    v->first_ns = TIME_NONE;
    rtp_estimator_init(&v->estimator);
}

/* ---- frames ---- */

static bool is_complete(const struct viewer *v, uint32_t id)
{
    return v->frames[id % VIEWER_FRAMES].id == id && v->frames[id % VIEWER_FRAMES].n > 0 &&
           v->frames[id % VIEWER_FRAMES].n_got == v->frames[id % VIEWER_FRAMES].n;
}

static void decode(struct viewer *v, uint32_t id, int64_t now_ns)
{
    v->has_decoded = true;
    v->decoded = id;
    v->decoded_ns = now_ns;
    if (v->n_decoded < VIEWER_DELAYS_MAX) {
        v->delays_ns[v->n_decoded] = now_ns - id * v->config.frame_ns;
        v->times_ns[v->n_decoded++] = now_ns;
    }
}

static void decode_all(struct viewer *v, int64_t now_ns)
{
    for (uint32_t id = v->has_decoded ? v->decoded + 1 : 0; id <= v->newest; id++) {
        const bool continues = v->has_decoded && id == v->decoded + 1;
        if (is_complete(v, id) && (continues || v->frames[id % VIEWER_FRAMES].is_key)) {
            decode(v, id, now_ns);
        }
    }
}

static void on_payload(struct viewer *v, struct bytes payload, int64_t now_ns)
{
    struct viewer_mark m;
    if (!read_mark(payload, &m) || (v->has_decoded && m.frame <= v->decoded)) {
        return;
    }
    const unsigned slot = m.frame % VIEWER_FRAMES;
    if (v->frames[slot].id != m.frame || v->frames[slot].n == 0) {
        memset(&v->frames[slot], 0, sizeof(v->frames[slot]));
        v->frames[slot].id = m.frame;
        v->frames[slot].n = m.n;
        v->frames[slot].is_key = m.is_key;
    }
    v->frames[slot].n_got += !v->frames[slot].got[m.i];
    v->frames[slot].got[m.i] = 1;
    v->newest = m.frame > v->newest ? m.frame : v->newest;
    decode_all(v, now_ns);
}

/* ---- sequence numbers ---- */

static bool forget_missing(struct viewer *v, uint64_t index)
{
    for (unsigned i = 0; i < v->n_missing; i++) {
        if (v->missing[i].index == index) {
            memmove(&v->missing[i], &v->missing[i + 1], (--v->n_missing - i) * sizeof(*v->missing));
            return true;
        }
    }
    return false;
}

static void note_missing(struct viewer *v, uint64_t index, int64_t now_ns)
{
    if (v->n_missing == VIEWER_MISSING_MAX) {
        v->n_missing = 0; /* hopeless: a keyframe will do */
    }
    const unsigned i = v->n_missing++;
    v->missing[i].index = index;
    v->missing[i].since_ns = now_ns;
    v->missing[i].asked_ns = TIME_NONE;
    v->missing[i].n_asked = 0;
}

static void note_sequence(struct viewer *v, uint16_t sequence, int64_t now_ns)
{
    v->n_received++;
    if (!v->has_sequence) {
        v->has_sequence = true;
        v->base = v->highest = sequence;
        return;
    }
    const uint64_t index = rtp_extend_sequence(v->highest, sequence);
    if (index <= v->highest) {
        forget_missing(v, index);
        return;
    }
    while (++v->highest < index) {
        note_missing(v, v->highest, now_ns);
    }
}

/* ---- datagrams ---- */

static void on_rtp(struct viewer *v, struct bytes datagram, int64_t now_ns)
{
    struct rtp_packet p, original;
    struct rtp_extensions e = {0};
    const struct bytes plain = bytes_of(datagram.data, datagram.size - 16);
    if (rtp_parse(plain, &p) < 0) {
        abort();
    }
    rtp_read_extensions(&p, &IDS, &e);
    v->n_without_playout += !e.has_playout_delay;
    rtp_estimator_on_packet(&v->estimator, e.abs_send_time, datagram.size, now_ns);
    if (p.header.ssrc == VIEWER_RTX_SSRC) {
        v->n_repeats++;
        v->repeat_bytes += (int64_t)plain.size;
        if (rtp_restore_rtx(&p, VIEWER_PAYLOAD_TYPE, VIEWER_MEDIA_SSRC, &original) < 0) {
            abort();
        }
        const uint64_t index = rtp_extend_sequence(v->highest, original.header.sequence);
        v->n_useless_repeats += !forget_missing(v, index);
        p = original;
    } else {
        v->media_bytes += (int64_t)plain.size;
        note_sequence(v, p.header.sequence, now_ns);
    }
    on_payload(v, p.payload, now_ns);
}

static void on_rtcp(struct viewer *v, struct bytes datagram, int64_t now_ns)
{
    struct rtcp_reader r;
    rtcp_reader_init(&r, datagram);
    for (struct rtcp_item item; rtcp_reader_next(&r, &item);) {
        if (item.type == RTCP_SENDER_REPORT) {
            v->lsr = rtcp_ntp_middle(item.sr.ntp);
            v->sr_ns = now_ns;
        }
    }
}

void viewer_on_datagram(struct viewer *v, struct bytes datagram, int64_t now_ns)
{
    if (v->first_ns == TIME_NONE) {
        v->first_ns = now_ns;
        v->decoded_ns = now_ns;
        v->report_ns = now_ns;
    }
    if (datagram.data[1] >= 192 && datagram.data[1] <= 223) {
        on_rtcp(v, datagram, now_ns);
    } else {
        on_rtp(v, datagram, now_ns);
    }
}

/* ---- what it says ---- */

static void say_nack(struct viewer *v, struct byte_writer *w, int64_t now_ns)
{
    uint16_t sequences[VIEWER_MISSING_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < v->n_missing;) {
        if (v->missing[i].n_asked >= ASKED_MAX || now_ns - v->missing[i].since_ns > NS_PER_S) {
            forget_missing(v, v->missing[i].index);
            continue;
        }
        const bool is_new =
            v->missing[i].asked_ns == TIME_NONE && now_ns - v->missing[i].since_ns >= REORDER_NS;
        if (is_new || (v->missing[i].asked_ns != TIME_NONE &&
                       now_ns - v->missing[i].asked_ns >= v->config.nack_ns)) {
            v->missing[i].asked_ns = now_ns;
            v->missing[i].n_asked++;
            sequences[n++] = (uint16_t)v->missing[i].index;
        }
        i++;
    }
    if (n > 0) {
        rtcp_write_nack(w, VIEWER_SSRC, VIEWER_MEDIA_SSRC, sequences, n);
    }
}

static void say_report(struct viewer *v, struct byte_writer *w, int64_t now_ns)
{
    const uint64_t expected = v->highest - v->base + 1;
    const int64_t n_expected = (int64_t)(expected - v->last_expected);
    const int64_t n_lost = n_expected - (int64_t)(v->n_received - v->last_received);
    const struct rtcp_report_block block = {
        .ssrc = VIEWER_MEDIA_SSRC,
        .fraction_lost = n_expected > 0 && n_lost > 0 ? (uint8_t)(n_lost * 255 / n_expected) : 0,
        .n_lost = (int32_t)(expected - v->n_received),
        .highest_sequence = (uint32_t)v->highest,
        .lsr = v->lsr,
        .dlsr = v->lsr ? rtcp_delay(now_ns - v->sr_ns) : 0,
    };
    v->last_expected = expected;
    v->last_received = v->n_received;
    v->report_ns = now_ns;
    rtcp_write_rr(w, VIEWER_SSRC, &block, 1);
}

static void say_pli(struct viewer *v, struct byte_writer *w, int64_t now_ns)
{
    const int64_t patience_ns = v->has_decoded ? 3 * NS_PER_S : 200 * NS_PER_MS;
    if (now_ns - v->decoded_ns > patience_ns && now_ns - v->asked_ns > 200 * NS_PER_MS) {
        v->asked_ns = now_ns;
        v->n_plis++;
        rtcp_write_pli(w, VIEWER_SSRC, VIEWER_MEDIA_SSRC);
    }
}

/* Whatever it says, a report comes before. */
void viewer_on_tick(struct viewer *v, struct link *back, int64_t now_ns)
{
    uint8_t out[LINK_DATAGRAM_MAX], rest[LINK_DATAGRAM_MAX / 2];
    const uint32_t media_ssrc = VIEWER_MEDIA_SSRC;
    struct byte_writer w, more;
    if (v->first_ns == TIME_NONE) {
        return;
    }
    byte_writer_init(&w, out, sizeof(out));
    byte_writer_init(&more, rest, sizeof(rest));
    say_nack(v, &more, now_ns);
    say_pli(v, &more, now_ns);
    const double remb =
        v->config.has_remb ? rtp_estimator_remb(&v->estimator, &v->remb_ns, now_ns) : 0;
    if (remb > 0) {
        rtcp_write_remb(&more, VIEWER_SSRC, (uint64_t)remb, &media_ssrc, 1);
    }
    const size_t size = byte_writer_size(&more);
    if (v->has_sequence && (size > 0 || now_ns - v->report_ns >= NS_PER_S)) {
        say_report(v, &w, now_ns);
    }
    byte_writer_bytes(&w, bytes_of(rest, size));
    if (byte_writer_size(&w) > 0) {
        link_send(back, bytes_of(out, byte_writer_size(&w)), now_ns);
    }
}

/* ---- summary ---- */

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct viewer_summary viewer_summarize(const struct viewer *v, int64_t from_ns, int64_t to_ns)
{
    struct viewer_summary s = {0};
    static int64_t delays[VIEWER_DELAYS_MAX];
    int64_t last_ns = from_ns;
    for (unsigned i = 0; i < v->n_decoded; i++) {
        if (v->times_ns[i] < from_ns || v->times_ns[i] >= to_ns) {
            continue;
        }
        const int64_t gap_ns = v->times_ns[i] - last_ns;
        s.freeze_ns = gap_ns > s.freeze_ns ? gap_ns : s.freeze_ns;
        s.delay_ns = v->delays_ns[i] > s.delay_ns ? v->delays_ns[i] : s.delay_ns;
        delays[s.n_frames++] = v->delays_ns[i];
        last_ns = v->times_ns[i];
    }
    s.freeze_ns = to_ns - last_ns > s.freeze_ns ? to_ns - last_ns : s.freeze_ns;
    qsort(delays, s.n_frames, sizeof(*delays), compare);
    s.median_delay_ns = s.n_frames > 0 ? delays[s.n_frames / 2] : 0;
    s.p95_delay_ns = s.n_frames > 0 ? delays[s.n_frames * 95 / 100] : 0;
    return s;
}
