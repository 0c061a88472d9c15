/* JPEG segments, and JPEGs cut out of a stream of bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "bitstream/jpeg.h"
#include "source/jpeg_stream.h"

/* clang-format off */
static const uint8_t whole[] = {
    0xff, 0xd8,                                     /* SOI */
    0xff, 0xe1, 0, 8, 0xff, 0xd8, 0xff, 0xd9, 1, 2, /* APP1 with a picture's markers inside */
    0xff, 0xc0, 0, 11, 8, 0, 48, 1, 64, 1, 1, 0x11, 0, /* SOF0: 320 x 48 */
    0xff, 0xff, 0xc4, 0, 3, 0,                      /* a fill byte, DHT */
    0xff, 0xda, 0, 3, 0,                            /* SOS */
    1, 2, 0xff, 0, 3, 0xff, 0xd0, 4,                /* data with a stuffed FF and RST0 */
    0xff, 0xd9,                                     /* EOI */
};
/* clang-format on */

static void test_segments(void **state)
{
    struct jpeg_segments s;
    assert_int_equal(jpeg_find_segments(bytes_of(whole, sizeof(whole)), &s), 0);
    assert_int_equal(s.size.width, 320);
    assert_int_equal(s.size.height, 48);
    assert_int_equal(s.end, sizeof(whole));
    assert_true(s.has_huffman_tables);
    assert_int_equal(whole[s.scan_start], 0xff);
    assert_int_equal(whole[s.scan_start + 1], 0xda);
    for (size_t size = 0; size < sizeof(whole); size++) {
        assert_int_equal(jpeg_find_segments(bytes_of(whole, size), &s), -EAGAIN);
    }
}

static void test_nonsense(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t size;
        int expected;
    } rows[] = {
        {{0, 0}, 2, -EBADMSG},
        {{0xff, 0xd9}, 2, -EBADMSG},
        {{0xff, 0xd8, 0xff, 0xd9}, 4, -EBADMSG}, /* no scan */
        {{0xff, 0xd8, 0xff, 0xe0, 0, 1, 0, 0},
         8,
         -EBADMSG}, /* a length that does not count itself */
        {{0xff, 0xd8, 0xff, 0xe0, 0, 9}, 6, -EAGAIN},
        {{0xff, 0xd8, 0xff}, 3, -EAGAIN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct jpeg_segments s;
        assert_int_equal(jpeg_find_segments(bytes_of(rows[i].bytes, rows[i].size), &s),
                         rows[i].expected);
    }
}

static void test_stream_in_any_cut(void **state)
{
    for (size_t cut = 1; cut < 40; cut++) {
        struct jpeg_stream s = {0};
        uint8_t bytes[3 * (sizeof(whole) + 5)];
        for (size_t i = 0; i < 3; i++) { /* with garbage before each */
            memcpy(bytes + i * (sizeof(whole) + 5), "\xff\x00x\xff\xff", 5);
            memcpy(bytes + i * (sizeof(whole) + 5) + 5, whole, sizeof(whole));
        }
        int n = 0;
        for (size_t i = 0; i < sizeof(bytes); i += cut) {
            const size_t size = sizeof(bytes) - i < cut ? sizeof(bytes) - i : cut;
            assert_int_equal(jpeg_stream_push(&s, bytes_of(bytes + i, size)), 0);
            struct packet *p = NULL;
            struct picture_size picture;
            while (jpeg_stream_pull(&s, &p, &picture) == 0) {
                assert_true(bytes_equal(packet_bytes(p), bytes_of(whole, sizeof(whole))));
                assert_int_equal(picture.width, 320);
                packet_unref(&p);
                n++;
            }
        }
        assert_int_equal(n, 3);
        jpeg_stream_finish(&s);
    }
}

/* What a UVC camera leaves out is put in before the scan. */
static void test_huffman_tables(void **state)
{
    uint8_t without[sizeof(whole)];
    const size_t at = 25; /* the fill byte of the DHT */
    memcpy(without, whole, at);
    memcpy(without + at, whole + at + 6, sizeof(whole) - at - 6);
    const size_t size = sizeof(whole) - 6;
    struct packet *p = NULL;
    struct picture_size picture;
    assert_int_equal(jpeg_stream_packet(bytes_of(without, size), &p, &picture), 0);
    assert_int_equal(p->size, size + 420);
    assert_memory_equal(p->data, without, at);
    assert_memory_equal(p->data + at, jpeg_huffman_tables.data, 420);
    assert_memory_equal(p->data + at + 420, without + at, size - at);
    struct jpeg_segments s;
    assert_int_equal(jpeg_find_segments(packet_bytes(p), &s), 0);
    assert_true(s.has_huffman_tables);
    packet_unref(&p);
    assert_int_equal(jpeg_stream_packet(bytes_of(without, size - 1), &p, &picture), -EBADMSG);
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_stream_in_any_cut),
        cmocka_unit_test(test_huffman_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
