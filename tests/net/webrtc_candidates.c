/* Which addresses an answer advertises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "net/webrtc_candidates.h"

enum { MAX = 4, TEXT = 64 };

static struct endpoint endpoint_of(const char *text)
{
    struct address a;
    struct endpoint e;
    assert_true(address_parse(&a, text) == 0 || address_parse_ip(&a, text, 0) == 0);
    assert_int_equal(endpoint_from_sockaddr(&a.sa, &e), 0);
    return e;
}

static unsigned read_endpoints(const char *const *texts, struct endpoint *out)
{
    unsigned n = 0;
    while (n < MAX && texts[n]) {
        out[n] = endpoint_of(texts[n]);
        n++;
    }
    return n;
}

static const struct {
    const char *name;
    const char *advertised[MAX];
    const char *sockets[MAX];
    const char *interfaces[MAX];
    const char *inside[MAX];
    const char *reached;
    const char *expected[MAX];
} cases[] = {
    {.name = "loopback only",
     .sockets = {"127.0.0.1:8189", "[::1]:8189"},
     .interfaces = {"192.0.2.7", "127.0.0.1", "::1"},
     .reached = "127.0.0.1",
     .expected = {"127.0.0.1:8189", "[::1]:8189"}},
    {.name = "loopback only, unknown viewer",
     .sockets = {"127.0.0.1:8189"},
     .interfaces = {"192.0.2.7", "127.0.0.1"},
     .expected = {"127.0.0.1:8189"}},
    {.name = "loopback only, and inside",
     .sockets = {"127.0.0.1:8189", "[::1]:8189"},
     .interfaces = {"192.0.2.7", "127.0.0.1", "::1"},
     .inside = {"192.0.2.7:8189"},
     .reached = "127.0.0.1",
     .expected = {"127.0.0.1:8189", "[::1]:8189", "192.0.2.7:8189"}},
    {.name = "all of IPv4, from the network",
     .sockets = {"0.0.0.0:8189"},
     .interfaces = {"192.0.2.7", "198.51.100.3", "2001:db8::1", "127.0.0.1"},
     .reached = "198.51.100.3",
     .expected = {"198.51.100.3:8189", "192.0.2.7:8189"}},
    {.name = "all of IPv4, from this machine",
     .sockets = {"0.0.0.0:8189"},
     .interfaces = {"192.0.2.7", "127.0.0.1"},
     .reached = "127.0.0.1",
     .expected = {"127.0.0.1:8189", "192.0.2.7:8189"}},
    {.name = "both families, ports of their own",
     .sockets = {"0.0.0.0:1", "[::]:2"},
     .interfaces = {"192.0.2.7", "2001:db8::1"},
     .expected = {"192.0.2.7:1", "[2001:db8::1]:2"}},
    {.name = "one address",
     .sockets = {"192.0.2.7:8189"},
     .interfaces = {"192.0.2.7", "198.51.100.3"},
     .reached = "198.51.100.3",
     .expected = {"192.0.2.7:8189"}},
    {.name = "nothing but loopback is up",
     .sockets = {"0.0.0.0:8189"},
     .interfaces = {"127.0.0.1"},
     .reached = "192.0.2.9",
     .expected = {"192.0.2.9:8189"}},
    {.name = "what was configured",
     .advertised = {"203.0.113.5", "203.0.113.5:9"},
     .sockets = {"0.0.0.0:8189"},
     .interfaces = {"192.0.2.7"},
     .reached = "192.0.2.7",
     .expected = {"203.0.113.5:8189", "203.0.113.5:9"}},
};

static void test_candidates(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct endpoint advertised[MAX], sockets[MAX], inside[MAX], reached, out[2 * MAX];
        struct address interfaces[MAX];
        unsigned n_interfaces = 0;
        print_message("%s\n", cases[i].name);
        for (; n_interfaces < MAX && cases[i].interfaces[n_interfaces]; n_interfaces++) {
            address_parse_ip(&interfaces[n_interfaces], cases[i].interfaces[n_interfaces], 0);
        }
        if (cases[i].reached) {
            reached = endpoint_of(cases[i].reached);
        }
        const struct webrtc_candidates_config config = {
            .advertised = advertised,
            .n_advertised = read_endpoints(cases[i].advertised, advertised),
            .sockets = sockets,
            .n_sockets = read_endpoints(cases[i].sockets, sockets),
            .inside = inside,
            .n_inside = read_endpoints(cases[i].inside, inside),
            .interfaces = interfaces,
            .n_interfaces = n_interfaces,
            .reached = cases[i].reached ? &reached : NULL,
        };
        struct endpoint expected[MAX];
        const unsigned n_expected = read_endpoints(cases[i].expected, expected);
        assert_int_equal(webrtc_candidates(&config, out, 2 * MAX), n_expected);
        for (unsigned k = 0; k < n_expected; k++) {
            assert_true(endpoint_equal(&out[k], &expected[k]));
        }
        assert_int_equal(webrtc_candidates(&config, out, 1), 1); /* never more than there is room */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_candidates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
