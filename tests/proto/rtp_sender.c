/* The RTP sender's parts by themselves: history, pacer, headers, repeats, reports, wishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/rtp_sender.h"

#define MS      NS_PER_MS
#define REAL_NS (INT64_C(1700000000) * NS_PER_S)

enum { SSRC = 0xa0a0a0a0, RTX_SSRC = 0xb0b0b0b0, VIEWER = 7, N_PAYLOADS = 5, PAYLOAD = 1000 };

static const struct rtp_extension_ids IDS = {
    .playout_delay = 4, .abs_send_time = 3, .abs_capture_time = 5, .mid = 1};

static struct buf *make_frame(uint32_t timestamp, uint32_t n, uint16_t size)
{
    const size_t table = sizeof(struct rtp_payloads) + n * sizeof(struct rtp_payload);
    struct buf *b = buf_create(table + n * size);
    assert_non_null(b);
    struct rtp_payloads *p = (struct rtp_payloads *)(void *)b->data;
    p->timestamp = timestamp;
    p->n_payloads = n;
    for (uint32_t i = 0; i < n; i++) {
        p->payloads[i] = (struct rtp_payload){(uint32_t)(table + i * size), size, i == n - 1};
        memset(b->data + table + i * size, (int)i, size);
    }
    b->size = table + n * size;
    return b;
}

static void start(struct rtp_sender *s)
{
    const struct rtp_sender_config config = {
        .ssrc = SSRC,
        .rtx_ssrc = RTX_SSRC,
        .payload_type = 102,
        .rtx_payload_type = 103,
        .has_rtx = true,
        .first_sequence = 0x8000 | 0x7ffe, /* the highest bit is ignored */
        .rtx_first_sequence = 9,
        .extensions = IDS,
        .mid = bytes_of("0", 1),
        .cname = bytes_of("avocet", 6),
        .has_playout_delay = true,
        .playout_max_ms = 200,
        .delay_ns = 250 * MS,
    };
    rtp_sender_init(s, &config, 0);
}

static bool offer(struct rtp_sender *s, uint32_t timestamp, uint32_t n, bool is_key, int64_t now_ns)
{
    struct buf *b = make_frame(timestamp, n, PAYLOAD);
    const struct rtp_frame frame = {
        .buf = b,
        .capture_ns = REAL_NS + now_ns,
        .arrival_ns = now_ns,
        .is_key = is_key,
    };
    const bool is_taken = rtp_sender_offer(s, &frame, now_ns);
    buf_unref(&b);
    return is_taken;
}

static unsigned drain(struct rtp_sender *s, int64_t now_ns)
{
    struct rtp_outgoing o;
    unsigned n = 0;
    while (rtp_sender_next(s, now_ns, &o)) {
        n++;
    }
    return n;
}

/* ---- headers ---- */

static void read_packet(const struct rtp_outgoing *o, struct rtp_packet *p,
                        struct rtp_extensions *e)
{
    memset(e, 0, sizeof(*e));
    assert_int_equal(rtp_parse(o->header, p), 0);
    rtp_read_extensions(p, &IDS, e);
}

static void test_headers(void **state)
{
    struct rtp_sender s;
    struct rtp_outgoing o;
    struct rtp_packet p;
    struct rtp_extensions e;
    start(&s);
    assert_true(rtp_sender_is_ready(&s, 0));
    assert_true(offer(&s, 90000, N_PAYLOADS, true, 0));
    size_t header_size = 0;
    for (unsigned i = 0; i < N_PAYLOADS; i++) {
        assert_true(rtp_sender_next(&s, 0, &o));
        read_packet(&o, &p, &e);
        assert_int_equal(o.index, 0x7ffe + i); /* 48 bits: rolls over into bit 15, not to 0 */
        assert_int_equal(p.header.sequence, 0x7ffe + i);
        assert_int_equal(p.header.ssrc, SSRC);
        assert_int_equal(p.header.payload_type, 102);
        assert_int_equal(p.header.timestamp, 90000);
        assert_int_equal(p.header.marker, i == N_PAYLOADS - 1);
        assert_true(e.has_playout_delay && e.playout_min_ms == 0 && e.playout_max_ms == 200);
        assert_true(e.has_abs_send_time);
        assert_true(e.has_abs_capture_time);
        assert_int_equal(e.abs_capture_ntp, time_real_to_ntp(REAL_NS));
        assert_true(bytes_equal(e.mid, bytes_of("0", 1)));
        assert_int_equal(o.payload.size, PAYLOAD);
        assert_int_equal(o.payload.data[0], i);
        assert_int_equal(o.prefix.size, 0);
        assert_true(header_size == 0 || header_size == o.header.size); /* so that GSO carries it */
        header_size = o.header.size;
    }
    assert_false(rtp_sender_next(&s, 0, &o));
    assert_false(rtp_sender_is_sending(&s));
    rtp_sender_finish(&s);
}

/* abs-capture-time on keyframes and once a second, on all packets of the frame or none. */
static void test_capture_time_is_rare(void **state)
{
    struct rtp_sender s;
    unsigned n_stamped = 0;
    start(&s);
    for (int i = 0; i < 100; i++) { /* 3.3 s */
        struct rtp_outgoing o;
        struct rtp_packet p;
        struct rtp_extensions e;
        const int64_t now_ns = i * 33 * MS;
        assert_true(offer(&s, (uint32_t)i * 3000, 1, i == 0 || i == 40, now_ns));
        assert_true(rtp_sender_next(&s, now_ns, &o));
        read_packet(&o, &p, &e);
        n_stamped += e.has_abs_capture_time;
        assert_true((i != 0 && i != 40) || e.has_abs_capture_time);
    }
    assert_in_range(n_stamped, 4, 5);
    rtp_sender_finish(&s);
}

/* ---- repeats ---- */

static void send_nack(struct rtp_sender *s, const uint16_t *sequences, unsigned n, int64_t now_ns)
{
    uint8_t out[1000];
    struct byte_writer w;
    bool has_left;
    byte_writer_init(&w, out, sizeof(out));
    rtcp_write_nack(&w, VIEWER, SSRC, sequences, n);
    assert_int_equal(rtp_sender_receive(s, bytes_of(out, byte_writer_size(&w)), now_ns, &has_left),
                     0);
}

static void test_repeat(void **state)
{
    struct rtp_sender s;
    struct rtp_outgoing o;
    struct rtp_packet p, original;
    const uint16_t missing = 0x8000;
    start(&s);
    offer(&s, 90000, N_PAYLOADS, true, 0);
    assert_int_equal(drain(&s, 0), N_PAYLOADS);
    send_nack(&s, &missing, 1, 50 * MS);
    assert_true(rtp_sender_next(&s, 50 * MS, &o));
    assert_true(o.is_repeat);
    assert_int_equal(o.index, 9);
    uint8_t datagram[1500];
    struct byte_writer w;
    byte_writer_init(&w, datagram, sizeof(datagram));
    byte_writer_bytes(&w, o.header);
    byte_writer_bytes(&w, o.prefix);
    byte_writer_bytes(&w, o.payload);
    assert_int_equal(rtp_parse(bytes_of(datagram, byte_writer_size(&w)), &p), 0);
    assert_int_equal(p.header.ssrc, RTX_SSRC);
    assert_int_equal(p.header.payload_type, 103);
    assert_int_equal(rtp_restore_rtx(&p, 102, SSRC, &original), 0);
    assert_int_equal(original.header.sequence, missing);
    assert_int_equal(original.header.timestamp, 90000);
    assert_int_equal(original.payload.data[0], 2);
    rtp_sender_finish(&s);
}

static void test_repeat_rules(void **state)
{
    struct rtp_sender s;
    const uint16_t one = 0x7ffe, never_sent = 0x7ffe + N_PAYLOADS;
    start(&s);
    offer(&s, 90000, N_PAYLOADS, true, 0);
    drain(&s, 0);
    static const struct {
        const char *name;
        int64_t at_ns;
        unsigned n_expected;
    } cases[] = {
        {"at once", 10 * MS, 1},
        {"within the round trip", 50 * MS, 0},
        {"just before it is over", 105 * MS, 0}, /* 100 ms while unknown */
        {"after it", 115 * MS, 1},
        {"when it is a second old", 1001 * MS, 1}, /* still there: nothing newer came */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        print_message("%s\n", cases[i].name);
        send_nack(&s, &one, 1, cases[i].at_ns);
        assert_int_equal(drain(&s, cases[i].at_ns), cases[i].n_expected);
    }
    send_nack(&s, &never_sent, 1, 1100 * MS);
    assert_int_equal(drain(&s, 1100 * MS), 0);
    offer(&s, 180000, 1, false, 1200 * MS);
    drain(&s, 1200 * MS);
    send_nack(&s, &one, 1, 1300 * MS);
    assert_int_equal(drain(&s, 1300 * MS), 0); /* forgotten */
    rtp_sender_finish(&s);
}

/* Two of five are asked for again: at most a fifth of what is sent, and a small start. */
static void test_repeat_share(void **state)
{
    struct rtp_sender s;
    start(&s);
    for (int i = 0; i < 300; i++) {
        const int64_t now_ns = i * 33 * MS;
        const uint16_t next = (uint16_t)s.next_index;
        const uint16_t missing[] = {next, (uint16_t)(next + 3)};
        offer(&s, (uint32_t)i * 3000, N_PAYLOADS, true, now_ns);
        drain(&s, now_ns);
        send_nack(&s, missing, 2, now_ns + 5 * MS);
        drain(&s, now_ns + 5 * MS);
    }
    const uint64_t media_bytes = s.stats.n_bytes - s.stats.n_repeat_bytes;
    assert_true(s.stats.n_repeats > 100);
    assert_true(s.stats.n_repeat_bytes <= media_bytes / 5 + RTP_SENDER_REPEAT_MIN_BYTES);
    rtp_sender_finish(&s);
}

/* A full socket: what was given out comes again, with the same numbers. */
static void test_unsend(void **state)
{
    struct rtp_sender s;
    struct rtp_outgoing o;
    start(&s);
    offer(&s, 90000, N_PAYLOADS, true, 0);
    assert_int_equal(drain(&s, 0), N_PAYLOADS);
    rtp_sender_unsend(&s, 2, 0);
    assert_true(rtp_sender_is_sending(&s));
    assert_false(rtp_sender_next(&s, MS, &o)); /* not at once */
    assert_true(rtp_sender_next(&s, 50 * MS, &o));
    assert_int_equal(o.index, 0x7ffe + 3);
    assert_int_equal(drain(&s, 100 * MS), 1);
    assert_int_equal(s.stats.n_packets, N_PAYLOADS);
    rtp_sender_finish(&s);
}

/* ---- keyframes ---- */

static void send_pli(struct rtp_sender *s, int64_t now_ns)
{
    uint8_t out[100];
    struct byte_writer w;
    bool has_left;
    byte_writer_init(&w, out, sizeof(out));
    rtcp_write_pli(&w, VIEWER, SSRC);
    assert_int_equal(rtp_sender_receive(s, bytes_of(out, byte_writer_size(&w)), now_ns, &has_left),
                     0);
}

static void test_wishes(void **state)
{
    struct rtp_sender s;
    start(&s);
    offer(&s, 0, 1, true, 0);
    drain(&s, 0);
    send_pli(&s, 50 * MS); /* left before the keyframe can have arrived */
    assert_false(rtp_sender_take_wish(&s, 50 * MS));
    send_pli(&s, 300 * MS);
    assert_true(rtp_sender_take_wish(&s, 300 * MS));
    assert_false(rtp_sender_take_wish(&s, 300 * MS)); /* told once */
    send_pli(&s, 400 * MS);
    offer(&s, 3000, 1, true, 410 * MS); /* there it is */
    assert_false(rtp_sender_take_wish(&s, 410 * MS));
    rtp_sender_finish(&s);
}

/* ---- reports ---- */

static void test_reports(void **state)
{
    struct rtp_sender s;
    uint8_t out[RTP_SENDER_REPORT_SIZE_MAX];
    bool has_left;
    start(&s);
    assert_false(rtp_sender_is_report_due(&s, 0));
    assert_int_equal(rtp_sender_report(&s, 0, REAL_NS, out), 0);
    offer(&s, 90000, 2, true, 0);
    drain(&s, 0);
    assert_true(rtp_sender_is_report_due(&s, 0));

    /* Half a second after the frame was captured: the media clock has gone on by 45,000. */
    size_t size = rtp_sender_report(&s, 500 * MS, REAL_NS + 500 * MS, out);
    struct rtcp_reader r;
    struct rtcp_item item;
    rtcp_reader_init(&r, bytes_of(out, size));
    assert_true(rtcp_reader_next(&r, &item));
    assert_int_equal(item.type, RTCP_SENDER_REPORT);
    assert_int_equal(item.sender_ssrc, SSRC);
    assert_int_equal(item.sr.rtp_timestamp, 90000 + 45000);
    assert_int_equal(item.sr.ntp, time_real_to_ntp(REAL_NS + 500 * MS));
    assert_int_equal(item.sr.n_packets, 2);
    assert_int_equal(item.sr.n_bytes, 2 * PAYLOAD);
    assert_false(rtp_sender_is_report_due(&s, 1499 * MS));
    assert_true(rtp_sender_is_report_due(&s, 1500 * MS));

    /* The viewer answers 80 ms later, having kept it for 30 ms; and asks for our clock. */
    const struct rtcp_report_block block = {.ssrc = SSRC,
                                            .highest_sequence = 0x7fff,
                                            .lsr = rtcp_ntp_middle(item.sr.ntp),
                                            .dlsr = rtcp_delay(30 * MS)};
    struct byte_writer w;
    uint8_t answer[200];
    byte_writer_init(&w, answer, sizeof(answer));
    rtcp_write_rr(&w, VIEWER, &block, 1);
    rtcp_write_rrtr(&w, VIEWER, time_real_to_ntp(REAL_NS));
    assert_int_equal(
        rtp_sender_receive(&s, bytes_of(answer, byte_writer_size(&w)), 580 * MS, &has_left), 0);
    assert_in_range(s.rate.round_trip_ns, 49 * MS, 51 * MS);

    size = rtp_sender_report(&s, 1580 * MS, REAL_NS + 1580 * MS, out);
    rtcp_reader_init(&r, bytes_of(out, size));
    while (rtcp_reader_next(&r, &item) && item.type != RTCP_DLRR) {
    }
    assert_int_equal(item.type, RTCP_DLRR);
    assert_int_equal(item.dlrr, 65536); /* one second */
    rtp_sender_finish(&s);
}

static void test_bye(void **state)
{
    struct rtp_sender s;
    uint8_t out[RTP_SENDER_REPORT_SIZE_MAX];
    bool has_left;
    const uint32_t viewer = VIEWER;
    start(&s);
    assert_true(rtp_sender_bye(&s, out) > 0);
    struct byte_writer w;
    byte_writer_init(&w, out, sizeof(out));
    rtcp_write_bye(&w, &viewer, 1);
    assert_int_equal(rtp_sender_receive(&s, bytes_of(out, byte_writer_size(&w)), 0, &has_left), 0);
    assert_true(has_left);
    rtp_sender_finish(&s);
}

/* ---- pacing ---- */

/* A big keyframe on an unknown link leaves in steps, at the start rate. */
static void test_big_keyframe_is_spread(void **state)
{
    struct rtp_sender s;
    start(&s);
    assert_true(offer(&s, 0, 200, true, 0)); /* 1.6 Mbit */
    unsigned n = drain(&s, 0);
    assert_in_range(n, 40, 60);
    int64_t now_ns = 0;
    while (rtp_sender_is_sending(&s)) {
        const int64_t due_ns = rtp_sender_deadline_ns(&s, now_ns);
        assert_true(due_ns > now_ns && due_ns <= now_ns + 5 * MS);
        now_ns += 5 * MS;
        const unsigned n_step = drain(&s, now_ns);
        assert_in_range(n_step, 1, 13);
        n += n_step;
    }
    assert_int_equal(n, 200);
    assert_in_range(now_ns, 55 * MS, 70 * MS);
    rtp_sender_finish(&s);
}

static void test_pacer(void **state)
{
    struct rtp_pacer p;
    rtp_pacer_init(&p, 1000000, 0);
    assert_int_equal(p.level_bytes, 2500); /* 20 ms */
    rtp_pacer_spend(&p, 3000);
    assert_false(rtp_pacer_may_send(&p));
    assert_int_equal(rtp_pacer_wait_ns(&p, 0), 4 * MS);
    rtp_pacer_advance(&p, 5 * MS);
    assert_int_equal(p.level_bytes, 125);
    rtp_pacer_advance(&p, NS_PER_S);
    assert_int_equal(p.level_bytes, 2500); /* saves up no more */
    assert_int_equal(rtp_pacer_wait_ns(&p, 2500), 0);
    assert_int_equal(rtp_pacer_wait_ns(&p, 127500), NS_PER_S);
}

/* ---- history ---- */

static void test_history(void **state)
{
    struct rtp_history h;
    struct buf *b = make_frame(0, 2, 10);
    rtp_history_init(&h);
    for (unsigned i = 0; i < 2 * RTP_HISTORY_FRAMES; i++) {
        rtp_history_begin(&h, b, 100 + 2 * i, TIME_NONE, i * MS);
        rtp_history_sent(&h, i * MS);
        rtp_history_sent(&h, i * MS + MS / 2);
    }
    assert_int_equal(h.n_frames, RTP_HISTORY_FRAMES);
    assert_int_equal(b->n_refs, 1 + RTP_HISTORY_FRAMES);
    const uint64_t oldest = 100 + 2 * RTP_HISTORY_FRAMES;
    assert_null(rtp_history_find(&h, oldest - 1));
    assert_int_equal(rtp_history_find(&h, oldest + 1)->first_index, oldest);
    assert_null(rtp_history_find(&h, 100 + 4 * RTP_HISTORY_FRAMES));
    assert_int_equal(rtp_history_sent_ns(&h, oldest + 1), RTP_HISTORY_FRAMES * MS + MS / 2);
    assert_int_equal(rtp_history_sent_ns(&h, 100 + 4 * RTP_HISTORY_FRAMES), TIME_NONE);
    rtp_history_expire(&h, 2 * RTP_HISTORY_FRAMES * MS + RTP_HISTORY_NS);
    assert_int_equal(h.n_frames, 0);
    assert_int_equal(b->n_refs, 1);
    rtp_history_finish(&h);
    buf_unref(&b);
}

/* Nothing follows the frame on a thin link: its last packet goes once more, once. */
static void test_tail(void **state)
{
    struct rtp_sender s;
    struct rtp_outgoing o;
    int64_t now_ns = 0;
    start(&s);
    s.rate.rate_bps = 1000000;
    assert_true(offer(&s, 0, N_PAYLOADS, true, 0));
    for (unsigned n = 0; n < N_PAYLOADS; now_ns += MS) {
        n += drain(&s, now_ns);
        assert_in_range(now_ns, 0, 100 * MS);
    }
    const int64_t ended_ns = s.ended_ns;
    assert_true(rtp_sender_deadline_ns(&s, now_ns) <= ended_ns + RTP_SENDER_TAIL_NS);
    assert_int_equal(drain(&s, ended_ns + RTP_SENDER_TAIL_NS - MS), 0);
    assert_true(rtp_sender_next(&s, ended_ns + RTP_SENDER_TAIL_NS, &o));
    assert_true(o.is_repeat);
    assert_int_equal(bytes_get_u16(o.prefix.data), 0x7ffe + N_PAYLOADS - 1);
    assert_int_equal(drain(&s, ended_ns + 500 * MS), 0);
    rtp_sender_finish(&s);
}

/* 10,000 bytes in 40 ms, and 40 ms of queue: 1 Mbit/s. */
static void test_train(void **state)
{
    struct rtp_rate r;
    rtp_rate_init(&r, 0);
    rtp_rate_note_round_trip(&r, 50 * MS, 0);
    r.rate_bps = 2000000;
    const struct rtp_rate_report report = {
        .round_trip_ns = 90 * MS,
        .round_trip_at_ns = 900 * MS,
        .train = {.n_bytes = 10000, .duration_ns = 40 * MS},
        .unheard_at_ns = TIME_NONE,
    };
    rtp_rate_on_report(&r, &report, 1000 * MS);
    assert_in_range(r.capacity_bps, 990000, 1010000);
    assert_int_equal(r.rate_bps, r.capacity_bps * 9 / 10);
}

/* 20,000 of 23,000 bytes came through a full queue of 210 ms, in 320 ms: 0.5 Mbit/s. */
static void test_lossy_train(void **state)
{
    struct rtp_rate r;
    rtp_rate_init(&r, 0);
    r.rate_bps = 1500000;
    const struct rtp_train train = {
        .n_bytes = 23000, .duration_ns = 110 * MS, .lost_bytes = 3000, .wait_ns = 210 * MS};
    rtp_rate_on_lossy_train(&r, &train, 1000 * MS, 2000 * MS);
    assert_in_range(r.capacity_bps, 499000, 501000);
    r.rate_bps = 1500000;
    const struct rtp_train random_loss = {
        .n_bytes = 23000, .duration_ns = 110 * MS, .lost_bytes = 3000, .wait_ns = 10 * MS};
    rtp_rate_on_lossy_train(&r, &random_loss, 3000 * MS, 4000 * MS);
    assert_int_equal(r.rate_bps, 1500000);
}

/* What was sent into a congestion is not repeated, and nothing follows it but a keyframe. */
static void test_given_up(void **state)
{
    struct rtp_sender s;
    const uint16_t lost = 0x7fff;
    start(&s);
    assert_true(offer(&s, 0, N_PAYLOADS, true, 0));
    assert_int_equal(drain(&s, 0), N_PAYLOADS);
    s.rate.congested_ns = 10 * MS;
    send_nack(&s, &lost, 1, 20 * MS);
    assert_int_equal(drain(&s, 20 * MS), 0);
    assert_false(offer(&s, 3000, 1, false, 33 * MS));
    assert_true(offer(&s, 6000, 1, true, 66 * MS));
    assert_int_equal(drain(&s, 66 * MS), 1);
    assert_true(offer(&s, 9000, 1, false, 100 * MS));
    rtp_sender_finish(&s);
}

/* A link that was never limited is not limited by one slow answer: a busy viewer gives it too. */
static void test_train_of_a_good_link(void **state)
{
    struct rtp_rate r;
    rtp_rate_init(&r, 0);
    rtp_rate_note_round_trip(&r, 50 * MS, 0);
    const struct rtp_rate_report report = {
        .round_trip_ns = 400 * MS,
        .round_trip_at_ns = 900 * MS,
        .train = {.n_bytes = 10000, .duration_ns = MS},
        .unheard_at_ns = TIME_NONE,
    };
    rtp_rate_on_report(&r, &report, 1000 * MS);
    assert_false(rtp_rate_is_limited(&r));
}

/* A second without reports, then all of it at once: the viewer was busy, and its link is as before.
 * A thin link gives what it holds at its own pace. */
static void test_a_pause_is_no_congestion(void **state)
{
    static const struct {
        const char *name;
        int64_t after_ns; /* until all arrived */
        int64_t arrived_bytes;
        bool is_undone;
    } rows[] = {
        {"a pause", 50 * MS, 60000, true},
        {"a thin link", 1000 * MS, 60000, false},
        {"a thin link with a short queue, most was lost", 100 * MS, 5000, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rtp_rate r;
        rtp_rate_init(&r, 0);
        rtp_rate_note_round_trip(&r, 50 * MS, 0);
        for (int64_t t = 0; t < 1000; t += 20) {
            rtp_rate_on_sent(&r, 1200, t * MS); /* 480 kbit/s */
        }
        const struct rtp_rate_report late = {
            .round_trip_ns = TIME_NONE, .unheard_at_ns = 50 * MS, .unheard_bytes = 60000};
        rtp_rate_on_report(&r, &late, 1000 * MS);
        assert_true(rtp_rate_is_limited(&r));
        const struct rtp_rate_report all = {.round_trip_ns = TIME_NONE,
                                            .unheard_at_ns = TIME_NONE,
                                            .arrived_bytes = rows[i].arrived_bytes};
        rtp_rate_on_report(&r, &all, 1000 * MS + rows[i].after_ns);
        if (rtp_rate_is_limited(&r) == rows[i].is_undone) {
            fail_msg("%s: %lld bit/s", rows[i].name, (long long)r.rate_bps);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_capture_time_is_rare),
        cmocka_unit_test(test_repeat),
        cmocka_unit_test(test_repeat_rules),
        cmocka_unit_test(test_repeat_share),
        cmocka_unit_test(test_unsend),
        cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_bye),
        cmocka_unit_test(test_big_keyframe_is_spread),
        cmocka_unit_test(test_pacer),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_train),
        cmocka_unit_test(test_lossy_train),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_train_of_a_good_link),
        cmocka_unit_test(test_a_pause_is_no_congestion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
