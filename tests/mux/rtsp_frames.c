#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "clip.h"
#include "media/rtp_payloads.h"
#include "mux/rtsp_frames.h"
#include "proto/rtp.h"

static struct buf *mux_one(void *mux, const struct packet *p, unsigned n)
{
    struct buf *b = NULL;
    assert_int_equal(mux_rtsp_h264.packet(mux, p, n, &b), 0);
    return b;
}

/* The same payloads as RTP's mux cuts, each with its frame and RTP header. */
static void compare(const struct buf *frames, const struct packet *p, unsigned n, uint32_t ssrc,
                    uint16_t *sequence)
{
    struct buf *cut = NULL;
    size_t at = 0;
    assert_int_equal(mux_rtp_h264_plain.packet(NULL, p, n, &cut), 0);
    const struct rtp_payloads *head = rtp_payloads_of(cut);
    for (uint32_t i = 0; i < head->n_payloads; i++) {
        struct rtp_packet rtp;
        assert_true(at + 4 < frames->size);
        assert_int_equal(frames->data[at], '$');
        assert_int_equal(frames->data[at + 1], 0);
        const size_t size = bytes_get_u16(frames->data + at + 2);
        assert_true(at + 4 + size <= frames->size);
        assert_int_equal(rtp_parse(bytes_of(frames->data + at + 4, size), &rtp), 0);
        assert_int_equal(rtp.header.payload_type, 96);
        assert_int_equal(rtp.header.sequence, (*sequence)++);
        assert_int_equal(rtp.header.timestamp, head->timestamp);
        assert_int_equal(rtp.header.ssrc, ssrc);
        assert_int_equal(rtp.header.marker, i + 1 == head->n_payloads);
        assert_true(bytes_equal(rtp.payload, rtp_payload_bytes(cut, i)));
        at += 4 + size;
    }
    assert_int_equal(at, frames->size);
    buf_unref(&cut);
}

static void test_clip(void **state)
{
    struct clip clip;
    struct rtsp_frames first;
    uint16_t sequence = 0;
    clip_init(&clip, "high.h264");
    void *mux = clip_open(&mux_rtsp_h264, &clip.track);
    for (unsigned n = 0; n < clip.n_packets; n++) {
        struct rtsp_frames view;
        struct buf *b = mux_one(mux, clip.packets[n], n);
        rtsp_frames_view(buf_bytes(b), &view);
        first = n == 0 ? view : first;
        sequence = n == 0 ? view.sequence : sequence;
        assert_int_equal(view.sequence, sequence);
        assert_int_equal(view.ssrc, first.ssrc);
        assert_int_equal(view.timestamp, 450000 + n * 2970);
        compare(b, clip.packets[n], n, first.ssrc, &sequence);
        assert_int_equal(view.n_packets, (uint16_t)(sequence - view.sequence));
        assert_int_equal(view.n_payload_bytes, b->size - view.n_packets * 16);
        buf_unref(&b);
    }
    clip_close(&mux_rtsp_h264, mux);
    clip_finish(&clip);
}

/* A change of track closes and opens the mux; what it keeps lets numbers go on. */
static void test_numbers_go_on(void **state)
{
    struct clip clip;
    struct rtsp_frames before, after;
    clip_init(&clip, "high.h264");
    void *mux = clip_open(&mux_rtsp_h264, &clip.track);
    assert_int_equal(mux_rtsp_h264.kept_size, mux_rtsp_h264.state_size);
    struct buf *b = mux_one(mux, clip.packets[0], 0);
    rtsp_frames_view(buf_bytes(b), &before);
    buf_unref(&b);
    mux_rtsp_h264.close(mux);
    assert_int_equal(mux_rtsp_h264.open(mux, &clip.track), 0);
    b = mux_one(mux, clip.packets[1], 1);
    rtsp_frames_view(buf_bytes(b), &after);
    assert_int_equal(after.ssrc, before.ssrc);
    assert_int_equal(after.sequence, (uint16_t)(before.sequence + before.n_packets));
    buf_unref(&b);
    clip_close(&mux_rtsp_h264, mux);
    clip_finish(&clip);
}

static void test_other_channel(void **state)
{
    struct clip clip;
    clip_init(&clip, "high.h264");
    void *mux = clip_open(&mux_rtsp_h264, &clip.track);
    struct buf *b = mux_one(mux, clip.packets[0], 0);
    struct buf *copy = rtsp_frames_copy(buf_bytes(b), 6);
    assert_int_equal(copy->size, b->size);
    for (size_t at = 0; at < b->size; at += 4 + (size_t)bytes_get_u16(b->data + at + 2)) {
        assert_int_equal(copy->data[at + 1], 6);
        copy->data[at + 1] = 0;
    }
    assert_memory_equal(copy->data, b->data, b->size);
    buf_unref(&copy);
    buf_unref(&b);
    clip_close(&mux_rtsp_h264, mux);
    clip_finish(&clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_numbers_go_on),
        cmocka_unit_test(test_other_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
