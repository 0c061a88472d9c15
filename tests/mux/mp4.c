#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bitstream/h264_config.h"
#include "clip.h"
#include "sample.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A box-level reader that knows no more than ISO/IEC 14496-12 §4.2. */
static struct bytes box_find(struct bytes in, const char *path)
{
    while (in.size >= 8) {
        const size_t size = bytes_get_u32(in.data);
        assert_true(size >= 8 && size <= in.size);
        if (memcmp(in.data + 4, path, 4) == 0) {
            const struct bytes body = bytes_of(in.data + 8, size - 8);
            return path[4] == '/' ? box_find(body, path + 5) : body;
        }
        in = bytes_of(in.data + size, in.size - size);
    }
    assert_int_equal(in.size, 0);
    return (struct bytes){0};
}

/* Every box within these adds up to its parent. */
static void assert_boxes_fill(struct bytes in)
{
    static const char containers[][5] = {"moov", "trak", "mdia", "minf", "dinf",
                                         "stbl", "mvex", "moof", "traf"};
    while (in.size > 0) {
        assert_true(in.size >= 8);
        const size_t size = bytes_get_u32(in.data);
        assert_true(size >= 8 && size <= in.size);
        for (size_t i = 0; i < N_OF(containers); i++) {
            if (memcmp(in.data + 4, containers[i], 4) == 0) {
                assert_boxes_fill(bytes_of(in.data + 8, size - 8));
            }
        }
        in = bytes_of(in.data + size, in.size - size);
    }
}

static struct buf *header_of(const struct mux_type *type, void *mux)
{
    struct buf *b = NULL;
    assert_int_equal(type->header(mux, &b), 0);
    assert_non_null(b);
    return b;
}

static void test_init_segment(void **state)
{
    static const struct {
        const char *name;
        uint32_t width, height, aspect[2];
    } rows[] = {{"baseline.h264", 64, 48, {0, 0}},
                {"cropped_1080p.h264", 1920, 1080, {0, 0}},
                {"sar.h264", 64, 48, {16, 11}}};
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct clip clip;
        clip_init(&clip, rows[i].name);
        void *mux = clip_open(&mux_mp4, &clip.track);
        struct buf *b = header_of(&mux_mp4, mux);
        const struct bytes in = buf_bytes(b);
        assert_boxes_fill(in);
        assert_memory_equal(in.data + 4, "ftypiso6", 8);
        const struct bytes tkhd = box_find(in, "moov/trak/tkhd");
        assert_int_equal(bytes_get_u32(tkhd.data + 12), 1); /* track_ID */
        assert_int_equal(bytes_get_u32(tkhd.data + 76), rows[i].width << 16);
        assert_int_equal(bytes_get_u32(tkhd.data + 80), rows[i].height << 16);
        assert_int_equal(bytes_get_u32(box_find(in, "moov/trak/mdia/mdhd").data + 12), 90000);
        assert_memory_equal(box_find(in, "moov/trak/mdia/hdlr").data + 8, "vide", 4);
        assert_int_equal(box_find(in, "moov/mvex/trex").size, 24);
        assert_int_equal(box_find(in, "moov/trak/edts").size, 0);
        const struct bytes stsd = box_find(in, "moov/trak/mdia/minf/stbl/stsd");
        assert_int_equal(bytes_get_u32(stsd.data + 4), 1);
        const struct bytes avc1 = box_find(bytes_of(stsd.data + 8, stsd.size - 8), "avc1");
        assert_int_equal(bytes_get_u16(avc1.data + 24), rows[i].width);
        assert_int_equal(bytes_get_u16(avc1.data + 26), rows[i].height);
        const struct bytes extra = bytes_of(avc1.data + 78, avc1.size - 78);
        struct buf *avcc = NULL;
        assert_int_equal(h264_config_avcc(buf_bytes(clip.track.parameter_sets), &avcc), 0);
        assert_true(bytes_equal(box_find(extra, "avcC"), buf_bytes(avcc)));
        const struct bytes pasp = box_find(extra, "pasp");
        assert_int_equal(pasp.size, rows[i].aspect[0] ? 8 : 0);
        if (pasp.size > 0) {
            assert_int_equal(bytes_get_u32(pasp.data), rows[i].aspect[0]);
            assert_int_equal(bytes_get_u32(pasp.data + 4), rows[i].aspect[1]);
        }
        buf_unref(&avcc);
        buf_unref(&b);
        clip_close(&mux_mp4, mux);
        clip_finish(&clip);
    }
}

static uint64_t get_u64(const uint8_t *p)
{
    return (uint64_t)bytes_get_u32(p) << 32 | bytes_get_u32(p + 4);
}

/* mdat back to Annex B; parameter sets before a key picture are put where they were. */
static void assert_same_pictures(struct bytes mdat, const struct packet *p,
                                 const struct track *track)
{
    struct buf *back = buf_create(p->size);
    struct byte_writer w;
    byte_writer_init(&w, back->data, back->capacity);
    if (packet_is_key(p)) {
        byte_writer_bytes(&w, buf_bytes(track->parameter_sets));
    }
    struct byte_reader r;
    byte_reader_init(&r, mdat);
    while (byte_reader_left(&r) > 0) {
        const struct bytes nal = byte_reader_bytes(&r, byte_reader_u32(&r));
        assert_false(r.error);
        assert_true(nal.size > 0 && (nal.data[0] & 0x1f) != 7 && (nal.data[0] & 0x1f) != 8);
        byte_writer_u32(&w, 1);
        byte_writer_bytes(&w, nal);
    }
    assert_true(bytes_equal(bytes_of(back->data, byte_writer_size(&w)), packet_bytes(p)));
    buf_unref(&back);
}

static void check_fragment(const struct buf *b, const struct packet *p, unsigned n,
                           const struct track *track)
{
    const struct bytes in = buf_bytes(b);
    assert_boxes_fill(in);
    const int64_t time = 450000 + 2970 * (int64_t)n;
    const struct bytes prft = box_find(in, "prft");
    assert_int_equal(bytes_get_u32(prft.data), 0x01000018); /* version 1, captured */
    assert_true(get_u64(prft.data + 8) == time_real_to_ntp(p->capture_ns));
    assert_true((int64_t)get_u64(prft.data + 16) == time);
    assert_int_equal(bytes_get_u32(box_find(in, "moof/mfhd").data + 4), n + 1);
    assert_int_equal(bytes_get_u32(box_find(in, "moof/traf/tfhd").data), 0x00020000);
    const struct bytes tfdt = box_find(in, "moof/traf/tfdt");
    assert_int_equal(tfdt.data[0], 1);
    assert_true((int64_t)get_u64(tfdt.data + 4) == time);
    const struct bytes trun = box_find(in, "moof/traf/trun");
    const struct bytes mdat = box_find(in, "mdat");
    const struct bytes moof = box_find(in, "moof");
    assert_int_equal(bytes_get_u32(trun.data), 0x00000701);
    assert_int_equal(bytes_get_u32(trun.data + 4), 1);
    assert_true(moof.data - 8 + bytes_get_u32(trun.data + 8) == mdat.data);
    assert_int_equal(bytes_get_u32(trun.data + 12), 3000); /* 30 frames per second */
    assert_int_equal(bytes_get_u32(trun.data + 16), mdat.size);
    assert_int_equal(bytes_get_u32(trun.data + 20), packet_is_key(p) ? 0x02000000 : 0x01010000);
    assert_same_pictures(mdat, p, track);
}

static void test_fragments(void **state)
{
    static const char *const names[] = {"baseline.h264", "high.h264", "slices.h264"};
    for (size_t i = 0; i < N_OF(names); i++) {
        struct clip clip;
        clip_init(&clip, names[i]);
        void *mux = clip_open(&mux_mp4, &clip.track);
        for (unsigned n = 0; n < clip.n_packets; n++) {
            struct buf *b = NULL;
            assert_int_equal(mux_mp4.packet(mux, clip.packets[n], n, &b), 0);
            check_fragment(b, clip.packets[n], n, &clip.track);
            buf_unref(&b);
        }
        clip_close(&mux_mp4, mux);
        clip_finish(&clip);
    }
}

static void test_times(void **state)
{
    static const struct {
        int64_t pts_ns;
        int64_t time;
        uint32_t duration;
    } rows[] = {
        {0, 0, 3000},
        {33 * NS_PER_MS, 2970, 3000},
        {33 * NS_PER_MS + 5, 2971, 3000}, /* closer than a tick: never the same time twice */
        {133 * NS_PER_MS, 11970, 8999},   /* slower than its rate: the distance so far */
        {233 * NS_PER_MS, 20970, 9000},
        {266 * NS_PER_MS, 23940, 3000},       /* and back */
        {100266 * NS_PER_MS, 9023940, 90000}, /* a pause is no frame duration */
    };
    static const uint8_t slice[] = {0, 0, 0, 1, 0x41, 0x9a, 0x80};
    struct clip clip;
    clip_init(&clip, "baseline.h264");
    void *mux = clip_open(&mux_mp4, &clip.track);
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct packet *p = clip_packet(slice, sizeof(slice), 0);
        p->pts_ns = rows[i].pts_ns;
        p->capture_ns = TIME_NONE;
        struct buf *b = NULL;
        assert_int_equal(mux_mp4.packet(mux, p, 0, &b), 0);
        assert_int_equal(box_find(buf_bytes(b), "prft").size, 0);
        assert_int_equal(get_u64(box_find(buf_bytes(b), "moof/traf/tfdt").data + 4), rows[i].time);
        assert_int_equal(bytes_get_u32(box_find(buf_bytes(b), "moof/traf/trun").data + 12),
                         rows[i].duration);
        buf_unref(&b);
        packet_unref(&p);
    }
    clip_close(&mux_mp4, mux);
    clip_finish(&clip);
}

static void test_what_is_not_normal_is_refused(void **state)
{
    static const struct {
        uint8_t in[16];
        size_t size;
        int expected;
    } rows[] = {
        {{0}, 0, -EBADMSG},
        {{0, 0, 0, 1}, 4, -EBADMSG},
        {{0, 0, 1, 0x41, 1}, 5, -EBADMSG},
        {{1, 2, 3, 4, 5}, 5, -EBADMSG},
        {{0, 0, 0, 1, 0x41, 1, 0, 0, 1, 0x41}, 10, -EBADMSG},
        {{0, 0, 0, 1, 0x41, 1, 0, 0, 0, 1}, 10, -EBADMSG},
        {{0, 0, 0, 1, 0, 0, 1, 0x41}, 8, -EBADMSG},
        {{0, 0, 0, 1, 0, 0, 0, 1, 0x41}, 9, -EBADMSG},
        {{0, 0, 0, 1, 9, 0, 0, 0, 1, 0x41}, 10, 0},
        {{0, 0, 0, 1, 0x41, 1, 0, 0, 0, 1, 0x41}, 11, 0},
    };
    struct clip clip;
    clip_init(&clip, "baseline.h264");
    void *mux = clip_open(&mux_mp4, &clip.track);
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct packet *p = clip_packet(rows[i].in, rows[i].size, 0);
        struct buf *b = NULL;
        assert_int_equal(mux_mp4.packet(mux, p, 0, &b), rows[i].expected);
        assert_true((b != NULL) == (rows[i].expected == 0));
        buf_unref(&b);
        packet_unref(&p);
    }
    struct packet *sets =
        clip_packet(clip.track.parameter_sets->data, clip.track.parameter_sets->size, PACKET_KEY);
    struct buf *b = NULL;
    assert_int_equal(mux_mp4.packet(mux, sets, 0, &b), -EBADMSG);
    packet_unref(&sets);
    clip_close(&mux_mp4, mux);
    struct track without_sets = clip.track;
    without_sets.parameter_sets = NULL;
    void *memory = calloc(1, mux_mp4.state_size);
    assert_int_equal(mux_mp4.open(memory, &without_sets), -EBADMSG);
    free(memory);
    clip_finish(&clip);
}

/* The same bytes behind a WebSocket header, also above 64 KiB. */
static void test_ws_mp4(void **state)
{
    struct clip clip;
    clip_init(&clip, "baseline.h264");
    void *plain = clip_open(&mux_mp4, &clip.track);
    void *ws = clip_open(&mux_ws_mp4, &clip.track);
    struct buf *a = header_of(&mux_mp4, plain);
    struct buf *b = header_of(&mux_ws_mp4, ws);
    assert_int_equal(b->size, a->size + 4);
    assert_int_equal(b->data[0], 0x82);
    assert_int_equal(b->data[1], 126);
    assert_int_equal(bytes_get_u16(b->data + 2), a->size);
    assert_memory_equal(b->data + 4, a->data, a->size);
    buf_unref(&a);
    buf_unref(&b);
    uint8_t *large = calloc(1, 100000);
    memset(large, 0x55, 100000);
    memcpy(large, "\0\0\0\1\x41", 5);
    struct packet *p = clip_packet(large, 100000, 0);
    assert_int_equal(mux_mp4.packet(plain, p, 7, &a), 0);
    assert_int_equal(mux_ws_mp4.packet(ws, p, 7, &b), 0);
    assert_int_equal(b->size, a->size + 10);
    assert_int_equal(b->data[1], 127);
    assert_true(get_u64(b->data + 2) == a->size);
    assert_memory_equal(b->data + 10, a->data, a->size);
    free(large);
    packet_unref(&p);
    buf_unref(&a);
    buf_unref(&b);
    clip_close(&mux_mp4, plain);
    clip_close(&mux_ws_mp4, ws);
    clip_finish(&clip);
}

static void write_clip(const char *name, FILE *f)
{
    struct clip clip;
    clip_init(&clip, name);
    void *mux = clip_open(&mux_mp4, &clip.track);
    struct buf *b = header_of(&mux_mp4, mux);
    fwrite(b->data, 1, b->size, f);
    buf_unref(&b);
    for (unsigned n = 0; n < clip.n_packets; n++) {
        assert_int_equal(mux_mp4.packet(mux, clip.packets[n], n, &b), 0);
        fwrite(b->data, 1, b->size, f);
        buf_unref(&b);
    }
    clip_close(&mux_mp4, mux);
    clip_finish(&clip);
}

static void test_ffprobe_reads_it(void **state)
{
    static const struct {
        const char *name, *expected;
    } rows[] = {
        {"baseline.h264", "h264,64,48,1:1,yuv420p,12"},
        {"sar.h264", "h264,64,48,16:11,yuv420p,2"},
        {"high.h264", "h264,64,48,1:1,yuv420p,12"},
        {"cropped_1080p.h264", "h264,1920,1080,1:1,yuv420p,1"},
    };
    if (system("command -v ffprobe >/dev/null") != 0) {
        print_message("ffprobe is not installed: what it thinks of our MP4 is not tested\n");
        skip();
    }
    for (size_t i = 0; i < N_OF(rows); i++) {
        char path[] = "/tmp/avocet-test-XXXXXX";
        FILE *f = fdopen(mkstemp(path), "wb");
        assert_non_null(f);
        write_clip(rows[i].name, f);
        fclose(f);
        char command[512];
        snprintf(
            command, sizeof(command),
            "ffprobe -v error -f mp4 -count_frames -select_streams v -of csv=p=0 -show_entries "
            "stream=codec_name,width,height,sample_aspect_ratio,pix_fmt,nb_read_frames %s 2>&1",
            path);
        FILE *pipe = popen(command, "r");
        assert_non_null(pipe);
        char line[256] = "";
        assert_non_null(fgets(line, sizeof(line), pipe));
        char rest[256];
        assert_null(fgets(rest, sizeof(rest), pipe)); /* no complaints */
        assert_int_equal(pclose(pipe), 0);
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(line, rows[i].expected);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_segment), cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_times),        cmocka_unit_test(test_what_is_not_normal_is_refused),
        cmocka_unit_test(test_ws_mp4),       cmocka_unit_test(test_ffprobe_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
