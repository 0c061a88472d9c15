/*
 * A stream in virtual time: one camera with jitter, losses, stalls and long groups of pictures;
 * viewers with fast, slow, stalled and stuttering links. Watched throughout: each viewer's budget,
 * that what follows a gap can be decoded, how often keyframes are asked for, that nobody starves,
 * and the memory held.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "stream/encoding.h"
#include "stream/feed.h"
#include "stream/reader.h"

enum { MAX_VIEWERS = 64 };

#define TICK_NS  NS_PER_MS
#define START_NS (1000 * NS_PER_S)

/* ---- what is varied ---- */

struct camera_kind {
    unsigned can;
    int gop; /* frames between keyframes that come by themselves; 0: only on wish */
    int64_t frame_ns;
    int64_t jitter_ns;
    int loss_percent;
    int64_t stall_every_ns; /* 0: never */
    int64_t stall_ns;
    size_t p_bytes;
    size_t key_bytes;
};

struct link_kind {
    const char *name;
    int64_t bytes_per_s;
    int64_t stutter_every_ns; /* 0: never */
    int64_t stutter_ns;
    bool must_get_all;
};

/* ---- state ---- */

struct viewer {
    struct reader reader;
    struct world *world;
    const struct link_kind *link;
    int64_t busy_until_ns;
    int64_t phase_ns;
    int64_t last_read_ns;
    int64_t longest_wait_ns;
    int64_t oldest_ns; /* age of the oldest chunk read that was not exempt */
    int64_t oldest_exempt_ns;
    uint64_t n_read;
    uint64_t n_undecodable;
    int64_t last_sequence;
    uint64_t n_expected; /* published since it joined */
};

struct world {
    struct producer producer;
    struct stream *stream;
    struct camera_kind camera;
    struct viewer viewers[MAX_VIEWERS];
    int n_viewers;
    int64_t now_ns;
    int64_t next_frame_ns; /* nominal */
    uint64_t n_frames;
    int since_key;
    bool is_key_asked;
    bool has_lost;
    int64_t last_wish_ns;
    int64_t closest_wishes_ns;
    size_t most_bytes;
    uint32_t random;
};

static uint32_t draw(struct world *w, uint32_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 17;
    w->random ^= w->random << 5;
    return below > 0 ? w->random % below : 0;
}

/* ---- the camera ---- */

static void on_demand(struct producer *p, encoding_set wanted)
{
    (void)p;
    (void)wanted;
}

static void on_wish(struct producer *p, const struct wish *wish)
{
    struct world *w = (struct world *)p;
    assert_int_equal(wish->type, WISH_KEYFRAME);
    const int64_t since_ns = w->now_ns - w->last_wish_ns;
    w->closest_wishes_ns = since_ns < w->closest_wishes_ns ? since_ns : w->closest_wishes_ns;
    w->last_wish_ns = w->now_ns;
    w->is_key_asked = true;
}

static unsigned can(const struct producer *p, enum encoding_id id)
{
    (void)id;
    return ((const struct world *)p)->camera.can;
}

static void destroy(struct producer *p)
{
    (void)p;
}

static const struct producer_type camera_type = {
    .name = "sim", .demand = on_demand, .wish = on_wish, .can = can, .destroy = destroy};

static void publish(struct world *w)
{
    const struct camera_kind *c = &w->camera;
    const bool is_key =
        w->n_frames == 0 || w->is_key_asked || (c->gop > 0 && w->since_key + 1 >= c->gop);
    w->since_key = is_key ? 0 : w->since_key + 1;
    w->is_key_asked = false;
    w->n_frames++;
    if (!is_key && draw(w, 100) < (uint32_t)c->loss_percent) {
        w->has_lost = true;
        return;
    }
    struct packet *p = packet_create(is_key ? c->key_bytes : c->p_bytes);
    p->size = p->capacity;
    memset(p->data, 0, p->size);
    p->pts_ns = w->next_frame_ns;
    p->arrival_ns = w->now_ns;
    p->flags = (is_key ? PACKET_KEY : 0) | (w->has_lost ? PACKET_DISCONTINUITY : 0);
    w->has_lost = false;
    stream_publish(w->stream, ENCODING_H264, p);
    for (int i = 0; i < w->n_viewers; i++) {
        w->viewers[i].n_expected++;
    }
}

static bool is_stalled(int64_t now_ns, int64_t every_ns, int64_t length_ns)
{
    return every_ns > 0 && (now_ns - START_NS) % every_ns >= every_ns - length_ns;
}

static void step_camera(struct world *w)
{
    const struct camera_kind *c = &w->camera;
    if (is_stalled(w->now_ns, c->stall_every_ns, c->stall_ns)) {
        return;
    }
    const int64_t jitter_ns = draw(w, (uint32_t)(c->jitter_ns / NS_PER_MS) + 1) * NS_PER_MS;
    if (w->now_ns >= w->next_frame_ns + jitter_ns) {
        publish(w);
        w->next_frame_ns += c->frame_ns;
        if (w->next_frame_ns < w->now_ns - NS_PER_S) {
            w->next_frame_ns = w->now_ns;
        }
    }
}

/* ---- viewers ---- */

static int copy_packet(void *state, const struct packet *packet, uint32_t sequence,
                       struct buf **out)
{
    (void)state;
    (void)sequence;
    *out = buf_copy(packet_bytes(packet));
    return 0;
}

static const struct mux_type copy_mux = {.name = "copy", .packet = copy_packet};

static void check_chunk(struct viewer *v, const struct chunk *c, bool was_catching_up)
{
    struct world *w = v->world;
    const struct ring *ring = &w->stream->encodings[ENCODING_H264].ring;
    const int64_t age_ns = w->now_ns - c->packet->arrival_ns;
    const bool is_newest = c->sequence + 1 == (uint32_t)ring->end;
    const bool is_exempt = was_catching_up || v->reader.is_catching_up || is_newest;
    int64_t *oldest_ns = is_exempt ? &v->oldest_exempt_ns : &v->oldest_ns;
    *oldest_ns = age_ns > *oldest_ns ? age_ns : *oldest_ns;
    const bool is_jump = v->n_read == 0 || (int64_t)c->sequence != v->last_sequence + 1;
    v->n_undecodable += is_jump && !packet_is_key(c->packet);
    assert_int_equal(c->is_gap, is_jump && v->n_read > 0);
    assert_true((int64_t)c->sequence > v->last_sequence);
    v->last_sequence = c->sequence;
}

static void read_some(struct viewer *v)
{
    struct world *w = v->world;
    struct chunk c;
    while (w->now_ns >= v->busy_until_ns) {
        const bool was_catching_up = v->reader.is_catching_up;
        if (!reader_next(&v->reader, w->now_ns, &c)) {
            return;
        }
        check_chunk(v, &c, was_catching_up);
        v->n_read++;
        const int64_t wait_ns = w->now_ns - v->last_read_ns;
        v->longest_wait_ns = wait_ns > v->longest_wait_ns ? wait_ns : v->longest_wait_ns;
        v->last_read_ns = w->now_ns;
        v->busy_until_ns = w->now_ns + (int64_t)c.buf->size * NS_PER_S / v->link->bytes_per_s;
    }
}

static void on_ready(struct reader *r)
{
    read_some((struct viewer *)r);
}

static const struct reader_ops viewer_ops = {.on_ready = on_ready};

static void step_viewer(struct viewer *v)
{
    const struct link_kind *l = v->link;
    if (is_stalled(v->world->now_ns + v->phase_ns, l->stutter_every_ns, l->stutter_ns)) {
        v->busy_until_ns += TICK_NS;
        if (v->busy_until_ns <= v->world->now_ns) {
            v->busy_until_ns = v->world->now_ns + TICK_NS;
        }
    }
    read_some(v);
}

static void add_viewer(struct world *w, const struct link_kind *link, enum stream_mode mode)
{
    struct viewer *v = &w->viewers[w->n_viewers++];
    *v = (struct viewer){.world = w, .link = link, .last_sequence = -1};
    v->last_read_ns = w->now_ns;
    v->phase_ns = draw(w, 3000) * NS_PER_MS;
    assert_int_equal(reader_open(&v->reader, w->stream, ENCODING_H264, &copy_mux, mode, "sim",
                                 &viewer_ops, w->now_ns),
                     0);
}

/* ---- the world ---- */

static void on_wake(void *arg)
{
    (void)arg;
}

static void begin(struct world *w, const struct camera_kind *camera, uint32_t seed)
{
    static const struct stream_config config = {.name = "sim", .stop_after_ns = NS_PER_S};
    *w = (struct world){
        .producer.type = &camera_type,
        .camera = *camera,
        .now_ns = START_NS,
        .next_frame_ns = START_NS,
        .last_wish_ns = START_NS - 100 * NS_PER_S,
        .closest_wishes_ns = INT64_MAX,
        .random = seed,
    };
    w->stream = stream_create(&config, on_wake, w);
    stream_set_producer(w->stream, &w->producer, w->now_ns);
    const struct track track = {.codec = CODEC_H264, .size = {1280, 720}};
    stream_set_track(w->stream, ENCODING_H264, &track);
}

static size_t held_bytes(const struct world *w)
{
    const struct encoding *e = &w->stream->encodings[ENCODING_H264];
    size_t n = e->ring.n_bytes;
    const struct feed *f;
    list_for_each(f, &e->feeds, link)
    {
        for (unsigned i = 0; i < f->capacity; i++) {
            n += f->slots[i].buf ? f->slots[i].buf->size : 0;
        }
    }
    return n;
}

static void step(struct world *w)
{
    w->now_ns += TICK_NS;
    step_camera(w);
    stream_dispatch(w->stream, w->now_ns);
    if (stream_deadline_ns(w->stream) <= w->now_ns) {
        stream_on_timer(w->stream, w->now_ns);
    }
    for (int i = 0; i < w->n_viewers; i++) {
        step_viewer(&w->viewers[i]);
    }
    if (w->now_ns % (50 * NS_PER_MS) == 0) {
        const size_t n = held_bytes(w);
        w->most_bytes = n > w->most_bytes ? n : w->most_bytes;
    }
}

static void pass(struct world *w, int64_t ns)
{
    for (const int64_t end_ns = w->now_ns + ns; w->now_ns < end_ns;) {
        step(w);
    }
}

static void finish(struct world *w)
{
    for (int i = 0; i < w->n_viewers; i++) {
        reader_close(&w->viewers[i].reader, w->now_ns);
    }
    stream_destroy(w->stream, w->now_ns);
}

/* 30 fps, 3,800 bytes a frame: 920 kbit/s */
static const struct link_kind fast = {"fast", 12500000, 0, 0, true};
static const struct link_kind slow = {"slow", 50000, 0, 0, false}; /* 400 kbit/s */
static const struct link_kind stuttering = {"stuttering", 1250000, 3 * NS_PER_S, NS_PER_S, false};
static const struct link_kind stalled = {"stalled", 1250000, 20 * NS_PER_S, 15 * NS_PER_S, false};

static const struct {
    const char *name;
    struct camera_kind camera;
} cameras[] = {
    {"encoder", {PRODUCER_CAN_KEYFRAME, 60, NS_PER_S / 30, 0, 0, 0, 0, 3800, 20000}},
    {"encoder, keyframes only on wish",
     {PRODUCER_CAN_KEYFRAME, 0, NS_PER_S / 30, 0, 0, 0, 0, 3800, 20000}},
    {"jitter and loss",
     {PRODUCER_CAN_KEYFRAME, 300, NS_PER_S / 30, 40 * NS_PER_MS, 2, 0, 0, 3800, 20000}},
    {"stalls",
     {PRODUCER_CAN_KEYFRAME, 60, NS_PER_S / 30, 5 * NS_PER_MS, 0, 7 * NS_PER_S, 2 * NS_PER_S, 3800,
      20000}},
    {"pipe with long groups", {0, 300, NS_PER_S / 30, 10 * NS_PER_MS, 0, 0, 0, 3800, 20000}},
    {"two frames a second", {PRODUCER_CAN_KEYFRAME, 4, NS_PER_S / 2, 0, 0, 0, 0, 3800, 20000}},
};

static void check(const struct world *w, const char *name)
{
    /* the group of pictures and the watchers' second, in packets and once more muxed */
    const int64_t gop = w->camera.gop > 0 ? w->camera.gop : 1024;
    const size_t bound = (size_t)(2 * (gop + 200)) * 3800 + 4 * 20000 * 2;
    if (w->closest_wishes_ns < STREAM_KEYFRAME_INTERVAL_NS) {
        fail_msg("%s: keyframes asked %lld ms apart", name,
                 (long long)(w->closest_wishes_ns / NS_PER_MS));
    }
    if (w->most_bytes > bound) {
        fail_msg("%s: %zu bytes held, bound %zu", name, w->most_bytes, bound);
    }
    for (int i = 0; i < w->n_viewers; i++) {
        const struct viewer *v = &w->viewers[i];
        if (v->oldest_ns > v->reader.budget_ns) {
            fail_msg("%s, %s: read %lld ms late", name, v->link->name,
                     (long long)(v->oldest_ns / NS_PER_MS));
        }
        if (v->n_undecodable > 0) {
            fail_msg("%s, %s: undecodable", name, v->link->name);
        }
        if (v->link->must_get_all && v->n_read != v->n_expected) {
            fail_msg("%s, %s: read %llu of %llu", name, v->link->name,
                     (unsigned long long)v->n_read, (unsigned long long)v->n_expected);
        }
    }
}

static int64_t waiting_bound_ns(const struct world *w, const struct viewer *v)
{
    /* own outages, the camera's, and the way to the next keyframe */
    const struct camera_kind *c = &w->camera;
    int64_t key_ns = READER_SKIP_WISH_NS;
    if ((c->can & PRODUCER_CAN_KEYFRAME) == 0) {
        key_ns = c->gop * c->frame_ns;
    }
    return v->link->stutter_ns + c->stall_ns + key_ns + 2 * NS_PER_S;
}

static void test_all_cameras_with_all_viewers(void **state)
{
    static struct world w;
    for (size_t i = 0; i < sizeof(cameras) / sizeof(cameras[0]); i++) {
        begin(&w, &cameras[i].camera, 4711 + (uint32_t)i);
        for (int mode = 0; mode < N_MODES; mode++) {
            add_viewer(&w, &fast, (enum stream_mode)mode);
            add_viewer(&w, &slow, (enum stream_mode)mode);
            add_viewer(&w, &stuttering, (enum stream_mode)mode);
            add_viewer(&w, &stalled, (enum stream_mode)mode);
        }
        pass(&w, 60 * NS_PER_S);
        check(&w, cameras[i].name);
        for (int n = 0; n < w.n_viewers; n++) {
            const struct viewer *v = &w.viewers[n];
            if (v->longest_wait_ns > waiting_bound_ns(&w, v)) {
                fail_msg("%s, %s: starved for %lld ms", cameras[i].name, v->link->name,
                         (long long)(v->longest_wait_ns / NS_PER_MS));
            }
        }
        finish(&w);
    }
}

/* Viewers come and go all the time: the good ones lose nothing, joining is soon. */
static void test_coming_and_going(void **state)
{
    static struct world w;
    begin(&w, &cameras[1].camera, 99);
    add_viewer(&w, &fast, MODE_DRIVE);
    for (int round = 0; round < 30; round++) {
        pass(&w, NS_PER_S);
        add_viewer(&w, round % 3 == 0 ? &slow : &fast, (enum stream_mode)(round % N_MODES));
        struct viewer *v = &w.viewers[w.n_viewers - 1];
        v->link = &(const struct link_kind){"joining", 1250000, 0, 0, false};
        const int64_t joined_ns = w.now_ns;
        pass(&w, 700 * NS_PER_MS);
        assert_true(v->n_read > 0);
        assert_true(v->last_sequence > 0 && w.now_ns - joined_ns < NS_PER_S);
        reader_close(&v->reader, w.now_ns);
        w.n_viewers--;
    }
    check(&w, "coming and going");
    finish(&w);
}

/* Who joins at a cached keyframe over a link that is too slow must not be exempt for ever. */
static void test_catching_up_ends(void **state)
{
    static struct world w;
    begin(&w, &cameras[1].camera, 7);
    pass(&w, 900 * NS_PER_MS);
    add_viewer(&w, &(const struct link_kind){"slow", 40000, 0, 0, false}, MODE_DRIVE);
    pass(&w, 20 * NS_PER_S);
    const struct viewer *v = &w.viewers[0];
    assert_true(v->oldest_exempt_ns > NS_PER_S / 2);
    assert_true(v->oldest_exempt_ns < READER_JOIN_AGE_NS + READER_CATCH_UP_NS + NS_PER_S);
    check(&w, "catching up");
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_cameras_with_all_viewers),
        cmocka_unit_test(test_coming_and_going),
        cmocka_unit_test(test_catching_up_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
