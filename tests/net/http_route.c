#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

#include "net/http_route.h"

static void test_targets(void **state)
{
    static const struct {
        const char *target;
        int expected;
        const char *path;
        unsigned n_segments;
        const char *query;
    } cases[] = {
        {"/", 0, "/", 1, NULL},
        {"/?", 0, "/", 1, ""},
        {"/cam", 0, "/cam", 1, NULL},
        {"/cam/", 0, "/cam/", 2, NULL},
        {"/c%61m/%7Ewhep?a=%20", 0, "/cam/~whep", 2, "a=%20"},
        {"/a//b", 0, "/a//b", 3, NULL},
        {"/a%2fb/c", 0, "/a%2Fb/c", 2, NULL},
        {"/%252F", 0, "/%2F", 1, NULL}, /* decoded once */
        {"/a+b", 0, "/a+b", 1, NULL},
        {"/a?b?c/../d", 0, "/a", 1, "b?c/../d"},
        {"/%E4", 0, "/\xe4", 1, NULL},
        {"/..", -EBADMSG},
        {"/.", -EBADMSG},
        {"/a/../b", -EBADMSG},
        {"/a/%2e%2E/b", -EBADMSG},
        {"/a/.%2e", -EBADMSG},
        {"/...", 0, "/...", 1, NULL},
        {"/..%2f..%2f", 0, "/..%2F..%2F", 1, NULL},
        {"/a%", -EBADMSG},
        {"/a%4", -EBADMSG},
        {"/a%4?1", -EBADMSG},
        {"/a%4g", -EBADMSG},
        {"/a%00", -EBADMSG},
        {"/a%0a", -EBADMSG},
        {"/a%7f", -EBADMSG},
        {"/a b", -EBADMSG},
        {"/a\xc3\xa4", -EBADMSG},
        {"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", 0, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16",
         16, NULL},
        {"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", -EBADMSG},
        {"", -EBADMSG},
        {"*", -EBADMSG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        struct http_target t;
        strcpy(text, cases[i].target);
        assert_int_equal(http_target_parse(&t, text), cases[i].expected);
        if (cases[i].expected < 0) {
            continue;
        }
        assert_string_equal(t.path, cases[i].path);
        assert_int_equal(t.n_segments, cases[i].n_segments);
        if (cases[i].query) {
            assert_string_equal(t.query_text, cases[i].query);
        } else {
            assert_null(t.query_text);
        }
    }
    char longest[HTTP_PATH_MAX + 3];
    struct http_target t;
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[HTTP_PATH_MAX + 1] = '\0';
    assert_int_equal(http_target_parse(&t, longest), -ENAMETOOLONG);
    longest[HTTP_PATH_MAX] = '?';
    assert_int_equal(http_target_parse(&t, longest), 0);
}

static void test_queries(void **state)
{
    static const struct {
        const char *query;
        const char *name;
        const char *expected;
        int result;
    } cases[] = {
        {"a=b&c=d", "c", "d", 0},
        {"a=b&a=c", "a", "b", 0},
        {"a", "a", "", 0},
        {"a=", "a", "", 0},
        {"=a", "", "a", 0},
        {"a=b=c", "a", "b=c", 0},
        {"a=b+c%2Bd%2F", "a", "b c+d/", 0},
        {"%61=1", "a", "1", 0},
        {"&&a&", "a", "", 0},
        {"", "a", NULL, 0},
        {"b=a", "a", NULL, 0},
        {"a=%", "a", NULL, -EBADMSG},
        {"a=%00", "a", NULL, -EBADMSG},
        {"a=%0d%0a", "a", NULL, -EBADMSG},
        {"1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17&18&19&20&21&22&23&24&25&26&27&28&29&30&31&32",
         "32", "", 0},
        {"1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17&18&19&20&21&22&23&24&25&26&27&28&29&30&31&32&"
         "33",
         "33", NULL, -EBADMSG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        struct http_target t = {0};
        strcpy(text, cases[i].query);
        assert_int_equal(http_target_parse_query(&t, text), cases[i].result);
        const char *value = http_target_parameter(&t, cases[i].name);
        if (cases[i].expected) {
            assert_non_null(value);
            assert_string_equal(value, cases[i].expected);
        } else {
            assert_null(value);
        }
    }
}

static void test_patterns(void **state)
{
    static const struct {
        const char *pattern;
        const char *target;
        bool expected;
        const char *name;
        const char *id;
    } cases[] = {
        {"/", "/", true, "", ""},
        {"/", "/a", false, "", ""},
        {"/NAME/", "/cam/", true, "cam", ""},
        {"/NAME/", "/cam", false, "", ""},
        {"/NAME/", "/cam/x", false, "", ""},
        {"/NAME/", "/Cam/", false, "", ""},
        {"/NAME/", "/-cam/", false, "", ""},
        {"/NAME/", "//", false, "", ""},
        {"/NAME/", "/c%61m/", true, "cam", ""},
        {"/NAME/", "/cam%2fx/", false, "", ""},
        {"/NAME/whep", "/cam@small/whep", true, "cam@small", ""},
        {"/NAME/whep", "/cam@/whep", false, "", ""},
        {"/NAME/whep", "/cam@a@b/whep", false, "", ""},
        {"/NAME/whep/ID", "/cam/whep/aZ_-9", true, "cam", "aZ_-9"},
        {"/NAME/whep/ID", "/cam/whep/", false, "", ""},
        {"/NAME/whep/ID", "/cam/whep/a.b", false, "", ""},
        {"/assets/*", "/assets/a/b.js", true, "", ""},
        {"/assets/*", "/assets/", true, "", ""},
        {"/assets/*", "/assets", false, "", ""},
        {"/*", "/", true, "", ""},
        {"/api/v1/streams/NAME/keyframe", "/api/v1/streams/cam/keyframe", true, "cam", ""},
        {"/NAME/", "/0123456789012345678901234567890123456789012345678901234567890123/", true,
         "0123456789012345678901234567890123456789012345678901234567890123", ""},
        {"/NAME/", "/01234567890123456789012345678901234567890123456789012345678901234/", false, "",
         ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[160];
        struct http_target t;
        struct http_route_match match = {0};
        strcpy(text, cases[i].target);
        assert_int_equal(http_target_parse(&t, text), 0);
        if (http_route_matches(cases[i].pattern, &t, &match) != cases[i].expected) {
            fail_msg("%s against %s", cases[i].target, cases[i].pattern);
        }
        assert_string_equal(match.name, cases[i].name);
        assert_string_equal(match.id, cases[i].id);
    }
}

static void test_more_literal_patterns_win(void **state)
{
    static const char *const order[] = {"/*",         "/NAME/*", "/NAME/ID", "/NAME/NAME",
                                        "/NAME/whep", "/api/*",  "/api/v1"};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
            const int sign = http_route_compare(order[i], order[k]);
            assert_int_equal((sign > 0) - (sign < 0), (i > k) - (i < k));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_more_literal_patterns_win),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
