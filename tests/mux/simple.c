/* The formats that are a few bytes around the packet: Annex B, WebSocket messages, multipart. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "clip.h"
#include "mux/ws_frame.h"
#include "mux/ws_h264.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct track h264_track = {.codec = CODEC_H264};
static const struct track jpeg_track = {.codec = CODEC_MJPEG};

static void assert_text(const struct buf *b, const char *expected)
{
    assert_int_equal(b->size, strlen(expected));
    assert_memory_equal(b->data, expected, b->size);
}

static void test_other_codecs_are_refused(void **state)
{
    static const struct mux_type *const types[] = {
        &mux_annexb,          &mux_mp4,      &mux_ws_mp4, &mux_ws_h264, &mux_multipart,
        &mux_multipart_plain, &mux_rtp_h264, &mux_ts};
    for (size_t i = 0; i < N_OF(types); i++) {
        const bool is_jpeg = types[i] == &mux_multipart || types[i] == &mux_multipart_plain;
        void *memory = calloc(1, types[i]->state_size + 1);
        assert_int_equal(types[i]->open(memory, is_jpeg ? &h264_track : &jpeg_track), -ENOTSUP);
        free(memory);
    }
}

static void test_annexb(void **state)
{
    static const uint8_t in[] = {0, 0, 0, 1, 0x65, 0x88, 0x80};
    static const uint8_t aud[] = {0, 0, 0, 1, 9, 0xf0};
    void *mux = clip_open(&mux_annexb, &h264_track);
    struct buf *b = NULL;
    assert_int_equal(mux_annexb.header(mux, &b), 0);
    assert_true(bytes_equal(buf_bytes(b), bytes_of(aud, sizeof(aud))));
    buf_unref(&b);
    struct packet *p = clip_packet(in, sizeof(in), PACKET_KEY);
    assert_int_equal(mux_annexb.packet(mux, p, 0, &b), 0);
    assert_int_equal(b->size, sizeof(in) + sizeof(aud));
    assert_memory_equal(b->data, in, sizeof(in));
    assert_memory_equal(b->data + sizeof(in), aud, sizeof(aud));
    buf_unref(&b);
    packet_unref(&p);
    p = clip_packet(NULL, 0, 0);
    assert_int_equal(mux_annexb.packet(mux, p, 0, &b), -EBADMSG);
    packet_unref(&p);
    clip_close(&mux_annexb, mux);
}

#define PART "--boundarydonotcross\r\nContent-Type: image/jpeg\r\n"

static void test_multipart(void **state)
{
    void *mux = clip_open(&mux_multipart, &jpeg_track);
    struct buf *b = NULL;
    assert_int_equal(mux_multipart.header(mux, &b), 0);
    assert_text(b, PART "\r\n");
    buf_unref(&b);
    struct packet *p = clip_packet("JPEG", 4, PACKET_KEY);
    assert_int_equal(mux_multipart.packet(mux, p, 0, &b), 0);
    assert_text(b, "JPEG\r\n" PART "\r\n");
    buf_unref(&b);
    packet_unref(&p);
    clip_close(&mux_multipart, mux);
}

static void test_multipart_plain(void **state)
{
    static const struct {
        int64_t capture_ns;
        const char *expected;
    } rows[] = {
        {CLIP_CAPTURE_NS,
         PART "Content-Length: 4\r\nX-Timestamp: 1700000000.123456\r\n\r\nJPEG\r\n"},
        {1005 * NS_PER_MS, PART "Content-Length: 4\r\nX-Timestamp: 1.005000\r\n\r\nJPEG\r\n"},
        {TIME_NONE, PART "Content-Length: 4\r\nX-Timestamp: 0.000000\r\n\r\nJPEG\r\n"},
    };
    void *mux = clip_open(&mux_multipart_plain, &jpeg_track);
    struct buf *b = NULL;
    assert_int_equal(mux_multipart_plain.header(mux, &b), 0);
    assert_null(b);
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct packet *p = clip_packet("JPEG", 4, PACKET_KEY);
        p->capture_ns = rows[i].capture_ns;
        assert_int_equal(mux_multipart_plain.packet(mux, p, 0, &b), 0);
        assert_text(b, rows[i].expected);
        buf_unref(&b);
        packet_unref(&p);
    }
    clip_close(&mux_multipart_plain, mux);
}

/* RFC 6455 §5.2 */
static void test_ws_frame(void **state)
{
    static const struct {
        size_t payload_size;
        uint8_t expected[WS_FRAME_HEADER_SIZE_MAX];
        size_t size;
    } rows[] = {
        {0, {0x82, 0}, 2},
        {125, {0x82, 125}, 2},
        {126, {0x82, 126, 0, 126}, 4},
        {65535, {0x82, 126, 0xff, 0xff}, 4},
        {65536, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 10},
        {0x123456, {0x82, 127, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56}, 10},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        uint8_t out[WS_FRAME_HEADER_SIZE_MAX];
        struct byte_writer w;
        byte_writer_init(&w, out, sizeof(out));
        ws_frame_write_header(&w, rows[i].payload_size);
        assert_int_equal(byte_writer_size(&w), rows[i].size);
        assert_int_equal(ws_frame_header_size(rows[i].payload_size), rows[i].size);
        assert_memory_equal(out, rows[i].expected, rows[i].size);
    }
}

static void test_ws_h264(void **state)
{
    static const uint8_t expected[] = {
        0x82, 31,               /* 24 + 7 bytes */
        1,    0,    1,    3,    /* version, track, H.264, key + discontinuity */
        0xde, 0xad, 0xbe, 0xef, /* sequence */
        0x17, 0x97, 0x9c, 0xfe, 0x3d, 0x85, 0xcd, 0x15, /* 1700000000123456789 */
        0x00, 0x00, 0x00, 0x01, 0x2a, 0x05, 0xf2, 0x00, /* 5 s */
        0,    0,    0,    1,    0x65, 0x88, 0x80};
    void *mux = clip_open(&mux_ws_h264, &h264_track);
    struct buf *b = NULL;
    assert_int_equal(mux_ws_h264.header(mux, &b), 0);
    assert_null(b);
    struct packet *p = clip_packet(expected + 26, 7, PACKET_KEY | PACKET_DISCONTINUITY);
    assert_int_equal(mux_ws_h264.packet(mux, p, 0xdeadbeef, &b), 0);
    assert_true(bytes_equal(buf_bytes(b), bytes_of(expected, sizeof(expected))));
    buf_unref(&b);
    p->capture_ns = TIME_NONE;
    p->flags = 0;
    assert_int_equal(mux_ws_h264.packet(mux, p, 0, &b), 0);
    assert_int_equal(b->data[5], 0);
    for (unsigned i = 10; i < 18; i++) {
        assert_int_equal(b->data[i], 0xff);
    }
    buf_unref(&b);
    packet_unref(&p);
    clip_close(&mux_ws_h264, mux);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_codecs_are_refused),
        cmocka_unit_test(test_annexb),
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_multipart_plain),
        cmocka_unit_test(test_ws_frame),
        cmocka_unit_test(test_ws_h264),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
