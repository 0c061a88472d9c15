#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <signal.h>
#include <cmocka.h>

#include "codec/ffmpeg.h"
#include "codec/x264.h"
#include "pictures.h"

static const struct track h264 = {.codec = CODEC_H264};

struct rig {
    struct test_picture pictures;
    void *encoder;
    void *decoder;
    struct option_error error;
};

static void rig_open(struct rig *r, struct picture_size size)
{
    const struct encoder_params params = {
        .size = size,
        .rate = {30, 1},
        .bitrate_bps = 1000000,
        .keyframe_ns = 2 * NS_PER_S,
        .vbv_frames = 2,
    };
    *r = (struct rig){
        .encoder = calloc(1, encoder_x264.state_size),
        .decoder = calloc(1, decoder_ffmpeg.state_size),
    };
    test_picture_init(&r->pictures, size, TEST_PATTERN_BARS, "test");
    assert_int_equal(encoder_x264.open(r->encoder, &params, &r->error), 0);
    if (decoder_ffmpeg.open(r->decoder, NULL, &r->error) != 0) {
        fail_msg("%s", r->error.sentence);
    }
}

static void rig_close(struct rig *r)
{
    encoder_x264.close(r->encoder);
    decoder_ffmpeg.close(r->decoder);
    free(r->encoder);
    free(r->decoder);
}

static struct packet *rig_encode(struct rig *r, int64_t n)
{
    struct packet *packet = NULL;
    struct picture *in = pictures_draw(&r->pictures, n);
    assert_int_equal(encoder_x264.encode(r->encoder, in, false, &packet, &r->error), 0);
    picture_unref(&in);
    return packet;
}

/* Every access unit in gives its picture at once, with the time strip that was drawn. */
static void test_each_packet_gives_its_picture(void **state)
{
    struct rig r;
    rig_open(&r, (struct picture_size){640, 360});
    for (int64_t n = 0; n < 60; n++) {
        struct packet *packet = rig_encode(&r, n);
        struct picture *out = NULL;
        const int result = decoder_ffmpeg.decode(r.decoder, packet, &h264, &out, &r.error);
        if (result != 0) {
            fail_msg("frame %d: %d %s", (int)n, result, r.error.sentence);
        }
        int64_t capture_ms = 0;
        assert_int_equal(out->size.width, 640);
        assert_int_equal(timecode_read(out->planes[0], out->strides[0], out->size, &capture_ms), 0);
        assert_int_equal(capture_ms, packet->capture_ns / NS_PER_MS % TIMECODE_MODULUS_MS);
        picture_unref(&out);
        packet_unref(&packet);
    }
    rig_close(&r);
}

/* Pictures that are kept use up the slots: then nothing comes, until one is given back. */
static void test_kept_pictures_use_up_the_slots(void **state)
{
    struct rig r;
    struct picture *kept[8] = {0};
    unsigned n_kept = 0;
    rig_open(&r, (struct picture_size){640, 360});
    for (int64_t n = 0; n < 8; n++) {
        struct packet *packet = rig_encode(&r, n);
        const int result = decoder_ffmpeg.decode(r.decoder, packet, &h264, &kept[n_kept], &r.error);
        assert_true(result == 0 || result == -EAGAIN);
        n_kept += result == 0;
        packet_unref(&packet);
    }
    assert_int_equal(n_kept, 4);
    picture_unref(&kept[0]);
    struct packet *packet = rig_encode(&r, 8);
    assert_int_equal(decoder_ffmpeg.decode(r.decoder, packet, &h264, &kept[0], &r.error), 0);
    packet_unref(&packet);
    rig_close(&r); /* pictures outlive the decoder */
    for (unsigned i = 0; i < n_kept; i++) {
        assert_true(kept[i]->planes[0][0] >= 0);
        picture_unref(&kept[i]);
    }
}

/* What cannot be had at once is not waited for: neither the answer, nor room to send. */
static void test_a_frozen_helper(void **state)
{
    enum { BIG = 2 * 1024 * 1024 }; /* more than a socket takes */
    struct rig r;
    rig_open(&r, (struct picture_size){640, 360});
    struct packet *key = rig_encode(&r, 0);
    struct packet *big = packet_create(BIG);
    memcpy(big->data, key->data, key->size);
    memset(big->data + key->size, 0, BIG - key->size); /* trailing zeros are allowed */
    big->size = BIG;
    struct packet *packets[] = {key, big, key};
    struct picture *held = NULL;
    assert_int_equal(decoder_ffmpeg.decode(r.decoder, key, &h264, &held, &r.error), 0);
    const pid_t helper = *(pid_t *)r.decoder; /* the state begins with it */
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        struct picture *out = NULL;
        kill(helper, SIGSTOP);
        assert_int_equal(decoder_ffmpeg.begin(r.decoder, packets[i], &r.error), 0);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(decoder_ffmpeg.collect(r.decoder, 0, &out, &r.error), -EINPROGRESS);
            picture_unref(&held); /* in the midst of sending */
        }
        kill(helper, SIGCONT);
        assert_int_equal(decoder_ffmpeg.collect(r.decoder, INT64_MAX, &out, &r.error), 0);
        held = out;
    }
    kill(helper, SIGSTOP);
    assert_int_equal(decoder_ffmpeg.begin(r.decoder, key, &r.error), 0);
    struct picture *out = NULL;
    assert_int_equal(decoder_ffmpeg.collect(r.decoder, INT64_MAX, &out, &r.error), -ETIMEDOUT);
    assert_non_null(strstr(r.error.sentence, "does not answer"));
    picture_unref(&held);
    packet_unref(&key);
    packet_unref(&big);
    rig_close(&r);
}

static void test_garbage_and_a_dead_helper(void **state)
{
    struct rig r;
    rig_open(&r, (struct picture_size){640, 360});
    struct packet *garbage = packet_create(5000);
    garbage->size = 5000;
    memset(garbage->data, 0x5a, garbage->size);
    struct picture *out = NULL;
    assert_int_equal(decoder_ffmpeg.decode(r.decoder, garbage, &h264, &out, &r.error), -EAGAIN);
    struct packet *good = rig_encode(&r, 0);
    assert_int_equal(decoder_ffmpeg.decode(r.decoder, good, &h264, &out, &r.error), 0);
    picture_unref(&out);

    kill(*(pid_t *)r.decoder, SIGKILL); /* the state begins with it */
    int result = 0;
    for (int i = 0; i < 3 && result >= 0; i++) {
        result = decoder_ffmpeg.decode(r.decoder, good, &h264, &out, &r.error);
        if (result == 0) {
            picture_unref(&out);
        }
    }
    assert_true(result < 0 && result != -EAGAIN);
    assert_true(r.error.sentence[0] != '\0');
    packet_unref(&good);
    packet_unref(&garbage);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_packet_gives_its_picture),
        cmocka_unit_test(test_kept_pictures_use_up_the_slots),
        cmocka_unit_test(test_a_frozen_helper),
        cmocka_unit_test(test_garbage_and_a_dead_helper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
