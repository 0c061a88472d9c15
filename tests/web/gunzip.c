#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "web/gunzip.h"

/* ten bytes of header: magic, deflate, no flags, no time, best, unknown system */
#define HEADER  0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255
#define TRAILER 0, 0, 0, 0, 0, 0, 0, 0

static void test_blocks(void **state)
{
    const struct {
        const char *name;
        struct bytes in;
        const char *expected; /* NULL: -EBADMSG */
        size_t size;
    } rows[] = {
        {"stored",
         bytes_of(((const uint8_t[]){HEADER, 1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c', TRAILER}), 26),
         "abc", 3},
        {"stored, wrong complement",
         bytes_of(((const uint8_t[]){HEADER, 1, 3, 0, 0xfc, 0xfe, 'a', 'b', 'c', TRAILER}), 26),
         NULL, 3},
        /* fixed codes: literals a, b, c, end of block */
        {"fixed", bytes_of(((const uint8_t[]){HEADER, 0x4b, 0x4c, 0x4a, 0x06, 0x00, TRAILER}), 23),
         "abc", 3},
        /* fixed codes: literal a, match of 9 at distance 1 */
        {"match", bytes_of(((const uint8_t[]){HEADER, 0x4b, 0x84, 0x03, 0x00, TRAILER}), 22),
         "aaaaaaaaaa", 10},
        {"match before the start",
         bytes_of(((const uint8_t[]){HEADER, 0x83, 0x03, 0x00, TRAILER}), 21), NULL, 9},
        {"more than asked for",
         bytes_of(((const uint8_t[]){HEADER, 0x4b, 0x84, 0x03, 0x00, TRAILER}), 22), NULL, 9},
        {"less than asked for",
         bytes_of(((const uint8_t[]){HEADER, 0x4b, 0x84, 0x03, 0x00, TRAILER}), 22), NULL, 11},
        {"reserved block type", bytes_of(((const uint8_t[]){HEADER, 0x07, TRAILER}), 19), NULL, 0},
        {"ends too soon", bytes_of(((const uint8_t[]){HEADER, 0x4b, TRAILER}), 19), NULL, 3},
        {"empty block", bytes_of(((const uint8_t[]){HEADER, 0x03, 0x00, TRAILER}), 20), "", 0},
        {"flags",
         bytes_of(((const uint8_t[]){0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 2, 255, 3, 0, TRAILER}), 20),
         NULL, 0},
        {"nothing", bytes_of(NULL, 0), NULL, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint8_t out[16] = {0};
        const int error = gunzip(rows[i].in, out, rows[i].size);
        print_message("%s\n", rows[i].name);
        assert_int_equal(error, rows[i].expected ? 0 : -EBADMSG);
        if (rows[i].expected) {
            assert_memory_equal(out, rows[i].expected, rows[i].size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks), /* dynamic codes: assets.c unpacks every file of the page */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
