#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/websocket.h"

static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";

static const struct {
    const char *name;
    const char *upgrade, *connection, *version, *key;
    bool is_post, is_http_1_0;
    int expected;
} handshakes[] = {
    {"as in the RFC", "websocket", "Upgrade", "13", KEY},
    {"any case, lists", "foo, WebSocket", "keep-alive ,\tuPGRADE ", "13", KEY},
    {"POST", "websocket", "Upgrade", "13", KEY, .is_post = true, .expected = -EBADMSG},
    {"HTTP/1.0", "websocket", "Upgrade", "13", KEY, .is_http_1_0 = true, .expected = -EBADMSG},
    {"no upgrade", "", "Upgrade", "13", KEY, .expected = -EBADMSG},
    {"part of a token", "websocket2", "Upgrade", "13", KEY, .expected = -EBADMSG},
    {"no connection", "websocket", "keep-alive", "13", KEY, .expected = -EBADMSG},
    {"old version", "websocket", "Upgrade", "8", KEY, .expected = -ENOTSUP},
    {"no version", "websocket", "Upgrade", "", KEY, .expected = -EBADMSG},
    {"no key", "websocket", "Upgrade", "13", "", .expected = -EBADMSG},
    {"key of 15 bytes", "websocket", "Upgrade", "13", "dGhlIHNhbXBsZSBub25j", .expected = -EBADMSG},
    {"key of 17 bytes", "websocket", "Upgrade", "13",
     "dGhlIHNhbXBsZSBub25jZWE=", .expected = -EBADMSG},
    {"key not base64", "websocket", "Upgrade", "13",
     "dGhlIHNhbXBs*SBub25jZQ==", .expected = -EBADMSG},
};

static void test_handshakes(void **state)
{
    for (size_t i = 0; i < sizeof(handshakes) / sizeof(handshakes[0]); i++) {
        const struct websocket_request r = {
            .is_get = !handshakes[i].is_post,
            .is_http_1_1 = !handshakes[i].is_http_1_0,
            .upgrade = bytes_of_text(handshakes[i].upgrade),
            .connection = bytes_of_text(handshakes[i].connection),
            .version = bytes_of_text(handshakes[i].version),
            .key = bytes_of_text(handshakes[i].key),
        };
        char accept[WEBSOCKET_ACCEPT_SIZE] = "";
        const int result = websocket_accept(&r, accept);
        if (result != handshakes[i].expected) {
            fail_msg("%s: %d", handshakes[i].name, result);
        }
        /* RFC 6455 §1.3 */
        assert_string_equal(accept, result == 0 ? "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" : "");
    }
}

static void test_frame_headers(void **state)
{
    static const struct {
        uint64_t payload_size;
        size_t size;
        uint8_t header[WEBSOCKET_HEADER_SIZE_MAX];
    } rows[] = {
        {0, 2, {0x82, 0}},
        {125, 2, {0x82, 125}},
        {126, 4, {0x82, 126, 0, 126}},
        {256, 4, {0x82, 126, 1, 0}}, /* RFC 6455 §5.7 */
        {65535, 4, {0x82, 126, 0xff, 0xff}},
        {65536, 10, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}}, /* RFC 6455 §5.7 */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t out[WEBSOCKET_HEADER_SIZE_MAX];
        assert_int_equal(websocket_write_header(WEBSOCKET_BINARY, rows[i].payload_size, out),
                         rows[i].size);
        assert_memory_equal(out, rows[i].header, rows[i].size);
    }
    uint8_t out[WEBSOCKET_HEADER_SIZE_MAX];
    assert_int_equal(websocket_write_header(WEBSOCKET_TEXT, 5, out), 2);
    assert_int_equal(out[0], 0x81);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshakes),
        cmocka_unit_test(test_frame_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
