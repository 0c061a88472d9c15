#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "media/track.h"
#include "mux/mux.h"
#include "mux/rtp_h264.h"
#include "mux/rtp_h264_reader.h"

static const uint8_t sps_pps[] = {
    0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe9, /* SPS */
    0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80,                               /* PPS */
};

/* Parameter sets and two slices, the second of size bytes. */
static struct packet *make_access_unit(size_t size, bool is_key)
{
    struct packet *p = packet_create(sizeof(sps_pps) + 2 * size + 64);
    struct byte_writer w;
    byte_writer_init(&w, p->data, p->capacity);
    if (is_key) {
        byte_writer_bytes(&w, bytes_of(sps_pps, sizeof(sps_pps)));
    }
    for (unsigned slice = 0; slice < 2; slice++) {
        byte_writer_u32(&w, 1);
        byte_writer_u8(&w, is_key ? 0x65 : 0x41);
        for (size_t i = 0; i < (slice == 0 ? 40 : size); i++) {
            byte_writer_u8(&w, (uint8_t)(i % 251 + 1));
        }
    }
    p->size = byte_writer_size(&w);
    p->flags = is_key ? PACKET_KEY : 0;
    p->pts_ns = NS_PER_S;
    return p;
}

struct rig {
    void *mux;
    struct rtp_h264_reader reader;
    uint16_t sequence;
};

static void rig_open(struct rig *r)
{
    const struct track track = {.codec = CODEC_H264};
    *r = (struct rig){.mux = calloc(1, mux_rtp_h264.state_size + 1), .sequence = 65530};
    assert_int_equal(mux_rtp_h264.open(r->mux, &track), 0);
    rtp_h264_reader_init(&r->reader);
}

static void rig_close(struct rig *r)
{
    if (mux_rtp_h264.close) {
        mux_rtp_h264.close(r->mux);
    }
    rtp_h264_reader_finish(&r->reader);
    free(r->mux);
}

/* Sends all payloads but the one of index `lost`; the packet read, or NULL. */
static struct packet *send(struct rig *r, const struct packet *in, int lost)
{
    struct buf *b = NULL;
    struct packet *out = NULL;
    assert_int_equal(mux_rtp_h264.packet(r->mux, in, 0, &b), 0);
    const struct rtp_payloads *p = rtp_payloads_of(b);
    for (uint32_t i = 0; i < p->n_payloads; i++, r->sequence++) {
        const struct rtp_h264_payload payload = {
            .sequence = r->sequence,
            .timestamp = p->timestamp,
            .marker = p->payloads[i].marker,
            .bytes = bytes_of(b->data + p->payloads[i].offset, p->payloads[i].size),
        };
        uint32_t timestamp = 0;
        if ((int)i != lost && rtp_h264_reader_push(&r->reader, &payload, &out, &timestamp) == 0) {
            assert_int_equal(timestamp, p->timestamp);
            assert_int_equal(i, p->n_payloads - 1);
        }
    }
    buf_unref(&b);
    return out;
}

static void test_what_was_sent_is_read(void **state)
{
    static const size_t sizes[] = {1, 2, 1100, 1149, 1150, 1151, 2300, 60000};
    struct rig r;
    rig_open(&r);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct packet *in = make_access_unit(sizes[i], i % 2 == 0);
        struct packet *out = send(&r, in, -1);
        assert_non_null(out);
        assert_int_equal(out->size, in->size);
        assert_memory_equal(out->data, in->data, in->size);
        assert_int_equal(packet_is_key(out), packet_is_key(in));
        assert_int_equal((out->flags & PACKET_DISCONTINUITY) != 0, i == 0);
        packet_unref(&in);
        packet_unref(&out);
    }
    rig_close(&r);
}

static void test_a_lost_packet_drops_its_access_unit(void **state)
{
    for (int lost = 0; lost < 4; lost++) {
        struct rig r;
        rig_open(&r);
        struct packet *in = make_access_unit(5000, true);
        struct packet *out = send(&r, in, -1);
        packet_unref(&out);
        out = send(&r, in, lost);
        assert_null(out);
        in->pts_ns += NS_PER_S / 30; /* the next frame */
        out = send(&r, in, -1);
        assert_non_null(out);
        assert_true(out->flags & PACKET_DISCONTINUITY);
        packet_unref(&out);
        packet_unref(&in);
        rig_close(&r);
    }
}

/* Its parameter sets show that a keyframe is whole; of another frame nobody knows. */
static void test_after_a_lost_frame(void **state)
{
    for (int is_key = 0; is_key <= 1; is_key++) {
        struct rig r;
        rig_open(&r);
        struct packet *in = make_access_unit(5000, true);
        struct packet *out = send(&r, in, -1);
        packet_unref(&out);
        packet_unref(&in);
        r.sequence++;
        in = make_access_unit(5000, is_key);
        in->pts_ns += NS_PER_S / 30;
        out = send(&r, in, -1);
        assert_int_equal(out != NULL, is_key);
        if (out) {
            assert_true(out->flags & PACKET_DISCONTINUITY);
            assert_int_equal(out->size, in->size);
        }
        packet_unref(&out);
        packet_unref(&in);
        rig_close(&r);
    }
}

static void test_malformed_payloads(void **state)
{
    static const struct {
        const char *name;
        uint8_t bytes[8];
        size_t size;
    } cases[] = {
        {"empty", {0}, 0},
        {"one byte", {0x65}, 1},
        {"STAP-A, length beyond the end", {24, 0, 9, 0x67, 1}, 5},
        {"STAP-A, empty NAL unit", {24, 0, 0, 0, 0}, 5},
        {"STAP-A, half a length", {24, 0, 1, 0x67, 0}, 5},
        {"FU-A without start", {28, 0x05, 1, 2}, 4},
        {"FU-A too short", {28, 0x85}, 2},
        {"FU-B", {29, 0x85, 0, 0}, 4},
        {"type 0", {0, 1}, 2},
        {"type 31", {31, 1}, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rtp_h264_reader r;
        struct packet *out = NULL;
        uint32_t timestamp = 0;
        rtp_h264_reader_init(&r);
        const struct rtp_h264_payload payload = {.marker = true,
                                                 .bytes = bytes_of(cases[i].bytes, cases[i].size)};
        if (rtp_h264_reader_push(&r, &payload, &out, &timestamp) != -EBADMSG || out) {
            fail_msg("%s is taken", cases[i].name);
        }
        rtp_h264_reader_finish(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_sent_is_read),
        cmocka_unit_test(test_a_lost_packet_drops_its_access_unit),
        cmocka_unit_test(test_after_a_lost_frame),
        cmocka_unit_test(test_malformed_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
