#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "clip.h"
#include "mux/rtp_h264.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { OUT_SIZE = 256 * 1024 };

static const struct track h264_track = {.codec = CODEC_H264};

/* An independent receiver (RFC 6184 §5): payloads back to Annex B, with its own checks. */
struct receiver {
    uint8_t *data;
    size_t size;
    bool is_in_fragments;
    unsigned n_single, n_stap, n_fragments;
};

static void append(struct receiver *r, const void *data, size_t size)
{
    assert_true(r->size + size <= OUT_SIZE);
    memcpy(r->data + r->size, data, size);
    r->size += size;
}

static void append_nal(struct receiver *r, const uint8_t *nal, size_t size)
{
    append(r, "\0\0\0\1", 4);
    append(r, nal, size);
}

static void receive_fragment(struct receiver *r, const uint8_t *p, size_t size)
{
    const bool is_start = p[1] & 0x80, is_end = p[1] & 0x40;
    assert_true(size > 2);
    assert_int_equal(is_start, !r->is_in_fragments);
    assert_false(is_start && is_end);
    assert_int_equal(p[1] & 0x20, 0);
    if (is_start) {
        const uint8_t header = (uint8_t)((p[0] & 0xe0) | (p[1] & 0x1f));
        append_nal(r, &header, 1);
    }
    append(r, p + 2, size - 2);
    r->is_in_fragments = !is_end;
    r->n_fragments++;
}

static void receive_stap(struct receiver *r, const uint8_t *p, size_t size)
{
    unsigned n = 0;
    for (size_t at = 1; at < size; n++) {
        assert_true(at + 2 < size);
        const size_t nal_size = (size_t)p[at] << 8 | p[at + 1];
        assert_true(nal_size > 0 && at + 2 + nal_size <= size);
        assert_true((p[0] & 0x60) >= (p[at + 2] & 0x60));
        append_nal(r, p + at + 2, nal_size);
        at += 2 + nal_size;
    }
    assert_true(n >= 2);
    r->n_stap++;
}

static void receive(struct receiver *r, const uint8_t *p, size_t size)
{
    assert_true(size > 0 && size <= RTP_PAYLOAD_SIZE_MAX);
    switch (p[0] & 0x1f) {
    case 24:
        receive_stap(r, p, size);
        break;
    case 28:
        receive_fragment(r, p, size);
        return;
    default:
        append_nal(r, p, size);
        r->n_single++;
        break;
    }
    assert_false(r->is_in_fragments);
}

static void receive_all(struct receiver *r, const struct buf *b)
{
    const struct rtp_payloads *head = rtp_payloads_of(b);
    size_t end = sizeof(*head) + head->n_payloads * sizeof(head->payloads[0]);
    for (uint32_t i = 0; i < head->n_payloads; i++) {
        const struct rtp_payload *p = &head->payloads[i];
        assert_int_equal(p->offset, end); /* back to back */
        assert_int_equal(p->marker, i + 1 == head->n_payloads);
        end += p->size;
        assert_true(end <= b->size);
        receive(r, b->data + p->offset, p->size);
    }
    assert_int_equal(end, b->size);
    assert_false(r->is_in_fragments);
}

static void test_samples_round_trip(void **state)
{
    static const struct {
        const char *name;
        unsigned n_stap;
    } rows[] = {{"baseline.h264", 3}, {"high.h264", 2},      {"slices.h264", 2},
                {"sar.h264", 1},      {"reordered.h264", 2}, {"cropped_1080p.h264", 1}};
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct clip clip;
        clip_init(&clip, rows[i].name);
        void *mux = clip_open(&mux_rtp_h264, &clip.track);
        unsigned n_stap = 0;
        for (unsigned n = 0; n < clip.n_packets; n++) {
            struct buf *b = NULL;
            struct receiver r = {.data = malloc(OUT_SIZE)};
            assert_int_equal(mux_rtp_h264.packet(mux, clip.packets[n], n, &b), 0);
            receive_all(&r, b);
            assert_true(bytes_equal(bytes_of(r.data, r.size), packet_bytes(clip.packets[n])));
            n_stap += r.n_stap;
            assert_int_equal(rtp_payloads_of(b)->timestamp, 450000 + n * 2970);
            buf_unref(&b);
            free(r.data);
        }
        assert_int_equal(n_stap, rows[i].n_stap);
        clip_close(&mux_rtp_h264, mux);
        clip_finish(&clip);
    }
}

/* One NAL unit of each size around the limits: fragments of equal size but for the last. */
static void test_fragment_sizes(void **state)
{
    static const struct {
        size_t nal_size;
        unsigned n_payloads;
        size_t usual;
    } rows[] = {{1, 1, 1},       {2, 1, 2},         {1149, 1, 1149},
                {1150, 1, 1150}, {1151, 2, 577},    {2297, 2, 1150},
                {2298, 3, 768},  {16384, 15, 1095}, {100001, 88, 1139}};
    void *mux = clip_open(&mux_rtp_h264, &h264_track);
    for (size_t i = 0; i < N_OF(rows); i++) {
        uint8_t *in = malloc(rows[i].nal_size + 4);
        memcpy(in, "\0\0\0\1\x65", 5);
        for (size_t n = 1; n < rows[i].nal_size; n++) {
            in[4 + n] = (uint8_t)(n % 251 + 4);
        }
        struct packet *p = clip_packet(in, rows[i].nal_size + 4, 0);
        struct buf *b = NULL;
        assert_int_equal(mux_rtp_h264.packet(mux, p, 0, &b), 0);
        const struct rtp_payloads *head = rtp_payloads_of(b);
        assert_int_equal(head->n_payloads, rows[i].n_payloads);
        for (uint32_t n = 0; n + 1 < head->n_payloads; n++) {
            assert_int_equal(head->payloads[n].size, rows[i].usual);
        }
        assert_true(head->payloads[head->n_payloads - 1].size <= rows[i].usual);
        struct receiver r = {.data = malloc(OUT_SIZE)};
        receive_all(&r, b);
        assert_true(bytes_equal(bytes_of(r.data, r.size), packet_bytes(p)));
        free(r.data);
        free(in);
        buf_unref(&b);
        packet_unref(&p);
    }
    clip_close(&mux_rtp_h264, mux);
}

/* Bare RTP has more room in each packet. */
static void test_plain_sizes(void **state)
{
    static const struct {
        size_t nal_size;
        unsigned n_payloads;
        size_t largest;
    } rows[] = {{1388, 1, 1388}, {1389, 2, 696}, {2773, 2, 1388}, {2774, 3, 927}};
    void *mux = clip_open(&mux_rtp_h264_plain, &h264_track);
    for (size_t i = 0; i < N_OF(rows); i++) {
        uint8_t in[3000] = {0, 0, 0, 1, 0x65};
        memset(in + 5, 0x55, rows[i].nal_size - 1);
        struct packet *p = clip_packet(in, rows[i].nal_size + 4, 0);
        struct buf *b = NULL;
        assert_int_equal(mux_rtp_h264_plain.packet(mux, p, 0, &b), 0);
        assert_int_equal(rtp_payloads_of(b)->n_payloads, rows[i].n_payloads);
        assert_int_equal(rtp_payloads_of(b)->payloads[0].size, rows[i].largest);
        buf_unref(&b);
        packet_unref(&p);
    }
    clip_close(&mux_rtp_h264_plain, mux);
}

/* RFC 6184 §5.7.1: highest NRI, u16 sizes; not for one NAL unit; delimiters are dropped. */
static void test_bytes(void **state)
{
    static const struct {
        const char *name;
        unsigned flags;
        uint8_t in[48];
        size_t size;
        uint8_t first[24];
        size_t first_size;
        unsigned n_payloads;
    } rows[] = {
        {"SPS, PPS, SEI",
         PACKET_KEY,
         {0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x48, 3, 0, 0, 0, 1, 6, 5, 0, 0, 0, 1, 0x65, 7},
         25,
         {0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x48, 3, 0, 2, 6, 5},
         14,
         2},
        {"only an SPS",
         PACKET_KEY,
         {0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x65, 7},
         12,
         {0x67, 1},
         2,
         2},
        {"SEI of other pictures", 0, {0, 0, 0, 1, 6, 5, 0, 0, 0, 1, 0x41, 7}, 12, {6, 5}, 2, 2},
        {"delimiter, filler, ends",
         0,
         {0, 0, 0,  1,    9, 0xf0, 0, 0, 0,  1, 0x41, 7, 0, 0,
          0, 1, 12, 0xff, 0, 0,    0, 1, 10, 0, 0,    1, 11},
         27,
         {0x41, 7},
         2,
         1},
    };
    void *mux = clip_open(&mux_rtp_h264, &h264_track);
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct packet *p = clip_packet(rows[i].in, rows[i].size, rows[i].flags);
        struct buf *b = NULL;
        assert_int_equal(mux_rtp_h264.packet(mux, p, 0, &b), 0);
        const struct rtp_payloads *head = rtp_payloads_of(b);
        assert_int_equal(head->n_payloads, rows[i].n_payloads);
        assert_int_equal(head->payloads[0].size, rows[i].first_size);
        assert_memory_equal(b->data + head->payloads[0].offset, rows[i].first, rows[i].first_size);
        buf_unref(&b);
        packet_unref(&p);
    }
    clip_close(&mux_rtp_h264, mux);
}

/* Sets that do not fit into one payload are spread over several. */
static void test_large_sets(void **state)
{
    uint8_t in[4096];
    struct byte_writer w;
    byte_writer_init(&w, in, sizeof(in));
    static const size_t sizes[] = {600, 546, 599, 1148, 20};
    for (size_t i = 0; i < N_OF(sizes); i++) {
        byte_writer_u32(&w, 1);
        byte_writer_u8(&w, i == 0 ? 0x67 : 0x68);
        memset(byte_writer_reserve(&w, sizes[i] - 1), 0x55, sizes[i] - 1);
    }
    byte_writer_bytes(&w, bytes_of("\0\0\0\1\x65\x88", 6));
    struct packet *p = clip_packet(in, byte_writer_size(&w), PACKET_KEY);
    void *mux = clip_open(&mux_rtp_h264, &h264_track);
    struct buf *b = NULL;
    struct receiver r = {.data = malloc(OUT_SIZE)};
    assert_int_equal(mux_rtp_h264.packet(mux, p, 0, &b), 0);
    receive_all(&r, b);
    assert_true(bytes_equal(bytes_of(r.data, r.size), packet_bytes(p)));
    assert_int_equal(r.n_stap, 1); /* 546 + 599 just fit; the others go alone */
    assert_int_equal(r.n_single, 4);
    free(r.data);
    buf_unref(&b);
    packet_unref(&p);
    clip_close(&mux_rtp_h264, mux);
}

static void test_nothing_to_send(void **state)
{
    static const uint8_t aud[] = {0, 0, 0, 1, 9, 0xf0};
    void *mux = clip_open(&mux_rtp_h264, &h264_track);
    struct buf *b = NULL;
    struct packet *p = clip_packet(aud, sizeof(aud), 0);
    assert_int_equal(mux_rtp_h264.packet(mux, p, 0, &b), -EBADMSG);
    assert_null(b);
    packet_unref(&p);
    clip_close(&mux_rtp_h264, mux);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_round_trip), cmocka_unit_test(test_fragment_sizes),
        cmocka_unit_test(test_plain_sizes),        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_large_sets),         cmocka_unit_test(test_nothing_to_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
