#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "bitstream/access_unit.h"
#include "bitstream/h264.h"
#include "sample.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { OUT_SIZE = 1024 * 1024, PICTURES_MAX = 1024 };

static const int64_t frame_ns = 33 * NS_PER_MS;

/* What came out: sizes, flags and all bytes, each packet checked for its form. */
struct result {
    unsigned n_packets, n_keys, n_discontinuities;
    size_t sizes[PICTURES_MAX];
    int64_t pull_ns[PICTURES_MAX]; /* when it came */
    int64_t arrival_ns[PICTURES_MAX];
    unsigned flags[PICTURES_MAX];
    uint8_t *data;
    size_t size;
};

static void result_init(struct result *r)
{
    *r = (struct result){.data = malloc(OUT_SIZE)};
}

static void result_add(struct result *r, struct packet *p, int64_t now_ns)
{
    assert_true(sample_is_normal(packet_bytes(p), packet_is_key(p)));
    assert_true(r->n_packets < PICTURES_MAX && r->size + p->size <= OUT_SIZE);
    memcpy(r->data + r->size, p->data, p->size);
    r->size += p->size;
    r->sizes[r->n_packets] = p->size;
    r->flags[r->n_packets] = p->flags;
    r->arrival_ns[r->n_packets] = p->arrival_ns;
    r->pull_ns[r->n_packets++] = now_ns;
    r->n_keys += packet_is_key(p);
    r->n_discontinuities += (p->flags & PACKET_DISCONTINUITY) != 0;
    packet_unref(&p);
}

static void pull_all(struct access_unit *a, struct result *r, int64_t now_ns)
{
    struct packet *p;
    while (access_unit_pull(a, &p) == 0) {
        result_add(r, p, now_ns);
    }
}

static void push(struct access_unit *a, struct result *r, struct bytes in, int64_t now_ns)
{
    assert_int_equal(access_unit_push(a, in, now_ns), 0);
    pull_all(a, r, now_ns);
}

/* The reader found nothing more to read. */
static void drain(struct access_unit *a, struct result *r, int64_t now_ns)
{
    struct packet *p;
    while (access_unit_may_be_whole(a)) {
        if (access_unit_flush_whole(a, &p) == 0) {
            result_add(r, p, now_ns);
        }
    }
}

static void end(struct access_unit *a, struct result *r, int64_t now_ns)
{
    struct packet *p;
    if (access_unit_flush_end(a, &p) == 0) {
        result_add(r, p, now_ns);
    }
    pull_all(a, r, now_ns);
}

static void finish(struct access_unit *a, struct result *r, int64_t now_ns)
{
    end(a, r, now_ns);
    access_unit_finish(a);
}

/* Everything at once. */
static void split_whole(struct bytes in, struct result *r)
{
    struct access_unit a;
    access_unit_init(&a);
    result_init(r);
    push(&a, r, in, 0);
    finish(&a, r, 0);
}

static void assert_same(const struct result *a, const struct result *b)
{
    assert_int_equal(a->n_packets, b->n_packets);
    assert_memory_equal(a->sizes, b->sizes, a->n_packets * sizeof(a->sizes[0]));
    assert_memory_equal(a->flags, b->flags, a->n_packets * sizeof(a->flags[0]));
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->data, b->data, a->size);
}

static const struct {
    const char *name;
    unsigned n_packets, n_keys;
} samples[] = {
    {"baseline.h264", 12, 3}, {"high.h264", 12, 2},         {"reordered.h264", 16, 2},
    {"slices.h264", 12, 2},   {"cropped_1080p.h264", 1, 1}, {"interlaced.h264", 4, 1},
    {"sar.h264", 2, 1},       {"open_gop.h264", 10, 1},
};

static void test_samples_whole(void **state)
{
    for (size_t i = 0; i < N_OF(samples); i++) {
        struct buf *stream = sample_read(samples[i].name);
        struct result r;
        split_whole(buf_bytes(stream), &r);
        assert_int_equal(r.n_packets, samples[i].n_packets);
        assert_int_equal(r.n_keys, samples[i].n_keys);
        assert_int_equal(r.n_discontinuities, 0);
        /* no slice is lost, moved or changed */
        uint8_t *in = malloc(OUT_SIZE), *out = malloc(OUT_SIZE);
        struct byte_writer in_slices, out_slices;
        byte_writer_init(&in_slices, in, OUT_SIZE);
        byte_writer_init(&out_slices, out, OUT_SIZE);
        sample_append_slices(&in_slices, buf_bytes(stream));
        sample_append_slices(&out_slices, bytes_of(r.data, r.size));
        assert_true(bytes_equal(bytes_of(in, byte_writer_size(&in_slices)),
                                bytes_of(out, byte_writer_size(&out_slices))));
        free(in);
        free(out);
        free(r.data);
        buf_unref(&stream);
    }
}

static uint32_t random_below(uint32_t *seed, uint32_t limit)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)*seed * limit) >> 32);
}

/* Cut anywhere, with pauses anywhere: the same packets. */
static void test_random_cuts(void **state)
{
    for (uint32_t round = 0; round < 80; round++) {
        uint32_t seed = round;
        struct buf *stream = sample_read(samples[round % N_OF(samples)].name);
        struct result expected, r;
        split_whole(buf_bytes(stream), &expected);
        struct access_unit a;
        access_unit_init(&a);
        result_init(&r);
        for (size_t at = 0; at < stream->size;) {
            size_t size = 1 + random_below(&seed, 1u << random_below(&seed, 11));
            size = size < stream->size - at ? size : stream->size - at;
            push(&a, &r, bytes_of(stream->data + at, size), 0);
            at += size;
            if (random_below(&seed, 2) == 0) {
                drain(&a, &r, 0);
            }
        }
        finish(&a, &r, 0);
        assert_same(&expected, &r);
        free(r.data);
        free(expected.data);
        buf_unref(&stream);
    }
}

/* A live writer of a sample, over and over: one access unit every 33 ms, cut as the test says. */
struct writer {
    struct buf *stream;
    size_t at;
    size_t ends[PICTURES_MAX]; /* of its access units */
    unsigned n_units;
    unsigned next;
    int64_t now_ns;
    struct access_unit a;
    struct result r;
};

static void find_ends(struct writer *w)
{
    struct h264_nal_iterator it;
    struct bytes nal;
    size_t n_slices = 0;
    for (h264_nal_begin(&it, buf_bytes(w->stream)); h264_nal_next(&it, &nal);) {
        const bool begins = h264_nal_is_vcl(nal) ? (nal.data[1] & 0x80) != 0 /* first_mb 0 */
                                                 : h264_nal_type(nal) != H264_NAL_FILLER;
        if (begins && n_slices > 0) {
            size_t end = (size_t)(nal.data - w->stream->data) - 3;
            end -= w->stream->data[end - 1] == 0;
            w->ends[w->n_units++] = end;
            n_slices = 0;
        }
        n_slices += h264_nal_is_vcl(nal);
    }
    w->ends[w->n_units++] = w->stream->size;
}

static void writer_init(struct writer *w, const char *name)
{
    *w = (struct writer){.stream = sample_read(name)};
    find_ends(w);
    access_unit_init(&w->a);
    result_init(&w->r);
}

static void writer_finish(struct writer *w)
{
    access_unit_finish(&w->a);
    free(w->r.data);
    buf_unref(&w->stream);
}

/* Push size bytes, then nothing for gap_ns. */
static void write_bytes(struct writer *w, size_t size, int64_t gap_ns)
{
    push(&w->a, &w->r, bytes_of(w->stream->data + w->at, size), w->now_ns);
    drain(&w->a, &w->r, w->now_ns);
    w->at += size;
    w->now_ns += gap_ns;
}

static size_t next_size(struct writer *w)
{
    if (w->next == w->n_units) {
        w->next = 0;
        w->at = 0;
    }
    return w->ends[w->next] - w->at;
}

static void write_unit(struct writer *w)
{
    write_bytes(w, next_size(w), frame_ns);
    w->next++;
}

static const struct {
    const char *name;
    bool is_told;
} live[] = {
    {"baseline.h264", true},   {"high.h264", true},        {"reordered.h264", true},
    {"slices.h264", true},     {"sar.h264", true},         {"open_gop.h264", true},
    {"cavlc.h264", true},      {"coarse.h264", true},      {"fine.h264", true},
    {"fine_cavlc.h264", true}, {"interlaced.h264", false}, {"cropped_1080p.h264", true},
};

/* Written byte by byte, read by one that is faster: each access unit leaves at its last byte, the
 * very first one too; those that cannot be told, with the next one. */
static void test_leaves_at_last_byte(void **state)
{
    for (size_t i = 0; i < N_OF(live); i++) {
        struct writer w;
        writer_init(&w, live[i].name);
        for (unsigned n = 0; n < w.n_units; n++) {
            const size_t size = next_size(&w);
            for (size_t done = 1; done < size; done++) {
                write_bytes(&w, 1, 0);
                assert_true(w.r.n_packets == n || (!live[i].is_told && w.r.n_packets == n - 1));
            }
            write_bytes(&w, 1, frame_ns);
            assert_int_equal(w.r.n_packets, live[i].is_told ? n + 1 : n);
            w.next++;
        }
        struct result expected;
        split_whole(buf_bytes(w.stream), &expected);
        end(&w.a, &w.r, w.now_ns);
        assert_same(&expected, &w.r);
        free(expected.data);
        writer_finish(&w);
    }
}

/* Two halves with a pause between, cut at every byte in turn. */
static void test_two_halves(void **state)
{
    struct writer w;
    writer_init(&w, "high.h264");
    for (unsigned n = 0; n < 900; n++) {
        const size_t size = next_size(&w);
        const size_t half = 1 + n % (size - 1);
        write_bytes(&w, half, frame_ns / 2);
        assert_int_equal(w.r.n_packets, n);
        write_bytes(&w, size - half, frame_ns / 2);
        assert_int_equal(w.r.n_packets, n + 1);
        w.next++;
    }
    assert_int_equal(w.r.n_discontinuities, 0);
    writer_finish(&w);
}

/* Several access units at once: those before the last one by start codes, the last one drained. */
static void test_several_at_once(void **state)
{
    struct writer w;
    writer_init(&w, "reordered.h264");
    write_bytes(&w, w.ends[4], 0);
    assert_int_equal(w.r.n_packets, 5);
    write_bytes(&w, w.ends[10] - w.ends[4] - 1, 0);
    assert_int_equal(w.r.n_packets, 10);
    write_bytes(&w, 1, 0);
    assert_int_equal(w.r.n_packets, 11);
    writer_finish(&w);
}

/* What may follow an access unit that has left is no picture, and none is lost by it. */
static void test_what_follows(void **state)
{
    static const struct {
        const char *name;
        uint8_t bytes[12];
        size_t size;
    } rows[] = {
        {"filler data", {0, 0, 0, 1, 12, 0xff, 0xff, 0xff, 0x80}, 9},
        {"cabac_zero_words", {0, 0, 3, 0, 0, 3, 0, 0, 3}, 9},
        {"trailing_zero_8bits", {0, 0, 0, 0}, 4},
        {"a stray byte", {0x0a}, 1},
        {"end of sequence", {0, 0, 1, 10}, 4},
        {"a delimiter", {0, 0, 0, 1, 9, 0xf0}, 6},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct writer w;
        struct result expected;
        writer_init(&w, "reordered.h264");
        split_whole(buf_bytes(w.stream), &expected);
        for (unsigned n = 0; n < w.n_units; n++) {
            write_unit(&w);
            for (size_t j = 0; j < rows[i].size; j++) {
                push(&w.a, &w.r, bytes_of(&rows[i].bytes[j], 1), w.now_ns);
                drain(&w.a, &w.r, w.now_ns);
            }
            assert_int_equal(w.r.n_packets, n + 1);
        }
        assert_same(&expected, &w.r);
        free(expected.data);
        writer_finish(&w);
    }
}

/* Filler data of the same write does not hide that the picture before it is whole. */
static void test_filler_behind(void **state)
{
    static const uint8_t filler[] = {0, 0, 0, 1, 12, 0xff, 0xff};
    struct writer w;
    writer_init(&w, "baseline.h264");
    for (unsigned n = 0; n < w.n_units; n++) {
        push(&w.a, &w.r, bytes_of(w.stream->data + w.at, next_size(&w)), w.now_ns);
        push(&w.a, &w.r, bytes_of(filler, sizeof(filler)), w.now_ns);
        assert_int_equal(w.r.n_packets, n);
        drain(&w.a, &w.r, w.now_ns);
        assert_int_equal(w.r.n_packets, n + 1);
        w.at = w.ends[w.next++];
    }
    writer_finish(&w);
}

/* Its SPS says Baseline, not constrained: slices may come in any order. */
static void declare_unordered(struct buf *stream)
{
    for (size_t at = 0; at + 7 < stream->size; at++) {
        if (memcmp(stream->data + at, "\0\0\1\x67", 4) == 0) {
            stream->data[at + 4] = 66;
            stream->data[at + 5] = 0;
        }
    }
}

/* Then all slices are counted, not the last one only. */
static void test_slices_in_any_order(void **state)
{
    static const char *const names[] = {"slices.h264", "slices_cavlc.h264"};
    for (size_t i = 0; i < N_OF(names); i++) {
        struct writer w;
        writer_init(&w, names[i]);
        declare_unordered(w.stream);
        for (unsigned n = 0; n < w.n_units; n++) {
            for (size_t left = next_size(&w); left > 0; left--) {
                assert_int_equal(w.r.n_packets, n);
                write_bytes(&w, 1, 0);
            }
            w.next++;
        }
        assert_int_equal(w.r.n_packets, w.n_units);
        writer_finish(&w);
    }
}

/* The second slice last: the one with the last macroblock is not the end of the picture. */
static void test_slices_in_another_order(void **state)
{
    struct writer w;
    writer_init(&w, "slices.h264");
    declare_unordered(w.stream);
    const struct bytes unit = bytes_of(w.stream->data, w.ends[0]);
    const struct bytes second = sample_nal(unit, H264_NAL_IDR, 1);
    const struct bytes third = sample_nal(unit, H264_NAL_IDR, 2);
    uint8_t swapped[4096];
    struct byte_writer out;
    byte_writer_init(&out, swapped, sizeof(swapped));
    byte_writer_bytes(&out, bytes_of(unit.data, (size_t)(second.data - unit.data) - 3));
    h264_nal_write(&out, third);
    push(&w.a, &w.r, bytes_of(swapped, byte_writer_size(&out)), 0);
    drain(&w.a, &w.r, 0);
    assert_int_equal(w.r.n_packets, 0);
    const size_t done = byte_writer_size(&out);
    h264_nal_write(&out, second);
    push(&w.a, &w.r, bytes_of(swapped + done, byte_writer_size(&out) - done), 0);
    drain(&w.a, &w.r, 0);
    assert_int_equal(w.r.n_packets, 0);
    next_size(&w);
    w.at = w.ends[w.next++];
    write_unit(&w);
    assert_int_equal(w.r.n_packets, 2);
    writer_finish(&w);
}

/* A delimiter behind each access unit (what we send ourselves) shows its end at once. */
static void test_delimiter_behind(void **state)
{
    static const uint8_t aud[] = {0, 0, 0, 1, 9, 0xf0};
    struct writer w;
    writer_init(&w, "baseline.h264");
    for (unsigned n = 0; n < 12; n++) {
        push(&w.a, &w.r, bytes_of(w.stream->data + w.at, next_size(&w)), w.now_ns);
        push(&w.a, &w.r, bytes_of(aud, sizeof(aud)), w.now_ns + NS_PER_MS);
        w.at = w.ends[w.next++];
        assert_int_equal(w.r.n_packets, n + 1);
        assert_true(w.r.arrival_ns[n] == w.now_ns);
        w.now_ns += frame_ns;
    }
    writer_finish(&w);
}

static void test_joined_in_the_middle(void **state)
{
    struct buf *stream = sample_read("slices.h264");
    struct result whole;
    split_whole(buf_bytes(stream), &whole);
    for (size_t skip = 1; skip < stream->size / 2; skip += 7) {
        struct result r;
        split_whole(bytes_of(stream->data + skip, stream->size - skip), &r);
        if (r.n_packets > 0) {
            assert_true(r.flags[0] & PACKET_KEY);
            assert_true(r.size <= whole.size);
            assert_memory_equal(r.data, whole.data + whole.size - r.size, r.size);
        }
        free(r.data);
    }
    free(whole.data);
    buf_unref(&stream);
}

static void test_reset(void **state)
{
    struct writer w;
    writer_init(&w, "baseline.h264");
    for (unsigned n = 0; n < 7; n++) {
        write_unit(&w);
    }
    const unsigned n_packets = w.r.n_packets;
    access_unit_reset(&w.a);
    write_unit(&w);
    write_unit(&w);
    write_unit(&w);
    assert_int_equal(w.r.n_packets, n_packets);
    write_unit(&w); /* the IDR picture */
    assert_int_equal(w.r.n_packets, n_packets + 1);
    assert_int_equal(w.r.flags[n_packets], PACKET_KEY | PACKET_DISCONTINUITY);
    writer_finish(&w);
}

static void test_limits(void **state)
{
    struct writer w;
    writer_init(&w, "baseline.h264");
    uint8_t *junk = malloc(ACCESS_UNIT_PUSH_MAX + 1);
    memset(junk, 0xaa, ACCESS_UNIT_PUSH_MAX + 1);
    assert_int_equal(access_unit_push(&w.a, bytes_of(junk, ACCESS_UNIT_PUSH_MAX + 1), 0),
                     -EMSGSIZE);
    assert_int_equal(access_unit_push(&w.a, bytes_of(NULL, 0), 0), 0);
    /* before any start code nothing is kept */
    for (unsigned n = 0; n < 20; n++) {
        push(&w.a, &w.r, bytes_of(junk, ACCESS_UNIT_PUSH_MAX), 0);
    }
    assert_true(w.a.capacity <= 4 * ACCESS_UNIT_PUSH_MAX);
    /* a slice without end goes at the limit, and the stream goes on at the next keyframe */
    write_unit(&w);
    for (unsigned n = 0; n < 20; n++) {
        push(&w.a, &w.r, bytes_of(junk, ACCESS_UNIT_PUSH_MAX), 0);
    }
    assert_true(w.a.capacity <= 2 * PACKET_SIZE_MAX);
    for (unsigned n = 0; n < 12; n++) {
        write_unit(&w);
    }
    assert_true(w.r.n_packets > 0);
    assert_true(w.r.flags[0] & PACKET_KEY);
    free(junk);
    writer_finish(&w);
}

static void assert_same_in_pieces(struct bytes in, size_t first, size_t others,
                                  const struct result *expected)
{
    struct access_unit a;
    struct result r;
    access_unit_init(&a);
    result_init(&r);
    size_t done = 0;
    for (size_t piece = first; done < in.size; piece = others) {
        piece = piece < in.size - done ? piece : in.size - done;
        push(&a, &r, bytes_of(in.data + done, piece), 0);
        done += piece;
    }
    finish(&a, &r, 0);
    assert_same(expected, &r);
    free(r.data);
}

/* Damaged slices take their group of pictures with them, the same way however they are cut. */
static void test_damaged_slices(void **state)
{
    static const struct {
        const char *name;
        uint8_t nal[12];
        size_t size;
    } rows[] = {
        {"unknown PPS", {0x41, 0x84, 0x11, 0x22, 0x80}, 5},
        {"cut short", {0x41, 0x9a}, 2},
        {"slice type 10", {0x41, 0x8b, 0x80, 0x80}, 4},
        {"endless zeros", {0x41, 0, 0, 3, 0, 0, 3, 0, 0, 3, 0x40, 0x80}, 12},
    };
    struct buf *stream = sample_read("baseline.h264");
    const struct bytes in = buf_bytes(stream);
    const size_t at = (size_t)(sample_nal(in, H264_NAL_SLICE, 1).data - in.data) - 4;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf *damaged = buf_create(stream->size + 32);
        struct byte_writer w;
        byte_writer_init(&w, damaged->data, damaged->capacity);
        byte_writer_bytes(&w, bytes_of(in.data, at));
        h264_nal_write(&w, bytes_of(rows[i].nal, rows[i].size));
        byte_writer_bytes(&w, bytes_of(in.data + at + 1, in.size - at - 1)); /* 00 00 01 */
        damaged->size = byte_writer_size(&w);
        struct result whole;
        split_whole(buf_bytes(damaged), &whole);
        assert_true(whole.n_packets >= 8 && whole.n_packets < 12);
        assert_int_equal(whole.n_keys, 3);
        assert_int_equal(whole.n_discontinuities, 1);
        for (size_t first = at - 2; first < at + 24; first++) {
            assert_same_in_pieces(buf_bytes(damaged), first, damaged->size, &whole);
            assert_same_in_pieces(buf_bytes(damaged), first, 1, &whole);
        }
        assert_same_in_pieces(buf_bytes(damaged), 1, 1, &whole);
        free(whole.data);
        buf_unref(&damaged);
    }
    buf_unref(&stream);
}

/* An access unit arrives when its first slice begins to, however slowly. */
static void test_arrival(void **state)
{
    struct writer w;
    writer_init(&w, "baseline.h264");
    const size_t size = next_size(&w);
    const struct bytes idr = sample_nal(bytes_of(w.stream->data, size), H264_NAL_IDR, 0);
    const size_t header = (size_t)(idr.data - w.stream->data) - 4;
    push(&w.a, &w.r, bytes_of(w.stream->data, header), 10);
    push(&w.a, &w.r, bytes_of(w.stream->data + header, 5), 20);
    push(&w.a, &w.r, bytes_of(w.stream->data + header + 5, size - header - 5), 30);
    push(&w.a, &w.r, bytes_of(w.stream->data + size, 100), 40);
    assert_true(w.r.n_packets >= 1);
    assert_int_equal(w.r.arrival_ns[0], 20);
    writer_finish(&w);
}

/* Two fields per frame, each a picture of its own with a delimiter: one packet per frame. */
static size_t write_field(uint8_t *out, size_t capacity, bool is_idr, bool is_bottom,
                          unsigned frame_num)
{
    uint8_t raw[64];
    struct bit_writer w;
    bit_writer_init(&w, raw, sizeof(raw));
    bit_writer_u(&w, is_idr ? 0x65 : 0x61, 8);
    bit_writer_ue(&w, 0);              /* first_mb_in_slice */
    bit_writer_ue(&w, is_idr ? 7 : 5); /* slice_type */
    bit_writer_ue(&w, 0);              /* pic_parameter_set_id */
    bit_writer_u(&w, frame_num, 4);
    bit_writer_u(&w, 1, 1); /* field_pic_flag */
    bit_writer_u(&w, is_bottom, 1);
    if (is_idr) {
        bit_writer_ue(&w, 0); /* idr_pic_id */
    }
    bit_writer_u(&w, (2 * frame_num + is_bottom) % 16, 4); /* pic_order_cnt_lsb */
    bit_writer_u(&w, 0xabcdef, 24);
    const size_t size = bit_writer_finish(&w);
    return h264_nal_escape(bytes_of(raw, size), out, capacity);
}

static size_t write_field_sets(struct byte_writer *w)
{
    uint8_t sps[64], pps[64];
    struct bit_writer b;
    bit_writer_init(&b, sps, sizeof(sps));
    bit_writer_u(&b, 0x674d000a, 32);
    bit_writer_ue(&b, 0); /* seq_parameter_set_id */
    bit_writer_ue(&b, 0); /* log2_max_frame_num_minus4 */
    bit_writer_ue(&b, 0); /* pic_order_cnt_type */
    bit_writer_ue(&b, 0); /* log2_max_pic_order_cnt_lsb_minus4 */
    bit_writer_ue(&b, 1); /* max_num_ref_frames */
    bit_writer_u(&b, 0, 1);
    bit_writer_ue(&b, 3); /* 64x64 */
    bit_writer_ue(&b, 1);
    bit_writer_u(&b, 0x04, 5); /* frame_mbs_only 0, mbaff 0, direct_8x8 1, no cropping, no VUI */
    h264_nal_write(w, bytes_of(sps, bit_writer_finish(&b)));
    bit_writer_init(&b, pps, sizeof(pps));
    bit_writer_u(&b, 0x68, 8);
    bit_writer_u(&b, 3, 2); /* ids 0 */
    bit_writer_u(&b, 0, 2);
    for (unsigned i = 0; i < 3; i++) {
        bit_writer_ue(&b, 0);
    }
    bit_writer_u(&b, 0, 3);
    for (unsigned i = 0; i < 3; i++) {
        bit_writer_ue(&b, 0);
    }
    bit_writer_u(&b, 0, 3);
    h264_nal_write(w, bytes_of(pps, bit_writer_finish(&b)));
    return byte_writer_size(w);
}

static void test_fields(void **state)
{
    for (unsigned with_delimiters = 0; with_delimiters < 2; with_delimiters++) {
        static const uint8_t aud[] = {9, 0xf0};
        uint8_t stream[4096];
        struct byte_writer w;
        byte_writer_init(&w, stream, sizeof(stream));
        write_field_sets(&w);
        for (unsigned n = 0; n < 20; n++) {
            uint8_t field[64];
            if (with_delimiters) {
                h264_nal_write(&w, bytes_of(aud, sizeof(aud)));
            }
            const size_t size = write_field(field, sizeof(field), n == 0, n % 2, n / 2);
            h264_nal_write(&w, bytes_of(field, size));
        }
        struct result r;
        split_whole(bytes_of(stream, byte_writer_size(&w)), &r);
        assert_int_equal(r.n_packets, 10);
        assert_int_equal(r.n_keys, 1);
        free(r.data);
    }
}

/* A field without its other half is a packet of its own, and what leads to the next one stays. */
static void test_lone_field(void **state)
{
    static const uint8_t sei[] = {6, 5, 2, 0x11, 0x22, 0x80};
    uint8_t stream[1024];
    struct byte_writer w;
    byte_writer_init(&w, stream, sizeof(stream));
    write_field_sets(&w);
    for (unsigned n = 0; n < 4; n++) {
        uint8_t field[64];
        const size_t size = write_field(field, sizeof(field), n == 0, false, n);
        h264_nal_write(&w, bytes_of(sei, sizeof(sei)));
        h264_nal_write(&w, bytes_of(field, size));
    }
    struct result r;
    split_whole(bytes_of(stream, byte_writer_size(&w)), &r);
    assert_int_equal(r.n_packets, 3); /* the last one waits for its other half */
    for (unsigned n = 1; n < 3; n++) {
        assert_true(r.sizes[n] > 4 + sizeof(sei));
        assert_memory_equal(r.data + r.sizes[0] + (n - 1) * r.sizes[1] + 4, sei, sizeof(sei));
    }
    free(r.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_whole),
        cmocka_unit_test(test_random_cuts),
        cmocka_unit_test(test_leaves_at_last_byte),
        cmocka_unit_test(test_two_halves),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_filler_behind),
        cmocka_unit_test(test_slices_in_any_order),
        cmocka_unit_test(test_slices_in_another_order),
        cmocka_unit_test(test_delimiter_behind),
        cmocka_unit_test(test_joined_in_the_middle),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_damaged_slices),
        cmocka_unit_test(test_arrival),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_lone_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
