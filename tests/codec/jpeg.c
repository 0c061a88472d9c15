#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <cmocka.h>
#include <turbojpeg.h>

#include "bitstream/jpeg.h"
#include "codec/jpeg.h"
#include "codec/jpeg_scale.h"
#include "pictures.h"

static struct packet *encode(struct picture *p, int quality)
{
    void *e = calloc(1, encoder_jpeg.state_size);
    struct option_error error;
    struct packet *packet = NULL;
    const struct encoder_params params = {.size = p->size, .rate = {30, 1}, .quality = quality};
    assert_int_equal(encoder_jpeg.open(e, &params, &error), 0);
    assert_int_equal(encoder_jpeg.track(e)->codec, CODEC_MJPEG);
    assert_int_equal(encoder_jpeg.encode(e, p, false, &packet, &error), 0);
    assert_true(packet_is_key(packet));
    encoder_jpeg.close(e);
    free(e);
    return packet;
}

static int decode(const struct packet *packet, struct picture **out)
{
    void *d = calloc(1, decoder_jpeg.state_size);
    struct option_error error = {0};
    assert_int_equal(decoder_jpeg.open(d, NULL, &error), 0);
    const int result = decoder_jpeg.decode(d, packet, NULL, out, &error);
    assert_int_equal(result < 0, error.sentence[0] != '\0');
    decoder_jpeg.close(d);
    free(d);
    return result;
}

static struct picture *test_picture_of(struct picture_size size)
{
    struct test_picture t;
    test_picture_init(&t, size, TEST_PATTERN_BARS, "jpeg");
    return pictures_draw(&t, 17);
}

static void test_round_trip_of_each_format(void **state)
{
    struct picture *original = test_picture_of((struct picture_size){640, 360});
    for (int format = 0; format < N_PIXEL_FORMATS; format++) {
        struct picture *in = pictures_convert(original, (enum pixel_format)format);
        struct packet *packet = encode(in, 60);
        struct picture *out = NULL;
        int64_t ms = 0;
        assert_int_equal(decode(packet, &out), 0);
        assert_int_equal(out->format, PIXEL_I420);
        assert_true(out->full_range);
        assert_true(out->capture_ns == original->capture_ns && out->pts_ns == original->pts_ns);
        assert_int_equal(timecode_read(out->planes[0], out->strides[0], out->size, &ms), 0);
        assert_true(ms == original->capture_ns / NS_PER_MS % TIMECODE_MODULUS_MS);
        /* the green bar (112, 72, 58 in limited range) has become full range */
        assert_in_range((int)pictures_mean(out, 0, 260, 100, 8), 109, 114);
        assert_in_range((int)pictures_mean(out, 1, 130, 50, 4), 62, 67);
        assert_in_range((int)pictures_mean(out, 2, 130, 50, 4), 45, 51);
        picture_unref(&out);
        packet_unref(&packet);
        picture_unref(&in);
    }
    picture_unref(&original);
}

/* A grey ramp with a colour, made by TurboJPEG in the given subsampling. */
static struct packet *camera_jpeg(int width, int height, int subsampling)
{
    uint8_t *rgb = malloc((size_t)(width * height * 3));
    for (int i = 0; i < width * height; i++) {
        rgb[3 * i] = (uint8_t)(i % width * 255 / width);
        rgb[3 * i + 1] = 64;
        rgb[3 * i + 2] = 192;
    }
    unsigned char *jpeg = NULL;
    unsigned long size = 0;
    tjhandle handle = tjInitCompress();
    assert_int_equal(
        tjCompress2(handle, rgb, width, 0, height, TJPF_RGB, &jpeg, &size, subsampling, 90, 0), 0);
    struct packet *packet = packet_create(size);
    memcpy(packet->data, jpeg, size);
    packet->size = size;
    tjFree(jpeg);
    tjDestroy(handle);
    free(rgb);
    return packet;
}

static void test_every_subsampling(void **state)
{
    static const struct {
        int subsampling;
        int width;
        int height;
        enum pixel_format expected;
    } rows[] = {
        {TJSAMP_420, 64, 48, PIXEL_I420},  {TJSAMP_422, 64, 48, PIXEL_I422},
        {TJSAMP_444, 64, 48, PIXEL_I420},  {TJSAMP_440, 64, 48, PIXEL_I420},
        {TJSAMP_411, 64, 48, PIXEL_I420},  {TJSAMP_GRAY, 64, 48, PIXEL_I420},
        {TJSAMP_420, 63, 47, PIXEL_I420},  {TJSAMP_422, 63, 47, PIXEL_I422},
        {TJSAMP_444, 63, 47, PIXEL_I420},  {TJSAMP_411, 63, 47, PIXEL_I420},
        {TJSAMP_GRAY, 63, 47, PIXEL_I420}, {TJSAMP_440, 63, 47, PIXEL_I420},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct packet *packet = camera_jpeg(rows[i].width, rows[i].height, rows[i].subsampling);
        struct picture *out = NULL;
        assert_int_equal(decode(packet, &out), 0);
        assert_int_equal(out->format, rows[i].expected);
        assert_int_equal(out->size.width, rows[i].width & ~1);
        assert_int_equal(out->size.height, rows[i].height & ~1);
        /* R 128, G 64, B 192 in the middle: Y 98, Cb 181, Cr 149 */
        const bool is_grey = rows[i].subsampling == TJSAMP_GRAY;
        const int chroma_y = rows[i].expected == PIXEL_I422 ? 22 : 11;
        assert_in_range((int)pictures_mean(out, 0, 31, 22, 2), 94, 102);
        assert_in_range((int)pictures_mean(out, 1, 15, chroma_y, 2), is_grey ? 128 : 177,
                        is_grey ? 128 : 185);
        assert_in_range((int)pictures_mean(out, 2, 15, chroma_y, 2), is_grey ? 128 : 143,
                        is_grey ? 128 : 155);
        picture_unref(&out);
        packet_unref(&packet);
    }
}

/* Cut the segments with this marker out. */
static void remove_segments(struct packet *p, uint8_t marker)
{
    size_t i = 2;
    while (i + 4 <= p->size && p->data[i] == 0xff && p->data[i + 1] != 0xda) {
        const size_t size = 2u + bytes_get_u16(p->data + i + 2);
        if (p->data[i + 1] == marker) {
            memmove(p->data + i, p->data + i + size, p->size - i - size);
            p->size -= size;
        } else {
            i += size;
        }
    }
}

static void insert_zeros(struct packet **p, size_t at, size_t n)
{
    struct packet *longer = packet_create((*p)->size + n);
    memcpy(longer->data, (*p)->data, at);
    memset(longer->data + at, 0, n);
    memcpy(longer->data + at + n, (*p)->data + at, (*p)->size - at);
    longer->size = (*p)->size + n;
    packet_unref(p);
    *p = longer;
}

/* libjpeg writes the standard tables, one segment each, in the order of jpeg_huffman_tables. */
static void test_standard_huffman_tables(void **state)
{
    struct packet *p = camera_jpeg(64, 48, TJSAMP_422);
    size_t compared = 4;
    for (size_t i = 2; p->data[i + 1] != 0xda;) {
        const size_t size = bytes_get_u16(p->data + i + 2);
        if (p->data[i + 1] == 0xc4) {
            assert_in_range(compared + size - 2, 1, jpeg_huffman_tables.size);
            assert_memory_equal(p->data + i + 4, jpeg_huffman_tables.data + compared, size - 2);
            compared += size - 2;
        }
        i += 2 + size;
    }
    assert_int_equal(compared, jpeg_huffman_tables.size);
    packet_unref(&p);
}

static void test_what_cameras_do(void **state)
{
    struct picture *out = NULL;
    struct packet *p = camera_jpeg(64, 48, TJSAMP_422);
    const size_t whole = p->size;
    remove_segments(p, 0xc4); /* no Huffman tables */
    assert_true(p->size < whole);
    assert_int_equal(decode(p, &out), 0);
    assert_in_range((int)pictures_mean(out, 0, 31, 22, 2), 94, 102);
    picture_unref(&out);
    insert_zeros(&p, p->size, 100); /* padding behind the end */
    assert_int_equal(decode(p, &out), 0);
    picture_unref(&out);
    insert_zeros(&p, p->size - 102, 3); /* stray bytes before the end marker */
    assert_int_equal(decode(p, &out), 0);
    picture_unref(&out);
    packet_unref(&p);
}

static void test_broken_pictures(void **state)
{
    struct packet *p = camera_jpeg(64, 48, TJSAMP_420);
    const size_t whole = p->size;
    struct picture *out = NULL;
    for (size_t size = 0; size < whole; size += size < whole - 8 ? 7 : 1) {
        p->size = size;
        assert_int_equal(decode(p, &out), -EBADMSG);
        assert_null(out);
    }
    p->size = whole; /* half of the picture is missing, the end marker is there */
    memmove(p->data + whole - 120, p->data + whole - 2, 2);
    p->size = whole - 118;
    assert_int_equal(decode(p, &out), -EBADMSG);
    packet_unref(&p);

    /* stray bytes are forgiven, but not what is missing behind them */
    p = camera_jpeg(64, 48, TJSAMP_420);
    insert_zeros(&p, 2, 3);
    assert_int_equal(decode(p, &out), 0);
    picture_unref(&out);
    p->size -= 60;
    assert_int_equal(decode(p, &out), -EBADMSG);
    packet_unref(&p);

    /* the decoder goes on with the next one */
    void *d = calloc(1, decoder_jpeg.state_size);
    struct option_error error = {0};
    assert_int_equal(decoder_jpeg.open(d, NULL, &error), 0);
    for (int i = 0; i < 6; i++) {
        p = camera_jpeg(i < 4 ? 64 : 80, 48, TJSAMP_420);
        if (i % 2 == 1) {
            p->size /= 2;
        }
        const int result = decoder_jpeg.decode(d, p, NULL, &out, &error);
        assert_int_equal(result, i % 2 == 1 ? -EBADMSG : 0);
        picture_unref(&out);
        packet_unref(&p);
    }
    decoder_jpeg.close(d);
    free(d);
}

static void test_pictures_outlive_the_decoder(void **state)
{
    struct packet *p = camera_jpeg(64, 48, TJSAMP_420);
    struct picture *held[5] = {0};
    void *d = calloc(1, decoder_jpeg.state_size);
    struct option_error error = {0};
    assert_int_equal(decoder_jpeg.open(d, NULL, &error), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(decoder_jpeg.decode(d, p, NULL, &held[i], &error), 0);
    }
    assert_int_equal(decoder_jpeg.decode(d, p, NULL, &held[4], &error), -EAGAIN);
    picture_unref(&held[2]);
    assert_int_equal(decoder_jpeg.decode(d, p, NULL, &held[2], &error), 0);
    decoder_jpeg.close(d);
    free(d);
    for (int i = 0; i < 4; i++) {
        assert_in_range((int)pictures_mean(held[i], 0, 31, 22, 2), 94, 102);
        picture_unref(&held[i]);
    }
    packet_unref(&p);
}

static void test_scale(void **state)
{
    static const struct {
        int width;
        int expected; /* height, or error */
    } rows[] = {
        {320, 180}, {639, 359}, {321, 181}, {100, 56}, {16, 9}, {640, -ERANGE}, {2000, -ERANGE},
    };
    struct picture *original = test_picture_of((struct picture_size){640, 360});
    struct packet *packet = encode(original, 85);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf *out = NULL;
        const int result = jpeg_scale(packet_bytes(packet), rows[i].width, 80, &out);
        assert_int_equal(result, rows[i].expected < 0 ? rows[i].expected : 0);
        if (result < 0) {
            assert_null(out);
            continue;
        }
        tjhandle handle = tjInitDecompress();
        int width = 0;
        int height = 0;
        int subsampling = 0;
        int space = 0;
        assert_int_equal(tjDecompressHeader3(handle, out->data, out->size, &width, &height,
                                             &subsampling, &space),
                         0);
        assert_int_equal(width, rows[i].width);
        assert_int_equal(height, rows[i].expected);
        assert_int_equal(subsampling, TJSAMP_420);
        if (width >= 104) { /* and it is still that picture */
            struct packet *small = packet_create(out->size);
            struct picture *p = NULL;
            int64_t ms = 0;
            memcpy(small->data, out->data, out->size);
            small->size = out->size;
            assert_int_equal(decode(small, &p), 0);
            if (width == 320) {
                assert_int_equal(timecode_read(p->planes[0], p->strides[0], p->size, &ms), 0);
            }
            picture_unref(&p);
            packet_unref(&small);
        }
        tjDestroy(handle);
        buf_unref(&out);
    }
    struct buf *none = NULL;
    packet->size /= 2;
    assert_int_equal(jpeg_scale(packet_bytes(packet), 100, 80, &none), -EBADMSG);
    assert_null(none);
    packet_unref(&packet);
    picture_unref(&original);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_of_each_format),
        cmocka_unit_test(test_every_subsampling),
        cmocka_unit_test(test_standard_huffman_tables),
        cmocka_unit_test(test_what_cameras_do),
        cmocka_unit_test(test_broken_pictures),
        cmocka_unit_test(test_pictures_outlive_the_decoder),
        cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
