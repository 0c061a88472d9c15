#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

#include "net/address.h"

static void test_text_to_address_and_back(void **state)
{
    static const struct {
        const char *text;
        const char *expected; /* NULL: refused */
        bool is_loopback;
        bool is_any;
        bool is_multicast;
    } cases[] = {
        {"127.0.0.1:8080", "127.0.0.1:8080", .is_loopback = true},
        {"127.9.9.9:0", "127.9.9.9:0", .is_loopback = true},
        {"[::1]:65535", "[::1]:65535", .is_loopback = true},
        {"0.0.0.0:80", "0.0.0.0:80", .is_any = true},
        {"[::]:80", "[::]:80", .is_any = true},
        {"239.0.0.1:5000", "239.0.0.1:5000", .is_multicast = true},
        {"[ff15::7]:5000", "[ff15::7]:5000", .is_multicast = true},
        {"[2001:DB8::0:1]:1", "[2001:db8::1]:1"},
        {"[::ffff:127.0.0.1]:5", "127.0.0.1:5", .is_loopback = true},
        {"192.168.1.2:00080", "192.168.1.2:80"},
        {"127.0.0.1", NULL},
        {"127.0.0.1:", NULL},
        {"127.0.0.1:65536", NULL},
        {"127.0.0.1:-1", NULL},
        {"127.0.0.1: 1", NULL},
        {"::1", NULL},
        {"::1:80", NULL},
        {"[127.0.0.1]:80", NULL},
        {"[::1]", NULL},
        {"[::1:80", NULL},
        {"localhost:80", NULL},
        {":80", NULL},
        {"", NULL},
        {"127.1:80", NULL},
        {"[1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234]:80", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address a;
        char text[ADDRESS_TEXT_SIZE];
        assert_int_equal(address_parse(&a, cases[i].text), cases[i].expected ? 0 : -EINVAL);
        if (cases[i].expected) {
            address_format(&a.sa, text, sizeof(text));
            assert_string_equal(text, cases[i].expected);
            assert_int_equal(address_is_loopback(&a), cases[i].is_loopback);
            assert_int_equal(address_is_any(&a), cases[i].is_any);
            assert_int_equal(address_is_multicast(&a), cases[i].is_multicast);
        }
    }
}

static void test_comparison(void **state)
{
    struct address a, b;
    assert_int_equal(address_parse(&a, "10.0.0.1:5"), 0);
    assert_int_equal(address_parse_ip(&b, "::ffff:10.0.0.1", 6), 0);
    assert_true(address_equal_ip(&a, &b));
    assert_false(address_equal(&a, &b));
    address_set_port(&b, 5);
    assert_true(address_equal(&a, &b));
    assert_int_equal(address_hash(&a, 7), address_hash(&b, 7));
    assert_int_not_equal(address_hash(&a, 7), address_hash(&a, 8));
    assert_int_equal(address_parse_ip(&b, "[::1]", 5), 0);
    assert_false(address_equal_ip(&a, &b));
}

static void test_interfaces_have_loopback_last(void **state)
{
    struct address found[64];
    const int n = address_interfaces(found, 64);
    assert_true(n > 0);
    assert_true(address_is_loopback(&found[n - 1]));
    assert_int_equal(address_port(&found[0]), 0);
    assert_int_equal(address_interfaces(found, 0), 0);
}

static void test_other_families_are_refused(void **state)
{
    const struct sockaddr sa = {.sa_family = AF_UNIX};
    struct address a;
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(address_set(&a, &sa), -EAFNOSUPPORT);
    address_format(&sa, text, sizeof(text));
    assert_string_equal(text, "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_to_address_and_back),
        cmocka_unit_test(test_comparison),
        cmocka_unit_test(test_interfaces_have_loopback_last),
        cmocka_unit_test(test_other_families_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
