#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/demux.h"
#include "proto/endpoint.h"

static void test_ip_texts(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"2001:db8::1", "2001:db8::1"},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        {"", NULL},
        {"example.org", NULL},
        {"1234abcd-0000-4000-8000-0123456789ab.local", NULL},
        {"192.0.2.256", NULL},
        {"192.0.2.1 ", NULL},
        {"[::1]", NULL},
        {"0000000000000000000000000000000000000000000000001", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct endpoint e = {.version = 9};
        char out[ENDPOINT_IP_TEXT_SIZE];
        if (!rows[i].expected) {
            assert_int_equal(endpoint_parse_ip(bytes_of_text(rows[i].text), &e), -EINVAL);
            assert_int_equal(e.version, 9);
            continue;
        }
        assert_int_equal(endpoint_parse_ip(bytes_of_text(rows[i].text), &e), 0);
        assert_string_equal(endpoint_format_ip(&e, out), rows[i].expected);
    }
    struct endpoint e;
    assert_int_equal(endpoint_parse_ip(bytes_of("1.2.3.4\0x", 9), &e), -EINVAL);
}

static void test_sockaddr_round_trip(void **state)
{
    static const char *texts[] = {"192.0.2.1", "2001:db8::1"};
    for (size_t i = 0; i < 2; i++) {
        struct endpoint e, back;
        struct sockaddr_storage address;
        assert_int_equal(endpoint_parse_ip(bytes_of_text(texts[i]), &e), 0);
        e.port = 40000;
        endpoint_to_sockaddr(&e, &address);
        assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&address, &back), 0);
        assert_true(endpoint_equal(&e, &back));
        back.port++;
        assert_false(endpoint_equal(&e, &back));
    }
    struct sockaddr unix_address = {.sa_family = AF_UNIX};
    struct endpoint e;
    assert_int_equal(endpoint_from_sockaddr(&unix_address, &e), -EAFNOSUPPORT);
}

static void test_v4_mapped_becomes_v4(void **state)
{
    struct endpoint e, v4;
    struct sockaddr_storage address;
    assert_int_equal(endpoint_parse_ip(bytes_of_text("::ffff:192.0.2.1"), &e), 0);
    e.port = 7;
    endpoint_to_sockaddr(&e, &address);
    assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&address, &e), 0);
    assert_int_equal(endpoint_parse_ip(bytes_of_text("192.0.2.1"), &v4), 0);
    v4.port = 7;
    assert_true(endpoint_equal(&e, &v4));
}

static void test_demux(void **state)
{
    static const struct {
        uint8_t in[2];
        size_t size;
        enum demux expected;
    } rows[] = {
        {{0, 1}, 2, DEMUX_STUN},      {{3, 0}, 2, DEMUX_STUN},     {{4, 0}, 2, DEMUX_OTHER},
        {{19, 0}, 2, DEMUX_OTHER},    {{20, 0xfe}, 2, DEMUX_DTLS}, {{63, 0}, 2, DEMUX_DTLS},
        {{64, 0}, 2, DEMUX_OTHER},    {{127, 0}, 2, DEMUX_OTHER},  {{128, 96}, 2, DEMUX_RTP},
        {{191, 191}, 2, DEMUX_RTP},   {{128, 192}, 2, DEMUX_RTCP}, {{128, 200}, 2, DEMUX_RTCP},
        {{144, 223}, 2, DEMUX_RTCP},  {{144, 224}, 2, DEMUX_RTP},  {{192, 0}, 2, DEMUX_OTHER},
        {{128, 200}, 1, DEMUX_OTHER}, {{0, 0}, 0, DEMUX_OTHER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(demux_datagram(bytes_of(rows[i].in, rows[i].size)), rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ip_texts),
        cmocka_unit_test(test_sockaddr_round_trip),
        cmocka_unit_test(test_v4_mapped_becomes_v4),
        cmocka_unit_test(test_demux),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
