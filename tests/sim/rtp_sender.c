/* The RTP sender against thin, lossy and changing links, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/rtp_sender.h"
#include "sim/viewer.h"

enum { FPS = 30, VIEWERS_MAX = 3, FRAMES_MAX = 4096, TICK_STEPS = 5 };

#define FRAME_NS (NS_PER_S / FPS)
#define STEP_NS  NS_PER_MS
#define WISH_NS  (500 * NS_PER_MS)
#define DELAY_NS (250 * NS_PER_MS)
#define REAL_NS  (INT64_C(1700000000) * NS_PER_S)

/* ---- the camera: one encoder for all ---- */

struct camera {
    int64_t bitrate_bps;
    int64_t gop_ns;
    struct buf *frames[FRAMES_MAX];
    bool is_key[FRAMES_MAX];
    uint32_t n_frames;
    int64_t key_ns, wished_ns;
    bool is_wished;
    unsigned n_wishes; /* passed on */
};

static struct buf *make_frame(uint32_t id, size_t size, bool is_key)
{
    const uint32_t n = (uint32_t)((size + RTP_PAYLOAD_SIZE_MAX - 1) / RTP_PAYLOAD_SIZE_MAX);
    const size_t each = (size + n - 1) / n;
    const size_t table = sizeof(struct rtp_payloads) + n * sizeof(struct rtp_payload);
    struct buf *b = buf_create(table + n * RTP_PAYLOAD_SIZE_MAX);
    assert_non_null(b);
    struct rtp_payloads *p = (struct rtp_payloads *)(void *)b->data;
    p->timestamp = id * (90000 / FPS);
    p->n_payloads = n;
    b->size = table;
    for (uint32_t i = 0; i < n; i++) {
        const struct viewer_mark mark = {id, (uint16_t)i, (uint16_t)n, is_key};
        p->payloads[i].offset = (uint32_t)b->size;
        p->payloads[i].size = (uint16_t)each;
        p->payloads[i].marker = i == n - 1;
        memset(b->data + b->size, 0, p->payloads[i].size);
        viewer_write_mark(&mark, b->data + b->size);
        b->size += p->payloads[i].size;
    }
    return b;
}

static void camera_shoot(struct camera *c, int64_t now_ns)
{
    const bool is_key = c->n_frames == 0 || c->is_wished || now_ns - c->key_ns >= c->gop_ns;
    const int64_t mean = c->bitrate_bps / FPS / 8;
    const size_t size = (size_t)(is_key ? 2 * mean : mean * 9 / 10) + VIEWER_MARK_SIZE;
    assert_true(c->n_frames < FRAMES_MAX);
    c->is_key[c->n_frames] = is_key;
    c->frames[c->n_frames] = make_frame(c->n_frames, size, is_key);
    c->n_frames++;
    if (is_key) {
        c->key_ns = now_ns;
        c->is_wished = false;
    }
}

static void camera_wish(struct camera *c, int64_t now_ns)
{
    if (!c->is_wished && now_ns - c->wished_ns >= WISH_NS) {
        c->is_wished = true;
        c->wished_ns = now_ns;
        c->n_wishes++;
    }
}

/* ---- a viewer with its links, and the reader's part ---- */

struct seat {
    struct rtp_sender sender;
    struct viewer viewer;
    struct link down, up;
    uint32_t cursor;
    bool is_waiting_key;
    unsigned n_wishes;
    int64_t max_step_bytes; /* that left within one step while limited */
};

struct world {
    int64_t now_ns;
    struct camera camera;
    struct seat seats[VIEWERS_MAX];
    unsigned n_seats;
};

static const struct rtp_sender_config SENDER = {
    .ssrc = VIEWER_MEDIA_SSRC,
    .rtx_ssrc = VIEWER_RTX_SSRC,
    .payload_type = VIEWER_PAYLOAD_TYPE,
    .rtx_payload_type = VIEWER_RTX_PAYLOAD_TYPE,
    .has_rtx = true,
    .first_sequence = 65000, /* becomes 32232 */
    .rtx_first_sequence = 77,
    .extensions = {.abs_send_time = VIEWER_SEND_TIME_ID, .playout_delay = VIEWER_PLAYOUT_ID},
    .has_playout_delay = true,
    .playout_max_ms = 200,
    .delay_ns = DELAY_NS,
};

static void world_init(struct world *w, int64_t bitrate_bps)
{
    memset(w, 0, sizeof(*w));
    w->camera =
        (struct camera){.bitrate_bps = bitrate_bps, .gop_ns = 2 * NS_PER_S, .wished_ns = -NS_PER_S};
}

static struct seat *add_seat(struct world *w, const struct link_config *down, bool has_remb)
{
    struct seat *s = &w->seats[w->n_seats++];
    const struct viewer_config viewer = {
        .has_remb = has_remb,
        .frame_ns = FRAME_NS,
        .nack_ns = 2 * down->delay_ns + 20 * NS_PER_MS,
    };
    const struct link_config up = {.delay_ns = down->delay_ns, .loss = down->loss};
    rtp_sender_init(&s->sender, &SENDER, w->now_ns);
    viewer_init(&s->viewer, &viewer);
    link_init(&s->down, down, w->n_seats);
    link_init(&s->up, &up, w->n_seats + 100);
    s->is_waiting_key = true;
    return s;
}

static void world_finish(struct world *w)
{
    for (unsigned i = 0; i < w->n_seats; i++) {
        rtp_sender_finish(&w->seats[i].sender);
        link_finish(&w->seats[i].down);
        link_finish(&w->seats[i].up);
    }
    for (uint32_t i = 0; i < w->camera.n_frames; i++) {
        assert_int_equal(w->camera.frames[i]->n_refs, 1);
        buf_unref(&w->camera.frames[i]);
    }
}

/* The next frame this viewer may have; skips to the newest keyframe when it waits for one. */
static bool read_frame(struct world *w, struct seat *s, struct rtp_frame *out)
{
    struct camera *c = &w->camera;
    if (s->is_waiting_key) {
        uint32_t id = c->n_frames;
        while (id > s->cursor && !c->is_key[id - 1]) {
            id--;
        }
        if (id == s->cursor) {
            s->cursor = c->n_frames;
            return false;
        }
        s->cursor = id - 1;
        s->is_waiting_key = false;
    }
    if (s->cursor == c->n_frames) {
        return false;
    }
    *out = (struct rtp_frame){
        .buf = c->frames[s->cursor],
        .arrival_ns = s->cursor * FRAME_NS,
        .capture_ns = REAL_NS + s->cursor * FRAME_NS,
        .is_key = c->is_key[s->cursor],
    };
    s->cursor++;
    return true;
}

static void transmit(struct world *w, struct seat *s)
{
    struct rtp_outgoing o;
    int64_t step_bytes = 0;
    while (rtp_sender_next(&s->sender, w->now_ns, &o)) {
        uint8_t datagram[LINK_DATAGRAM_MAX] = {0};
        struct byte_writer out;
        byte_writer_init(&out, datagram, sizeof(datagram));
        byte_writer_bytes(&out, o.header);
        byte_writer_bytes(&out, o.prefix);
        byte_writer_bytes(&out, o.payload);
        byte_writer_zeros(&out, 16);
        assert_false(out.error);
        link_send(&s->down, bytes_of(datagram, byte_writer_size(&out)), w->now_ns);
        step_bytes += o.is_repeat ? 0 : (int64_t)byte_writer_size(&out);
    }
    if (rtp_rate_is_limited(&s->sender.rate) && step_bytes > s->max_step_bytes) {
        s->max_step_bytes = step_bytes;
    }
}

static void pump(struct world *w, struct seat *s)
{
    struct rtp_frame frame;
    if (rtp_sender_cut_late(&s->sender, w->now_ns)) {
        s->is_waiting_key = true;
    }
    transmit(w, s);
    while (rtp_sender_is_ready(&s->sender, w->now_ns) && read_frame(w, s, &frame)) {
        if (!rtp_sender_offer(&s->sender, &frame, w->now_ns)) {
            s->is_waiting_key = true;
        }
        transmit(w, s);
    }
    if (rtp_sender_take_wish(&s->sender, w->now_ns)) {
        s->n_wishes++;
        camera_wish(&w->camera, w->now_ns);
    }
    if (rtp_sender_is_report_due(&s->sender, w->now_ns)) {
        uint8_t report[RTP_SENDER_REPORT_SIZE_MAX];
        const size_t n = rtp_sender_report(&s->sender, w->now_ns, REAL_NS + w->now_ns, report);
        link_send(&s->down, bytes_of(report, n), w->now_ns);
    }
}

static void exchange(struct world *w, struct seat *s)
{
    struct link_datagram *d;
    bool has_left;
    while ((d = link_receive(&s->down, w->now_ns))) {
        viewer_on_datagram(&s->viewer, bytes_of(d->bytes, d->size), w->now_ns);
        free(d);
    }
    while ((d = link_receive(&s->up, w->now_ns))) {
        assert_int_equal(
            rtp_sender_receive(&s->sender, bytes_of(d->bytes, d->size), w->now_ns, &has_left), 0);
        free(d);
    }
}

static void world_run(struct world *w, int64_t until_ns)
{
    for (unsigned step = 0; w->now_ns < until_ns; step++, w->now_ns += STEP_NS) {
        const bool is_shot = w->now_ns >= w->camera.n_frames * FRAME_NS;
        if (is_shot) {
            camera_shoot(&w->camera, w->now_ns);
        }
        for (unsigned i = 0; i < w->n_seats; i++) {
            struct seat *s = &w->seats[i];
            exchange(w, s);
            if (step % TICK_STEPS == 0) {
                viewer_on_tick(&s->viewer, &s->up, w->now_ns);
            }
            if (is_shot || (step % TICK_STEPS == 0 &&
                            rtp_sender_deadline_ns(&s->sender, w->now_ns) <= w->now_ns)) {
                pump(w, s);
            }
        }
    }
}

static void show(const char *name, const struct world *w, const struct seat *s, int64_t from_ns)
{
    const struct viewer_summary v = viewer_summarize(&s->viewer, from_ns, w->now_ns);
    print_message("%s: %u frames, delay median %lld p95 %lld max %lld ms, longest freeze %lld ms, "
                  "%u wishes (%u passed on), %llu refused, %llu cut, %llu repeats, %llu PLI, "
                  "rate %lld kbit/s\n",
                  name, v.n_frames, (long long)(v.median_delay_ns / NS_PER_MS),
                  (long long)(v.p95_delay_ns / NS_PER_MS), (long long)(v.delay_ns / NS_PER_MS),
                  (long long)(v.freeze_ns / NS_PER_MS), s->n_wishes, w->camera.n_wishes,
                  (unsigned long long)s->sender.stats.n_frames_refused,
                  (unsigned long long)s->sender.stats.n_frames_cut,
                  (unsigned long long)s->sender.stats.n_repeats,
                  (unsigned long long)s->viewer.n_plis,
                  (long long)(s->sender.rate.rate_bps / 1000));
}

/* ---- scenarios ---- */

static const struct link_config GOOD = {
    .rate_bps = 100000000, .queue_bytes = 500000, .delay_ns = 10 * NS_PER_MS};

static void test_good_link(void **state)
{
    struct world *w = malloc(sizeof(*w));
    world_init(w, 4000000);
    struct seat *s = add_seat(w, &GOOD, true);
    world_run(w, 20 * NS_PER_S);
    show("good link", w, s, NS_PER_S);
    const struct viewer_summary v = viewer_summarize(&s->viewer, 0, w->now_ns);
    assert_true(v.n_frames >= w->camera.n_frames - 1);
    assert_true(v.delay_ns < 20 * NS_PER_MS);
    assert_int_equal(s->sender.stats.n_frames_refused, 0);
    assert_int_equal(s->n_wishes, 0);
    assert_int_equal(s->viewer.n_repeats, 0);
    assert_int_equal(s->viewer.n_without_playout, 0);
    world_finish(w);
    free(w);
}

/* A still picture makes REMB small; the next moving one must not be dropped for it. */
static void test_still_then_moving(void **state)
{
    struct world *w = malloc(sizeof(*w));
    world_init(w, 300000);
    struct seat *s = add_seat(w, &GOOD, true);
    world_run(w, 10 * NS_PER_S);
    w->camera.bitrate_bps = 6000000;
    world_run(w, 20 * NS_PER_S);
    show("still, then moving", w, s, NS_PER_S);
    assert_int_equal(s->sender.stats.n_frames_refused, 0);
    world_finish(w);
    free(w);
}

/* Estimates that begin small and say no more than one and a half times what arrives; and a viewer
 * on a busy machine, which reports late and whose estimate falls now and then. Nothing is
 * congested. */
static void test_estimates_of_a_busy_viewer(void **state)
{
    struct world *w = malloc(sizeof(*w));
    bool has_left;
    world_init(w, 920000);
    struct seat *s = add_seat(w, &GOOD, false);
    for (int i = 0; i < 100; i++) { /* 20 s */
        const uint32_t media_ssrc = VIEWER_MEDIA_SSRC;
        const int64_t bps = i == 0 ? 230000 : i % 20 == 19 ? 700000 : 800000 + i * 1000;
        uint8_t out[64];
        struct byte_writer remb;
        world_run(w, (i + 1) * 200 * NS_PER_MS);
        byte_writer_init(&remb, out, sizeof(out));
        rtcp_write_remb(&remb, VIEWER_SSRC, (uint64_t)bps, &media_ssrc, 1);
        rtp_sender_receive(&s->sender, bytes_of(out, byte_writer_size(&remb)), w->now_ns,
                           &has_left);
        s->up.config.delay_ns = i % 15 == 14 ? 350 * NS_PER_MS : GOOD.delay_ns; /* a hiccup */
    }
    show("busy viewer", w, s, NS_PER_S);
    assert_int_equal(s->sender.stats.n_frames_refused, 0);
    assert_true(viewer_summarize(&s->viewer, 0, w->now_ns).n_frames >= w->camera.n_frames - 1);
    world_finish(w);
    free(w);
}

static void check_thin(const char *name, const struct link_config *thin, bool has_remb)
{
    struct world *w = malloc(sizeof(*w));
    world_init(w, 4000000);
    struct seat *s = add_seat(w, thin, has_remb);
    struct seat *good = add_seat(w, &GOOD, true);
    world_run(w, 60 * NS_PER_S);
    show(name, w, s, 5 * NS_PER_S);
    show("  beside it", w, good, NS_PER_S);
    const struct viewer_summary v = viewer_summarize(&s->viewer, 5 * NS_PER_S, w->now_ns);
    assert_true(v.median_delay_ns < 450 * NS_PER_MS);
    assert_true(v.p95_delay_ns < (thin->loss > 0 ? 600 : 500) * NS_PER_MS);
    assert_true(v.n_frames >= 45);
    assert_true(v.freeze_ns < 3 * NS_PER_S);
    assert_true(viewer_summarize(&s->viewer, 0, 10 * NS_PER_S).freeze_ns < 4 * NS_PER_S);
    assert_true(s->n_wishes <= 62);
    if (thin->jitter_ns == 0) {
        assert_in_range(s->sender.rate.measured_bps, thin->rate_bps * 95 / 100,
                        thin->rate_bps * 105 / 100);
        assert_true(v.p95_delay_ns < 420 * NS_PER_MS);
    }
    const struct viewer_summary g = viewer_summarize(&good->viewer, 0, w->now_ns);
    assert_true(g.n_frames >= w->camera.n_frames - 1);
    assert_true(g.delay_ns < 20 * NS_PER_MS);
    world_finish(w);
    free(w);
}

static void test_thin_link(void **state)
{
    static const struct {
        const char *name;
        struct link_config link;
        bool has_remb;
    } cases[] = {
        {"1 Mbit/s, long queue", {1000000, 250000, 20 * NS_PER_MS, 0, 0}, true},
        {"1 Mbit/s, short queue", {1000000, 30000, 20 * NS_PER_MS, 0, 0}, true},
        {"1 Mbit/s, long queue, no REMB", {1000000, 250000, 20 * NS_PER_MS, 0, 0}, false},
        {"1 Mbit/s, short queue, no REMB", {1000000, 30000, 20 * NS_PER_MS, 0, 0}, false},
        {"1 Mbit/s, jitter and loss", {1000000, 100000, 40 * NS_PER_MS, 10 * NS_PER_MS, 10}, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        check_thin(cases[i].name, &cases[i].link, cases[i].has_remb);
    }
}

static void test_lossy_link(void **state)
{
    static const struct {
        const char *name;
        unsigned loss;
        int64_t jitter_ns;
    } cases[] = {
        {"1 % loss", 10, 0},
        {"5 % loss", 50, 0},
        {"5 % loss, reordered", 50, 10 * NS_PER_MS},
        {"15 % loss", 150, 0},
        {"reordered only", 0, 20 * NS_PER_MS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct world *w = malloc(sizeof(*w));
        struct link_config link = GOOD;
        world_init(w, 2000000);
        link.loss = cases[i].loss;
        link.jitter_ns = cases[i].jitter_ns;
        struct seat *s = add_seat(w, &link, true);
        world_run(w, 30 * NS_PER_S);
        show(cases[i].name, w, s, NS_PER_S);
        const struct viewer_summary v = viewer_summarize(&s->viewer, NS_PER_S, w->now_ns);
        assert_true(s->viewer.repeat_bytes <=
                    s->viewer.media_bytes / 5 + RTP_SENDER_REPEAT_MIN_BYTES);
        if (cases[i].loss <= 50) {
            assert_true(v.freeze_ns < 1500 * NS_PER_MS);
            assert_true(v.n_frames > 29 * FPS * 95 / 100);
            assert_false(rtp_rate_is_limited(&s->sender.rate)); /* slower sending mends no loss */
        }
        world_finish(w);
        free(w);
    }
}

/* 8 → 0.5 → 8 Mbit/s. */
static void test_recovery(void **state)
{
    for (int has_remb = 0; has_remb <= 1; has_remb++) {
        struct world *w = malloc(sizeof(*w));
        const struct link_config wide = {8000000, 250000, 20 * NS_PER_MS, 0, 0};
        world_init(w, 4000000);
        struct seat *s = add_seat(w, &wide, has_remb);
        world_run(w, 10 * NS_PER_S);
        show("8 Mbit/s", w, s, NS_PER_S);
        assert_int_equal(s->sender.stats.n_frames_refused, 0);
        s->down.config.rate_bps = 500000;
        world_run(w, 30 * NS_PER_S);
        show("then 0.5", w, s, 15 * NS_PER_S);
        const struct viewer_summary thin = viewer_summarize(&s->viewer, 15 * NS_PER_S, w->now_ns);
        assert_true(thin.freeze_ns < 5 * NS_PER_S);
        assert_true(thin.n_frames >= 5);
        s->down.config.rate_bps = 8000000;
        world_run(w, 60 * NS_PER_S);
        show("then 8", w, s, 45 * NS_PER_S);
        const struct viewer_summary again = viewer_summarize(&s->viewer, 45 * NS_PER_S, w->now_ns);
        assert_true(again.n_frames > 15 * FPS * 95 / 100);
        world_finish(w);
        free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_link),
        cmocka_unit_test(test_still_then_moving),
        cmocka_unit_test(test_estimates_of_a_busy_viewer),
        cmocka_unit_test(test_thin_link),
        cmocka_unit_test(test_lossy_link),
        cmocka_unit_test(test_recovery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
