#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include "bitstream/h264.h"
#include "codec/x264.h"
#include "pictures.h"
#if HAVE_AVCODEC
#include <libavcodec/avcodec.h>
#endif

struct bench {
    void *state;
    struct option_error error;
};

static struct encoder_params default_params(void)
{
    return (struct encoder_params){
        .size = {640, 360},
        .rate = {30, 1},
        .bitrate_bps = 230000,
        .keyframe_ns = 2 * NS_PER_S,
        .vbv_frames = 2,
    };
}

static void bench_open(struct bench *b, const struct encoder_params *params)
{
    *b = (struct bench){.state = calloc(1, encoder_x264.state_size)};
    if (encoder_x264.open(b->state, params, &b->error) != 0) {
        fail_msg("%s", b->error.sentence);
    }
}

static void bench_close(struct bench *b)
{
    encoder_x264.close(b->state);
    encoder_x264.close(b->state); /* twice is harmless */
    free(b->state);
}

static struct packet *bench_encode(struct bench *b, struct picture *p, bool force_key)
{
    struct packet *packet = NULL;
    if (encoder_x264.encode(b->state, p, force_key, &packet, &b->error) != 0) {
        fail_msg("%s", b->error.sentence);
    }
    return packet;
}

/* Calls with each NAL unit's type: "7,8,5," for a keyframe of one slice. Four-byte start codes. */
static void list_nal_types(struct bytes in, char *out, size_t size)
{
    out[0] = '\0';
    size_t used = 0;
    for (size_t i = 0; i + 4 < in.size; i++) {
        if (in.data[i] == 0 && in.data[i + 1] == 0 && in.data[i + 2] == 1) {
            fail_msg("a start code of three bytes at %zu", i);
        }
        if (bytes_get_u32(in.data + i) == 1) {
            used += (size_t)snprintf(out + used, size - used, "%d,", in.data[i + 4] & 0x1f);
            i += 4;
        }
    }
}

static void assert_says_no_reordering(const struct track *track)
{
    struct h264_sps sps;
    struct h264_nal_iterator it;
    struct bytes nal;
    h264_nal_begin(&it, buf_bytes(track->parameter_sets));
    assert_true(h264_nal_next(&it, &nal));
    assert_int_equal(h264_sps_parse(nal, &sps), 0);
    assert_true(sps.has_vui && sps.has_bitstream_restriction && !sps.has_broken_vui);
    assert_int_equal(sps.max_num_reorder_frames, 0);
    assert_int_equal(sps.max_dec_frame_buffering, 1);
    assert_int_equal(sps.size.width, track->size.width);
    assert_int_equal(sps.size.height, track->size.height);
    assert_int_equal(sps.rate.num, 30 * sps.rate.den);
}

static void test_packets(void **state)
{
    struct bench b;
    struct test_picture t;
    const struct encoder_params params = default_params();
    bench_open(&b, &params);
    test_picture_init(&t, params.size, TEST_PATTERN_BARS, "x264");
    const struct track *track = encoder_x264.track(b.state);
    assert_int_equal(track->codec, CODEC_H264);
    assert_string_equal(track->codec_string, "avc1.42c01f");
    assert_says_no_reordering(track);
    for (int n = 0; n < 130; n++) {
        struct picture *p = pictures_draw(&t, n);
        p->flags = n == 3 ? PACKET_DISCONTINUITY : 0;
        const bool is_forced = n == 7 || n == 8;
        struct packet *packet = bench_encode(&b, p, is_forced);
        char types[200];
        list_nal_types(packet_bytes(packet), types, sizeof(types));
        /* 2 s after the forced one comes the next by itself */
        const bool is_key = n == 0 || is_forced || n == 68 || n == 128;
        assert_int_equal(packet_is_key(packet), is_key);
        assert_string_equal(types, is_key ? "7,8,5," : "1,");
        if (is_key) {
            const struct bytes sets = buf_bytes(track->parameter_sets);
            assert_true(packet->size > sets.size);
            assert_memory_equal(packet->data, sets.data, sets.size);
        }
        assert_int_equal(packet->flags & PACKET_DISCONTINUITY, p->flags);
        assert_true(packet->capture_ns == p->capture_ns && packet->pts_ns == p->pts_ns);
        assert_true(packet->arrival_ns == p->arrival_ns && packet->encoded_ns > 0);
        packet_unref(&packet);
        picture_unref(&p);
    }
    bench_close(&b);
}

/* Mean rate and largest frame of two seconds of noise, which is never short of bits. */
static int64_t spend(struct bench *b, struct test_picture *t, int64_t first, size_t *largest)
{
    size_t total = 0;
    *largest = 0;
    for (int n = 0; n < 60; n++) {
        struct picture *p = pictures_draw(t, first + n);
        struct packet *packet = bench_encode(b, p, false);
        total += packet->size;
        *largest = packet->size > *largest ? packet->size : *largest;
        packet_unref(&packet);
        picture_unref(&p);
    }
    return (int64_t)total * 8 * 30 / 60;
}

static void test_bitrate_changes_while_running(void **state)
{
    static const int64_t rates[] = {1000000, 3000000, 400000};
    struct bench b;
    struct test_picture t;
    struct encoder_params params = default_params();
    params.bitrate_bps = rates[0];
    params.vbv_frames = 2;
    bench_open(&b, &params);
    test_picture_init(&t, params.size, TEST_PATTERN_NOISE, "x264");
    for (int i = 0; i < 3; i++) {
        size_t largest = 0;
        if (i > 0) {
            assert_int_equal(encoder_x264.set_bitrate(b.state, rates[i]), 0);
        }
        (void)spend(&b, &t, 120 * i, &largest); /* the change itself */
        const int64_t bps = spend(&b, &t, 120 * i + 60, &largest);
        assert_in_range(bps, rates[i] * 7 / 10, rates[i] * 12 / 10);
        /* no frame above the buffer of two frames, and a little for rate control's error */
        assert_in_range(largest, 1, rates[i] / 8 * 2 / 30 * 12 / 10);
        assert_true(encoder_x264.track(b.state)->bitrate_bps == rates[i]);
    }
    bench_close(&b);
}

static void test_slices_and_refresh(void **state)
{
    struct bench b;
    struct test_picture t;
    struct encoder_params params = default_params();
    params.slice_max_size_bytes = 1100;
    params.intra_refresh = true;
    params.keyframe_ns = NS_PER_S;
    params.bitrate_bps = 2000000;
    bench_open(&b, &params);
    test_picture_init(&t, params.size, TEST_PATTERN_NOISE, "x264");
    int n_recovery_points = 0;
    for (int n = 0; n < 90; n++) {
        struct picture *p = pictures_draw(&t, n);
        struct packet *packet = bench_encode(&b, p, n == 50);
        n_recovery_points += (packet->data[4] & 0x1f) == H264_NAL_SEI;
        size_t previous = 0;
        for (size_t i = 4; i + 4 <= packet->size; i++) {
            if (bytes_get_u32(packet->data + i) == 1 || i + 4 == packet->size) {
                assert_in_range(i - previous, 1, 1104);
                previous = i;
            }
        }
        assert_int_equal(packet_is_key(packet), n == 0 || n == 50); /* refresh needs no others */
        packet_unref(&packet);
        picture_unref(&p);
    }
    assert_in_range(n_recovery_points, 1, 4);
    bench_close(&b);
}

static void test_refusals(void **state)
{
    void *e = calloc(1, encoder_x264.state_size);
    struct option_error error = {0};
    struct encoder_params params = default_params();
    params.preset = "warp";
    assert_true(encoder_x264.open(e, &params, &error) < 0);
    assert_non_null(strstr(error.sentence, "warp"));
    encoder_x264.close(e);
    params = default_params();
    assert_int_equal(encoder_x264.open(e, &params, &error), 0);
    struct picture *p = picture_create(PIXEL_I420, (struct picture_size){320, 240});
    struct packet *packet = NULL;
    assert_true(encoder_x264.encode(e, p, false, &packet, &error) < 0);
    assert_null(packet);
    assert_non_null(strstr(error.sentence, "320x240"));
    encoder_x264.close(e);
    picture_unref(&p);
    free(e);
}

#if HAVE_AVCODEC
static AVFrame *decode(AVCodecContext *context, const struct packet *packet)
{
    AVPacket *in = av_packet_alloc();
    AVFrame *out = av_frame_alloc();
    assert_int_equal(av_new_packet(in, (int)packet->size), 0);
    memcpy(in->data, packet->data, packet->size);
    assert_int_equal(avcodec_send_packet(context, in), 0);
    assert_int_equal(avcodec_receive_frame(context, out), 0); /* at once: nothing is reordered */
    av_packet_free(&in);
    return out;
}

static AVCodecContext *decoder(void)
{
    AVCodecContext *context = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
    context->thread_count = 1;
    assert_int_equal(avcodec_open2(context, NULL, NULL), 0);
    return context;
}

static void test_timecode_survives(void **state)
{
    static const struct {
        struct picture_size size;
        int64_t bitrate_bps;
        int vbv_frames;
        const char *preset;
    } rows[] = {
        {{640, 360}, 230000, 2, "superfast"}, {{640, 360}, 230000, 1, "ultrafast"},
        {{424, 240}, 100000, 2, "ultrafast"}, {{424, 240}, 100000, 1, "superfast"},
        {{1280, 720}, 920000, 1, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench b;
        struct test_picture t;
        struct encoder_params params = default_params();
        params.size = rows[i].size;
        params.bitrate_bps = rows[i].bitrate_bps;
        params.vbv_frames = rows[i].vbv_frames;
        params.preset = rows[i].preset;
        bench_open(&b, &params);
        test_picture_init(&t, params.size, TEST_PATTERN_BARS, "x264");
        AVCodecContext *context = decoder();
        for (int n = 0; n < 130; n++) { /* past two keyframes */
            struct picture *p = pictures_draw(&t, n);
            struct packet *packet = bench_encode(&b, p, false);
            AVFrame *frame = decode(context, packet);
            int64_t ms = 0;
            if (timecode_read(frame->data[0], frame->linesize[0], params.size, &ms) != 0) {
                fail_msg("row %zu, frame %d: the timecode is unreadable", i, n);
            }
            assert_true(ms == p->capture_ns / NS_PER_MS % TIMECODE_MODULUS_MS);
            av_frame_free(&frame);
            packet_unref(&packet);
            picture_unref(&p);
        }
        assert_int_equal(context->has_b_frames, 0);
        assert_int_equal(context->colorspace, AVCOL_SPC_SMPTE170M);
        avcodec_free_context(&context);
        bench_close(&b);
    }
}

static void assert_same_colours(const AVFrame *frame, const struct picture *p)
{
    for (int bar = 0; bar < 8; bar++) {
        const int x = (2 * bar + 1) * p->size.width / 16 / 2; /* in chroma samples */
        const int y = p->size.height / 4 / 2;
        const uint8_t *luma = frame->data[0] + 2 * y * frame->linesize[0] + 2 * x;
        assert_in_range(*luma + 256 - p->planes[0][2 * y * p->strides[0] + 2 * x], 250, 262);
        for (int plane = 1; plane < 3; plane++) {
            const uint8_t *got = frame->data[plane] + y * frame->linesize[plane] + x;
            const uint8_t want = p->planes[plane][y * p->strides[plane] + x];
            assert_in_range(*got + 256 - want, 250, 262);
        }
    }
}

static void test_pixel_formats(void **state)
{
    for (int i = 0; i < 2 * N_PIXEL_FORMATS; i++) {
        struct bench b;
        struct test_picture t;
        struct encoder_params params = default_params();
        params.bitrate_bps = 8000000;
        params.vbv_frames = 30;
        bench_open(&b, &params);
        test_picture_init(&t, params.size, TEST_PATTERN_BARS, "x264");
        struct picture *p = pictures_draw(&t, 0);
        struct picture *in = pictures_convert(p, (enum pixel_format)(i / 2));
        in->full_range = i % 2 == 1;
        if (in->full_range) { /* the picture wanted is the same one in limited range */
            struct picture *full = pictures_convert(p, PIXEL_I420);
            full->full_range = true;
            uint8_t *const planes[] = {writable(p, 0), writable(p, 1), writable(p, 2)};
            convert_to_i420(full, planes, p->strides, false);
            picture_unref(&full);
        }
        struct packet *packet = bench_encode(&b, in, false);
        AVCodecContext *context = decoder();
        AVFrame *frame = decode(context, packet);
        assert_same_colours(frame, p);
        av_frame_free(&frame);
        avcodec_free_context(&context);
        packet_unref(&packet);
        picture_unref(&p);
        picture_unref(&in);
        bench_close(&b);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets),
        cmocka_unit_test(test_bitrate_changes_while_running),
        cmocka_unit_test(test_slices_and_refresh),
        cmocka_unit_test(test_refusals),
#if HAVE_AVCODEC
        cmocka_unit_test(test_timecode_survives),
        cmocka_unit_test(test_pixel_formats),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
