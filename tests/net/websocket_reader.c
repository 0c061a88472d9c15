#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "net/websocket_reader.h"

/* FIN and opcode, mask bit and length, a mask of zeros: the payload shows. */
#define MASK    "\0\0\0\0"
#define TEXT_AB "\x81\x82" MASK "ab"
#define BYTES(s)                                                                                   \
    {                                                                                              \
        (const uint8_t *)(s), sizeof(s) - 1                                                        \
    }

static const struct {
    struct bytes in;
    /* One letter per event: T text, B binary, i ping, o pong, C close, E error; . the end. */
    const char *events;
    const char *payloads; /* all joined */
    uint16_t code;
} cases[] = {
    {BYTES(TEXT_AB), "T.", "ab", 0},
    {BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "T.", "Hello", 0}, /* RFC 6455 §5.7 */
    {BYTES("\x81\x80" MASK), "T.", "", 0},
    {BYTES("\x82\x81" MASK "x"), "B.", "x", 0},
    {BYTES(TEXT_AB TEXT_AB), "TT.", "abab", 0},
    {BYTES("\x01\x81" MASK "a\x00\x81" MASK "b\x80\x81" MASK "c"), "T.", "abc", 0},
    {BYTES("\x01\x81" MASK "a\x89\x81" MASK "p\x80\x81" MASK "b"), "iT.", "pab",
     0}, /* ping between */
    {BYTES("\x01\x81" MASK "\xc3\x80\x81" MASK "\xa4"), "T.", "\xc3\xa4",
     0}, /* cut in a character */
    {BYTES("\x01\x80" MASK "\x80\x80" MASK), "T.", "", 0},
    {BYTES("\x8a\x80" MASK), "o.", "", 0},
    {BYTES("\x88\x80" MASK), "C.", "", 1005},
    {BYTES("\x88\x82" MASK "\x03\xe8"), "C.", "", 1000},
    {BYTES("\x88\x85" MASK "\x0f\xa0"
           "bye"),
     "C.", "bye", 4000},

    {BYTES("\x81\x02"
           "ab"),
     "E.", "", 1002},                              /* not masked */
    {BYTES("\xc1\x82" MASK "ab"), "E.", "", 1002}, /* a reserved bit */
    {BYTES("\x83\x82" MASK "ab"), "E.", "", 1002}, /* a reserved opcode */
    {BYTES("\x8b\x82" MASK "ab"), "E.", "", 1002},
    {BYTES("\x80\x82" MASK "ab"), "E.", "", 1002},                 /* continues nothing */
    {BYTES("\x01\x81" MASK "a\x81\x81" MASK "b"), "E.", "", 1002}, /* begins within a message */
    {BYTES("\x09\x80" MASK), "E.", "", 1002},                      /* a ping in fragments */
    {BYTES("\x89\xfe\x00\x7e" MASK), "E.", "", 1002},              /* a long ping */
    {BYTES("\x81\xfe\x00\x02" MASK "ab"), "E.", "", 1002},         /* a length in too many bytes */
    {BYTES("\x81\xff\x00\x00\x00\x00\x00\x00\x00\x02" MASK "ab"), "E.", "", 1002},
    {BYTES("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00" MASK "ab"), "E.", "", 1002},
    {BYTES("\x81\x81" MASK "\xff"), "E.", "", 1007},
    {BYTES("\x81\xff\x00\x00\x00\x00\x00\x01\x00\x01" MASK "a"), "E.", "", 1009},
    {BYTES("\x88\x81" MASK "\x03"), "E.", "", 1002},
    {BYTES("\x88\x82" MASK "\x03\xed"), "E.", "", 1002}, /* 1005 is never sent */
    {BYTES("\x88\x82" MASK "\x00\x00"), "E.", "", 1002},
    {BYTES("\x88\x83" MASK "\x03\xe8\xff"), "E.", "", 1007},
};

static void check(size_t row, size_t cut)
{
    static const char letters[] = {'.', 'T', 'B', 'i', 'o', 'C', 'E'};
    struct websocket_reader r;
    char events[16] = "", payloads[64] = "";
    size_t n_events = 0, n_payloads = 0;
    uint16_t code = 0;
    const struct bytes in = cases[row].in;
    websocket_reader_init(&r);
    for (size_t pos = 0; pos < in.size; pos += cut) {
        const size_t left = in.size - pos;
        const size_t size = left < cut ? left : cut;
        uint8_t *copy = malloc(size); /* so that ASan sees a reader that keeps it */
        struct websocket_message m;
        enum websocket_reader_event e;
        memcpy(copy, in.data + pos, size);
        websocket_reader_feed(&r, bytes_of(copy, size));
        while ((e = websocket_reader_next(&r, &m)) != WEBSOCKET_READER_MORE) {
            events[n_events++] = letters[e];
            code = e >= WEBSOCKET_READER_CLOSE ? m.code : code;
            if (m.payload.size > 0) {
                memcpy(payloads + n_payloads, m.payload.data, m.payload.size);
                n_payloads += m.payload.size;
            }
        }
        free(copy);
    }
    events[n_events] = '.';
    if (strcmp(events, cases[row].events) != 0 || code != cases[row].code) {
        fail_msg("row %zu cut at %zu: %s %u", row, cut, events, code);
    }
    assert_int_equal(n_payloads, strlen(cases[row].payloads));
    assert_memory_equal(payloads, cases[row].payloads, n_payloads);
    if (events[0] != 'E') {
        assert_null(r.frames); /* nothing is held between frames */
    }
    websocket_reader_finish(&r);
}

static void test_frames_cut_anywhere(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t cut = 1; cut <= cases[i].in.size; cut++) {
            check(i, cut);
        }
    }
}

/* Fragments of size bytes, until one is refused; gives how many bytes were taken. */
static size_t feed_fragments(struct websocket_reader *r, size_t size, struct websocket_message *m)
{
    size_t total = 0;
    uint8_t *frame = calloc(1, 8 + size);
    for (frame[0] = 0x01;; frame[0] = 0x00) {
        frame[1] = 0x80 | 126;
        bytes_put_u16(frame + 2, (uint16_t)size);
        websocket_reader_feed(r, bytes_of(frame, 8 + size));
        if (websocket_reader_next(r, m) != WEBSOCKET_READER_MORE) {
            break;
        }
        total += size;
    }
    free(frame);
    return total;
}

static void test_messages_are_bounded(void **state)
{
    struct websocket_reader r;
    struct websocket_message m;
    websocket_reader_init(&r);
    assert_int_equal(feed_fragments(&r, 8192, &m), WEBSOCKET_MESSAGE_SIZE_MAX);
    assert_int_equal(m.code, 1009);
    websocket_reader_finish(&r);
}

static void test_largest_message(void **state)
{
    static uint8_t frame[14 + WEBSOCKET_MESSAGE_SIZE_MAX] = {0x82, 0xff, 0, 0, 0, 0, 0, 1};
    struct websocket_reader r;
    struct websocket_message m;
    memset(frame + 14, 'x', WEBSOCKET_MESSAGE_SIZE_MAX);
    websocket_reader_init(&r);
    websocket_reader_feed(&r, bytes_of(frame, sizeof(frame)));
    assert_int_equal(websocket_reader_next(&r, &m), WEBSOCKET_READER_BINARY);
    assert_int_equal(m.payload.size, WEBSOCKET_MESSAGE_SIZE_MAX);
    assert_memory_equal(m.payload.data, frame + 14, WEBSOCKET_MESSAGE_SIZE_MAX);
    assert_int_equal(websocket_reader_next(&r, &m), WEBSOCKET_READER_MORE);
    assert_null(r.message);
    websocket_reader_finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_cut_anywhere),
        cmocka_unit_test(test_messages_are_bounded),
        cmocka_unit_test(test_largest_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
