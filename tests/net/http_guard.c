#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

#include "net/http_guard.h"

static const char *const hosts[] = {"Cam.Example.org", "*.lab.example", NULL};
static const char *const origins[] = {"https://page.example", "http://other.example:81/", NULL};
static const char hosts_file[] = "127.0.0.1\tlocalhost\n"
                                 "127.0.1.1 rover.example.net rover-alias # not.this\n"
                                 "# 127.0.0.1 nor.that\n"
                                 "192.168.1.9 someone.else\n"
                                 "::1 ip6-localhost";

static void setup(struct http_guard *g)
{
    *g = (struct http_guard){0};
    assert_int_equal(http_guard_set(g, hosts, origins), 0);
    assert_int_equal(http_guard_set_own_names(g, "Rover.example.com", hosts_file), 0);
}

static void test_hosts(void **state)
{
    static const struct {
        const char *host;
        int expected;
    } cases[] = {
        {"127.0.0.1", 0},
        {"127.0.0.1:8080", 0},
        {"192.168.1.7:80", 0},
        {"[::1]", 0},
        {"[::1]:8080", 0},
        {"[fe80::1]:8080", 0},
        {"localhost", 0},
        {"LOCALHOST.:1", 0},
        {"rover.local", 0},
        {"a.b.LOCAL:8080", 0},
        {"rover", 0},
        {"rover.example.com", 0},
        {"rover.example.net:8080", 0},
        {"rover-alias", 0},
        {"ip6-localhost", 0},
        {"cam.example.org", 0},
        {"CAM.example.org.:443", 0},
        {"x.lab.example", 0},
        {"lab.example", -EPERM},
        {"xlab.example", -EPERM},
        {"evil.example", -EPERM},
        {"cam.example.org.evil.example", -EPERM},
        {"xcam.example.org", -EPERM},
        {"someone.else", -EPERM},
        {"not.this", -EPERM},
        {"nor.that", -EPERM},
        {"local", -EPERM},
        {".local", -EPERM},
        {"localhost.evil.example", -EPERM},
        {"127.1", -EPERM},
        {"2130706433", -EPERM},
        {"0x7f.0.0.1", -EPERM},
        {"127.0.0.1.evil.example", -EPERM},
        {"::1", -EBADMSG},
        {"[::1", -EBADMSG},
        {"[::1]x", -EBADMSG},
        {"[127.0.0.1]", -EBADMSG},
        {"[localhost]", -EBADMSG},
        {"", -EBADMSG},
        {":80", -EBADMSG},
        {"localhost:8x", -EBADMSG},
        {"localhost:123456", -EBADMSG},
        {"localhost:80:80", -EBADMSG},
        {"user@localhost", -EBADMSG},
        {"localhost/", -EBADMSG},
        {"localhost, localhost", -EBADMSG},
        {"local host", -EBADMSG},
    };
    struct http_guard g;
    setup(&g);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int rc = http_guard_check_host(&g, cases[i].host);
        if (rc != cases[i].expected) {
            fail_msg("%s: %d", cases[i].host, rc);
        }
    }
    http_guard_finish(&g);
}

static void test_origins(void **state)
{
    static const struct {
        const char *scheme;
        const char *host;
        const char *origin;
        enum http_guard_origin expected;
    } cases[] = {
        {"http", "localhost:8080", NULL, HTTP_GUARD_NONE},
        {"http", "localhost:8080", "http://localhost:8080", HTTP_GUARD_SAME},
        {"http", "LocalHost:8080", "HTTP://localhost:8080", HTTP_GUARD_SAME},
        {"http", "localhost", "http://localhost", HTTP_GUARD_SAME},
        {"http", "localhost:80", "http://localhost", HTTP_GUARD_SAME},
        {"https", "localhost:443", "https://localhost", HTTP_GUARD_SAME},
        {"http", "localhost:443", "http://localhost", HTTP_GUARD_FOREIGN},
        {"http", "localhost:8080", "http://localhost", HTTP_GUARD_FOREIGN},
        {"http", "localhost:8080", "https://localhost:8080", HTTP_GUARD_FOREIGN},
        {"https", "localhost:8080", "http://localhost:8080", HTTP_GUARD_FOREIGN},
        {"http", "localhost:8080", "http://127.0.0.1:8080", HTTP_GUARD_FOREIGN},
        {"http", "localhost:8080", "http://evil.example", HTTP_GUARD_FOREIGN},
        {"http", "localhost:8080", "null", HTTP_GUARD_FOREIGN},
        {"http", "localhost:8080", "", HTTP_GUARD_FOREIGN},
        {"http", "localhost:8080", "http://", HTTP_GUARD_FOREIGN},
        {"http", NULL, "http://localhost:8080", HTTP_GUARD_FOREIGN},
        {"http", "localhost:8080", "https://page.example", HTTP_GUARD_LISTED},
        {"http", "localhost:8080", "http://page.example", HTTP_GUARD_FOREIGN},
        {"http", "localhost:8080", "http://other.example:81", HTTP_GUARD_LISTED},
        {"http", "localhost:8080", "https://page.example.evil.example", HTTP_GUARD_FOREIGN},
        {"http", ":80", "http://", HTTP_GUARD_FOREIGN},
    };
    struct http_guard g;
    setup(&g);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (http_guard_check_origin(&g, cases[i].scheme, cases[i].host, cases[i].origin) !=
            cases[i].expected) {
            fail_msg("row %zu: %s from %s", i, cases[i].host, cases[i].origin);
        }
    }
    http_guard_finish(&g);
}

static void test_scheme_behind_a_proxy(void **state)
{
    static const struct {
        const char *scheme;
        const char *forwarded;
        const char *expected;
    } cases[] = {
        {"http", NULL, "http"},
        {"http", "https", "https"},
        {"http", "HTTPS", "https"},
        {"http", "https, http", "https"},
        {"http", "https,http", "https"},
        {"http", "http, https", "http"},
        {"http", "http", "http"},
        {"http", "", "http"},
        {"http", "httpsx", "http"},
        {"http", "xhttps", "http"},
        {"http", "wss", "http"},
        {"https", NULL, "https"},
        {"https", "http", "https"}, /* nobody takes TLS on */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(http_guard_scheme(cases[i].scheme, cases[i].forwarded),
                            cases[i].expected);
    }
}

static void test_reload_and_system(void **state)
{
    struct http_guard g = {0};
    assert_int_equal(http_guard_set(&g, NULL, NULL), 0);
    assert_int_equal(http_guard_find_own_names(&g), 0);
    assert_int_equal(http_guard_check_host(&g, "cam.example.org"), -EPERM);
    assert_int_equal(http_guard_set(&g, hosts, NULL), 0);
    assert_int_equal(http_guard_check_host(&g, "cam.example.org"), 0);
    assert_int_equal(http_guard_set(&g, NULL, NULL), 0);
    assert_int_equal(http_guard_check_host(&g, "cam.example.org"), -EPERM);
    http_guard_finish(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_scheme_behind_a_proxy),
        cmocka_unit_test(test_reload_and_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
