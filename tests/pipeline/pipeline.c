#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fakes.h"
#include "pipeline/decode.h"
#include "stream/reader.h"

#define PATIENCE_NS (10 * NS_PER_S)

/* ---- a loop in small ---- */

struct lab {
    int fd;
    struct stream *stream;
    struct producer *producer;
    char states[200]; /* first letters of their names, as they came */
};

static void on_wake(void *arg)
{
    const uint64_t one = 1;
    (void)!write(*(const int *)arg, &one, sizeof(one));
}

static void note_state(struct lab *lab)
{
    const char letter = stream_state_name(stream_get_state(lab->stream))[2];
    const size_t n = strlen(lab->states);
    if ((n == 0 || lab->states[n - 1] != letter) && n + 1 < sizeof(lab->states)) {
        lab->states[n] = letter;
    }
}

static void turn(struct lab *lab, int timeout_ms)
{
    struct pollfd fd = {.fd = lab->fd, .events = POLLIN};
    uint64_t n;
    if (poll(&fd, 1, timeout_ms) > 0) {
        (void)!read(lab->fd, &n, sizeof(n));
    }
    stream_dispatch(lab->stream, time_monotonic_ns());
    note_state(lab);
}

/* Turns the loop until the condition holds; fails after PATIENCE_NS. */
#define turn_until(lab, condition)                                                                 \
    do {                                                                                           \
        const int64_t give_up_ns = time_monotonic_ns() + PATIENCE_NS;                              \
        while (!(condition)) {                                                                     \
            assert_true(time_monotonic_ns() < give_up_ns);                                         \
            turn(lab, 20);                                                                         \
        }                                                                                          \
    } while (0)

struct lab_config {
    const struct source_type *source;
    const struct pipeline_types *types;
    const char *encoder;
};

static void lab_init(struct lab *lab, const struct lab_config *c)
{
    static const struct stream_config stream_config = {.name = "cam"};
    *lab = (struct lab){.fd = eventfd(0, EFD_CLOEXEC)};
    lab->stream = stream_create(&stream_config, on_wake, &lab->fd);
    void *options = calloc(1, c->source->state_size);
    struct option_error error;
    option_init(c->source->options, options);
    assert_int_equal(option_set(c->source->options, options, "title", "seven77", &error), 0);
    char location[] = "here";
    const struct pipeline_config config = {
        .source = c->source,
        .location = location,
        .source_options = options,
        .size = {64, 48},
        .rate = {250, 1},
        .h264 = {.bitrate_bps = 500000},
        .encoder = c->encoder,
        .jpeg_quality = 80,
    };
    assert_int_equal(pipeline_create(&lab->producer, &config, c->types ? c->types : &fake_types,
                                     lab->stream, NULL),
                     0);
    option_finish(c->source->options, options);
    free(options);
    memset(location, 'x', sizeof(location) - 1); /* it was copied */
    stream_set_producer(lab->stream, lab->producer, time_monotonic_ns());
}

static void lab_finish(struct lab *lab)
{
    stream_destroy(lab->stream, time_monotonic_ns());
    close(lab->fd);
}

/* ---- viewers ---- */

struct viewer {
    struct reader reader;
    int n_read;
    int n_keys;
    int n_discontinuities;
    int64_t last_pts_ns;
    char end[STREAM_ERROR_SIZE];
};

static void on_ready(struct reader *r)
{
    struct viewer *v = (struct viewer *)r;
    struct chunk c;
    while (reader_next(r, time_monotonic_ns(), &c)) {
        assert_true(v->n_read == 0 || c.packet->pts_ns > v->last_pts_ns);
        v->last_pts_ns = c.packet->pts_ns;
        v->n_read++;
        v->n_keys += packet_is_key(c.packet);
        v->n_discontinuities += (c.packet->flags & PACKET_DISCONTINUITY) != 0;
    }
}

static void on_end(struct reader *r, const char *why)
{
    snprintf(((struct viewer *)r)->end, STREAM_ERROR_SIZE, "%s", why);
}

static const struct reader_ops viewer_ops = {.on_ready = on_ready, .on_end = on_end};

static void view(struct viewer *v, struct lab *lab, enum encoding_id id)
{
    *v = (struct viewer){.n_read = 0};
    assert_int_equal(reader_open(&v->reader, lab->stream, id, NULL, MODE_SMOOTH, "test",
                                 &viewer_ops, time_monotonic_ns()),
                     0);
}

static void leave(struct viewer *v)
{
    reader_close(&v->reader, time_monotonic_ns());
}

static bool is_state(const struct lab *lab, enum stream_state state)
{
    return stream_get_state(lab->stream) == state;
}

/* ---- tests ---- */

static void test_on_demand(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    lab_init(&lab, &(struct lab_config){.source = &fake_packets});
    turn(&lab, 0);
    assert_int_equal(fake.n_opens, 0); /* nobody watching, nothing running */
    for (int round = 1; round <= 3; round++) {
        view(&v, &lab, ENCODING_H264);
        turn_until(&lab, v.n_read >= 5);
        assert_true(is_state(&lab, STREAM_LIVE));
        assert_int_equal(fake.title_length, 7);
        leave(&v);
        turn_until(&lab, is_state(&lab, STREAM_IDLE));
        assert_int_equal(fake.n_opens, round);
        assert_int_equal(fake.n_closes, round);
    }
    lab_finish(&lab);
}

static void test_wishes_reach_the_source(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    fake.gop = 100000;
    lab_init(&lab, &(struct lab_config){.source = &fake_packets});
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.n_read >= 2);
    assert_true(
        stream_wish(lab.stream, &(struct wish){.type = WISH_KEYFRAME}, time_monotonic_ns()));
    stream_wish(lab.stream, &(struct wish){.type = WISH_CONTROL, .name = "gain", .value = "3"},
                time_monotonic_ns());
    turn_until(&lab, v.n_keys == 2 && fake.n_controls == 1);
    assert_int_equal(fake.n_source_keys, 1);
    leave(&v);
    lab_finish(&lab);
}

static void test_failing_opens_are_retried(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    fake.n_failing_opens = 2;
    lab_init(&lab, &(struct lab_config){.source = &fake_packets});
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, is_state(&lab, STREAM_STALLED));
    assert_string_equal(stream_error(lab.stream), "fake: here is not there, trying again");
    turn_until(&lab, v.n_read > 0);
    assert_true(is_state(&lab, STREAM_LIVE));
    assert_null(stream_error(lab.stream));
    assert_int_equal(fake.n_opens, 3);
    assert_int_equal(fake.n_closes, 2);
    assert_string_equal(v.end, "");
    leave(&v);
    lab_finish(&lab);
}

static void test_a_source_that_dies_comes_back(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    fake.dies_after = 7;
    lab_init(&lab, &(struct lab_config){.source = &fake_pictures});
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, fake.n_opens == 2 && v.n_read >= 10);
    assert_int_equal(v.n_discontinuities, 1);
    assert_int_equal(v.n_keys, 2); /* the second is the first after the return */
    assert_int_equal(fake.n_encoder_opens[ENCODING_H264], 1);
    turn_until(&lab, is_state(&lab, STREAM_STALLED));
    assert_string_equal(stream_error(lab.stream), "fake: died, trying again");
    leave(&v);
    turn_until(&lab, is_state(&lab, STREAM_IDLE));
    lab_finish(&lab);
}

static void test_encoders_run_only_while_wanted(void **state)
{
    struct lab lab;
    struct viewer a;
    struct viewer b;
    fake_reset();
    lab_init(&lab, &(struct lab_config){.source = &fake_pictures});
    view(&a, &lab, ENCODING_H264);
    turn_until(&lab, a.n_read >= 3);
    assert_int_equal(fake.n_open_encoders[ENCODING_H264], 1);
    assert_int_equal(fake.n_open_encoders[ENCODING_JPEG], 0);
    view(&b, &lab, ENCODING_JPEG);
    turn_until(&lab, b.n_read >= 3);
    leave(&a);
    turn_until(&lab, fake.n_open_encoders[ENCODING_H264] == 0);
    const int n_read = b.n_read;
    turn_until(&lab, b.n_read > n_read + 3);
    assert_int_equal(fake.n_opens, 1);
    leave(&b);
    turn_until(&lab, is_state(&lab, STREAM_IDLE));
    assert_int_equal(fake.n_open_encoders[ENCODING_JPEG], 0);
    lab_finish(&lab);
}

static void test_keyframe_and_bitrate_while_running(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    lab_init(&lab, &(struct lab_config){.source = &fake_pictures});
    const struct wish rate = {.type = WISH_BITRATE, .bitrate_bps = 123000};
    assert_true(stream_wish(lab.stream, &rate, time_monotonic_ns())); /* also before the start */
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.n_read >= 3);
    assert_int_equal(fake.bitrate_bps, 123000);
    assert_int_equal(stream_track(lab.stream, ENCODING_H264)->bitrate_bps, 123000);

    const int n_before = fake.n_units;
    assert_true(
        stream_wish(lab.stream, &(struct wish){.type = WISH_KEYFRAME}, time_monotonic_ns()));
    turn_until(&lab, fake.n_forced_keys == 1);
    /* the picture being encoded and those of this thread's own delay */
    assert_true(fake.n_units <= n_before + 2 + 25);
    const struct wish less = {.type = WISH_BITRATE, .bitrate_bps = 99000};
    assert_true(stream_wish(lab.stream, &less, time_monotonic_ns()));
    turn_until(&lab, fake.bitrate_bps == 99000);
    assert_int_equal(fake.n_encoder_opens[ENCODING_H264], 1);
    leave(&v);
    lab_finish(&lab);
}

static void test_encoder_refuses(void **state)
{
    struct lab lab;
    struct viewer v;
    struct viewer jpeg;
    fake_reset();
    fake.n_refusals = 2;
    lab_init(&lab, &(struct lab_config){.source = &fake_pictures});
    view(&v, &lab, ENCODING_H264);
    view(&jpeg, &lab, ENCODING_JPEG);
    turn_until(&lab, v.end[0] != '\0');
    assert_string_equal(v.end, "fake: the encoder is in use");
    /* nobody wants it any more, so the next one may try at once */
    assert_null(stream_encoding_error(lab.stream, ENCODING_H264));
    fake.n_refusals = 0;
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.n_read >= 3);
    assert_string_equal(jpeg.end, "");

    /* who has seen something waits for its return */
    fake.n_failing_encodes = 1;
    fake.n_refusals = 1;
    turn_until(&lab, stream_encoding_error(lab.stream, ENCODING_H264));
    const int n_read = v.n_read;
    turn_until(&lab, v.n_read > n_read + 3);
    assert_null(stream_encoding_error(lab.stream, ENCODING_H264));
    assert_string_equal(v.end, "");
    assert_true(is_state(&lab, STREAM_LIVE));
    leave(&v);
    leave(&jpeg);
    lab_finish(&lab);
}

static void test_unknown_encoder(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    lab_init(&lab, &(struct lab_config){.source = &fake_pictures, .encoder = "nvenc"});
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.end[0] != '\0');
    assert_non_null(strstr(v.end, "no H.264 encoder 'nvenc'"));
    lab_finish(&lab);
}

static void test_change_of_size_reopens_the_encoder(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    lab_init(&lab, &(struct lab_config){.source = &fake_pictures});
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.n_read >= 3);
    fake.width = 128;
    turn_until(&lab, stream_track(lab.stream, ENCODING_H264)->size.width == 128);
    assert_int_equal(fake.n_encoder_opens[ENCODING_H264], 2);
    assert_int_equal(fake.n_opens, 1);
    leave(&v);
    lab_finish(&lab);
}

static void test_decoder_between(void **state)
{
    struct lab lab;
    struct viewer h264;
    struct viewer jpeg;
    fake_reset();
    fake.gop = 100000; /* no second keyframe will come */
    lab_init(&lab, &(struct lab_config){.source = &fake_packets});
    view(&h264, &lab, ENCODING_H264);
    turn_until(&lab, h264.n_read >= 5);
    assert_int_equal(fake.n_open_decoders, 0);
    view(&jpeg, &lab, ENCODING_JPEG);
    turn_until(&lab, jpeg.n_read >= 5);
    assert_true(fake.n_decoded >= 10);
    assert_int_equal(h264.n_keys, 1);
    leave(&jpeg);
    turn_until(&lab, fake.n_open_decoders == 0 && fake.n_open_encoders[ENCODING_JPEG] == 0);
    leave(&h264);
    lab_finish(&lab);
}

/* Nobody watched while a long group of pictures went by: its keyframe is where decoding begins. */
static void test_decoder_joins_a_long_gop(void **state)
{
    struct lab lab;
    struct viewer jpeg;
    fake_reset();
    fake.gop = 100000;
    lab_init(&lab, &(struct lab_config){.source = &fake_pipe});
    turn_until(&lab, fake.n_units >= 500);
    assert_int_equal(fake.n_decoded, 0);
    view(&jpeg, &lab, ENCODING_JPEG);
    turn_until(&lab, jpeg.n_read > 0);
    assert_true(fake.n_decoded >= 500 - DECODE_LATE_NS / (FAKE_FRAME_MS * NS_PER_MS));
    leave(&jpeg);
    lab_finish(&lab);
}

/* One that is longer than what is kept: who joins hears why, and is served from the next one on. */
static void test_decoder_cannot_join(void **state)
{
    struct lab lab;
    struct viewer jpeg;
    fake_reset();
    fake.gop = 100000;
    fake.packet_bytes = STREAM_RING_BYTES / 64; /* small enough for the inbox */
    lab_init(&lab, &(struct lab_config){.source = &fake_pipe});
    turn_until(&lab, stream_join_error(lab.stream, ENCODING_H264));
    assert_non_null(strstr(stream_join_error(lab.stream, ENCODING_H264), "who joins waits"));
    view(&jpeg, &lab, ENCODING_JPEG);
    turn_until(&lab, jpeg.end[0] != '\0');
    assert_non_null(strstr(jpeg.end, "32 MB ago"));
    assert_int_equal(fake.n_decoded, 0);
    fake.packet_bytes = 16;
    fake.gop = 10;
    turn_until(&lab, !stream_join_error(lab.stream, ENCODING_H264));
    turn_until(&lab, !stream_encoding_error(lab.stream, ENCODING_JPEG));
    view(&jpeg, &lab, ENCODING_JPEG);
    turn_until(&lab, jpeg.n_read > 0);
    leave(&jpeg);
    lab_finish(&lab);
}

/* A decoder that follows a group of pictures beyond what is kept goes on. */
static void test_decoder_follows_a_long_gop(void **state)
{
    struct lab lab;
    struct viewer jpeg;
    fake_reset();
    fake.gop = 100000;
    fake.packet_bytes = STREAM_RING_BYTES / 64; /* small enough for the inbox */
    lab_init(&lab, &(struct lab_config){.source = &fake_pipe});
    view(&jpeg, &lab, ENCODING_JPEG);
    turn_until(&lab, jpeg.n_read >= 150);
    assert_string_equal(jpeg.end, "");
    leave(&jpeg);
    lab_finish(&lab);
}

/* A decoder that opens and then refuses what it is given is not asked again with every frame. */
static void test_decoder_that_refuses(void **state)
{
    struct lab lab;
    struct viewer h264;
    struct viewer jpeg;
    fake_reset();
    fake.n_failing_decodes = 100000;
    lab_init(&lab, &(struct lab_config){.source = &fake_packets});
    view(&h264, &lab, ENCODING_H264);
    view(&jpeg, &lab, ENCODING_JPEG);
    turn_until(&lab, jpeg.end[0] != '\0');
    assert_string_equal(jpeg.end, "pictures of this kind are not decoded");
    for (int i = 0; i < 5; i++) { /* others come, and each finds it out */
        view(&jpeg, &lab, ENCODING_JPEG);
        const int n_read = h264.n_read;
        turn_until(&lab, h264.n_read >= n_read + 60); /* in all more than a second */
        if (jpeg.end[0] == '\0') {
            leave(&jpeg);
        }
    }
    assert_true(fake.n_decoder_opens <= 3);
    leave(&h264);
    lab_finish(&lab);
}

static void test_no_decoder(void **state)
{
    struct lab lab;
    struct viewer h264;
    struct viewer jpeg;
    fake_reset();
    lab_init(&lab,
             &(struct lab_config){.source = &fake_packets, .types = &fake_types_without_decoder});
    view(&h264, &lab, ENCODING_H264);
    view(&jpeg, &lab, ENCODING_JPEG);
    turn_until(&lab, jpeg.end[0] != '\0' && h264.n_read > 3);
    assert_string_equal(jpeg.end,
                        "this build cannot decode h264, and the source gives nothing else");
    leave(&h264);
    lab_finish(&lab);
}

static void test_drained_pipe(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    fake.gop = 20;
    lab_init(&lab, &(struct lab_config){.source = &fake_pipe});
    turn_until(&lab, fake.n_units >= 50); /* nobody watches */
    assert_true(is_state(&lab, STREAM_IDLE));
    fake.is_silent = true;
    const struct encoding_stats *stats = stream_encoding_stats(lab.stream, ENCODING_H264);
    turn_until(&lab, stats->n_packets == (uint64_t)fake.n_units);
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.n_read > 0); /* from the kept group of pictures, nothing new came */
    assert_int_equal(v.n_keys, 1);
    fake.is_silent = false;
    turn_until(&lab, v.n_read > 40);
    assert_true(is_state(&lab, STREAM_LIVE));

    fake.has_ended = true;
    turn_until(&lab, is_state(&lab, STREAM_STALLED));
    assert_string_equal(stream_error(lab.stream), "fake: at its end, trying again");
    assert_string_equal(v.end, "");
    leave(&v);
    lab_finish(&lab);
}

static void test_silence_is_a_stall(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    lab_init(&lab, &(struct lab_config){.source = &fake_packets});
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.n_read > 0);
    fake.is_silent = true;
    turn_until(&lab, is_state(&lab, STREAM_STALLED));
    assert_string_equal(stream_error(lab.stream), "packets:here gives no pictures, waiting for it");
    fake.is_silent = false;
    turn_until(&lab, is_state(&lab, STREAM_LIVE));
    assert_int_equal(fake.n_opens, 1);
    leave(&v);
    lab_finish(&lab);
}

/* A start while stopping is remembered; whatever the interleaving, the end is as demanded. */
static void test_starts_while_stopping(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    lab_init(&lab, &(struct lab_config){.source = &fake_pictures});
    for (int i = 0; i < 100; i++) {
        view(&v, &lab, i % 2 ? ENCODING_H264 : ENCODING_JPEG);
        if (i % 3 == 0) {
            turn(&lab, 1);
        }
        leave(&v);
        if (i % 5 == 0) {
            turn(&lab, 1);
        }
    }
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.n_read > 3 && is_state(&lab, STREAM_LIVE));
    leave(&v);
    turn_until(&lab, is_state(&lab, STREAM_IDLE));
    assert_int_equal(fake.n_opens, fake.n_closes);
    lab_finish(&lab);
}

/* A source that always has the next picture ready, because the machine is too slow for it. */
static void test_an_overloaded_pipeline_still_listens(void **state)
{
    struct lab lab;
    struct viewer v;
    struct viewer jpeg;
    fake_reset();
    fake.encode_ms = 3 * FAKE_FRAME_MS;
    lab_init(&lab, &(struct lab_config){.source = &fake_pictures});
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.n_read > 3);
    view(&jpeg, &lab, ENCODING_JPEG);
    turn_until(&lab, jpeg.n_read > 3);
    leave(&jpeg);
    leave(&v);
    turn_until(&lab, is_state(&lab, STREAM_IDLE));
    lab_finish(&lab);
}

/* Nobody can end the call; the stream says so, viewers stay, and see it come back. */
static void test_a_hanging_driver_is_said(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    lab_init(&lab, &(struct lab_config){.source = &fake_packets});
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.n_read > 0);
    fake.is_hanging = true;
    turn_until(&lab, fake.has_hung);
    stream_check_producer(lab.stream, time_monotonic_ns());
    turn_until(&lab, is_state(&lab, STREAM_LIVE)); /* not yet */
    for (int i = 0; i < 3; i++) {
        stream_check_producer(lab.stream, time_monotonic_ns() + PIPELINE_HANG_NS);
    }
    turn_until(&lab, is_state(&lab, STREAM_STALLED));
    assert_non_null(strstr(stream_error(lab.stream), "does not answer"));
    assert_int_equal(v.end[0], '\0');
    const int n_read = v.n_read;
    fake.is_hanging = false;
    turn_until(&lab, v.n_read > n_read + 5 && is_state(&lab, STREAM_LIVE));
    assert_null(stream_error(lab.stream));
    leave(&v);
    lab_finish(&lab);
}

static void test_a_hanging_driver_is_left_behind(void **state)
{
    struct lab lab;
    struct viewer v;
    fake_reset();
    lab_init(&lab, &(struct lab_config){.source = &fake_packets});
    view(&v, &lab, ENCODING_H264);
    turn_until(&lab, v.n_read > 0);
    fake.is_hanging = true;
    turn_until(&lab, fake.has_hung);
    const int64_t begin_ns = time_monotonic_ns();
    leave(&v); /* stopping does not wait for it */
    turn_until(&lab, is_state(&lab, STREAM_STOPPING));
    assert_true(time_monotonic_ns() - begin_ns < NS_PER_S / 2);
    const int64_t quit_ns = time_monotonic_ns();
    stream_quit(lab.stream);
    poll(NULL, 0, 500); /* others are ended meanwhile */
    const int64_t end_ns = time_monotonic_ns();
    lab_finish(&lab);
    assert_true(time_monotonic_ns() - quit_ns < NS_PER_S); /* SIGTERM ends within a second */
    assert_true(time_monotonic_ns() - end_ns < NS_PER_S / 2);
    fake.is_hanging = false;
    const int64_t give_up_ns = time_monotonic_ns() + PATIENCE_NS;
    while (fake.n_closes == 0) { /* the thread ends by itself, touching nothing of ours */
        assert_true(time_monotonic_ns() < give_up_ns);
        poll(NULL, 0, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_demand),
        cmocka_unit_test(test_wishes_reach_the_source),
        cmocka_unit_test(test_failing_opens_are_retried),
        cmocka_unit_test(test_a_source_that_dies_comes_back),
        cmocka_unit_test(test_encoders_run_only_while_wanted),
        cmocka_unit_test(test_keyframe_and_bitrate_while_running),
        cmocka_unit_test(test_encoder_refuses),
        cmocka_unit_test(test_unknown_encoder),
        cmocka_unit_test(test_change_of_size_reopens_the_encoder),
        cmocka_unit_test(test_decoder_between),
        cmocka_unit_test(test_decoder_joins_a_long_gop),
        cmocka_unit_test(test_decoder_cannot_join),
        cmocka_unit_test(test_decoder_follows_a_long_gop),
        cmocka_unit_test(test_decoder_that_refuses),
        cmocka_unit_test(test_no_decoder),
        cmocka_unit_test(test_drained_pipe),
        cmocka_unit_test(test_silence_is_a_stall),
        cmocka_unit_test(test_starts_while_stopping),
        cmocka_unit_test(test_an_overloaded_pipeline_still_listens),
        cmocka_unit_test(test_a_hanging_driver_is_said),
        cmocka_unit_test(test_a_hanging_driver_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
