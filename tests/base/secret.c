#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/secret.h"

static void test_what_is_shown(void **state)
{
    static const struct {
        const char *url;
        const char *shown;
    } cases[] = {
        {"rtsp://camera.local:554/live/1", "rtsp://camera.local:554/live/1"},
        {"rtsp://me:word@host/path", "rtsp://***@host/path"},
        {"rtsp://me@host", "rtsp://***@host"},
        {"rtsp://me:w@rd@host/path", "rtsp://***@host/path"},
        {"rtsp://me:w/o?r@host/path", "rtsp://***"},
        {"http://host/video.cgi?user=me&pwd=word", "http://host/video.cgi?***"},
        {"http://me:word@host/v?pwd=more", "http://***@host/v?***"},
        {"http://host/v?to=me@home&pwd=word", "http://***"},
        {"srt://host:9000?passphrase=long_and_secret", "srt://host:9000?***"},
        {"me:word@host/path", "***@host/path"}, /* without scheme, as a pipeline has it */
        {"me:a://b@host", "***@host"},
        {"host:5000?", "host:5000?***"},
        {"cam?u=me@home", "***"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char shown[80];
        secret_mask_url(shown, sizeof(shown), cases[i].url);
        assert_string_equal(shown, cases[i].shown);
    }
}

static void test_it_is_cut(void **state)
{
    char shown[12];
    secret_mask_url(shown, sizeof(shown), "rtsp://me:word@host/path");
    assert_string_equal(shown, "rtsp://***@");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_shown),
        cmocka_unit_test(test_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
