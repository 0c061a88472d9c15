#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/text.h"

static void test_controls_are_escaped(void **state)
{
    static const struct {
        const char *in;
        size_t size;
        const char *expected;
    } cases[] = {
        {"", 1, ""},
        {"plain, ümläut, 视频", 64, "plain, ümläut, 视频"},
        {"a\nb", 64, "a\\x0ab"},
        {"\033[31mred\177", 64, "\\x1b[31mred\\x7f"},
        {"\302\23331m", 64, "\\x9b31m"},      /* CSI, as one character */
        {"\xc2\xa0\xc2", 64, "\xc2\xa0\xc2"}, /* a space; half a character */
        {"ab\ncdef", 8, "ab\\x0ac"},
        {"abc\nd", 8, "abc\\x0a"},
        {"abcd\n", 8, "abcd"}, /* no room for all of it */
        {"abcdefg", 8, "abcdefg"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        text_copy(text, cases[i].size, cases[i].in);
        text_escape_controls(text, cases[i].size);
        assert_string_equal(text, cases[i].expected);
    }
}

static void test_a_cut_copy(void **state)
{
    char out[4];
    assert_true(text_copy(out, sizeof(out), "abc"));
    assert_false(text_copy(out, sizeof(out), "abcd"));
    assert_string_equal(out, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_controls_are_escaped),
        cmocka_unit_test(test_a_cut_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
