#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/sap.h"

static struct endpoint ip(const char *text)
{
    struct endpoint e;
    assert_int_equal(endpoint_parse_ip(bytes_of_text(text), &e), 0);
    return e;
}

/* RFC 2974 §3 */
static void test_groups(void **state)
{
    static const struct {
        const char *session;
        const char *expected;
    } rows[] = {
        {"239.255.1.2", "239.255.255.255"}, {"239.192.0.1", "239.195.255.255"},
        {"239.195.0.1", "239.195.255.255"}, {"239.196.0.1", "224.2.127.254"},
        {"224.0.0.7", "224.0.0.255"},       {"224.0.1.7", "224.2.127.254"},
        {"232.1.2.3", "224.2.127.254"},     {"ff15::7", "ff05::2:7ffe"},
        {"ff0e::1", "ff0e::2:7ffe"},        {"ff32::8000:1", "ff02::2:7ffe"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct endpoint session = ip(rows[i].session);
        struct endpoint group;
        char text[ENDPOINT_IP_TEXT_SIZE];
        sap_find_group(&session, &group);
        assert_string_equal(endpoint_format_ip(&group, text), rows[i].expected);
        assert_int_equal(group.port, 9875);
    }
}

static size_t write(uint8_t *out, bool is_deletion, const char *origin, const char *sdp)
{
    const struct endpoint from = ip(origin);
    struct byte_writer w;
    byte_writer_init(&w, out, SAP_SIZE_MAX);
    sap_write(&w, is_deletion, &from, bytes_of_text(sdp));
    assert_false(w.error);
    return byte_writer_size(&w);
}

/* RFC 2974 §6 */
static void test_packet(void **state)
{
    uint8_t out[SAP_SIZE_MAX];
    size_t size = write(out, false, "192.0.2.1", "v=0\r\n");
    assert_int_equal(size, 4 + 4 + 16 + 5);
    assert_int_equal(out[0], 0x20);
    assert_int_equal(out[1], 0);
    assert_memory_equal(out + 4, "\xc0\0\x02\x01", 4);
    assert_memory_equal(out + 8, "application/sdp\0v=0\r\n", 21);
    const uint16_t hash = bytes_get_u16(out + 2);
    assert_int_not_equal(hash, 0);

    write(out, true, "192.0.2.1", "v=0\r\n");
    assert_int_equal(out[0], 0x24);
    assert_int_equal(bytes_get_u16(out + 2), hash);

    size = write(out, false, "2001:db8::1", "v=0\r\ns=x\r\n");
    assert_int_equal(size, 4 + 16 + 16 + 10);
    assert_int_equal(out[0], 0x30);
    assert_int_not_equal(bytes_get_u16(out + 2), hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
