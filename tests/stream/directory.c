#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

#include "stream/directory.h"

static void on_wake(void *arg)
{
    (void)arg;
}

static struct stream *make(const char *name)
{
    struct stream_config config = {.stop_after_ns = 0};
    strcpy(config.name, name);
    return stream_create(&config, on_wake, NULL);
}

static void test_add_find_remove(void **state)
{
    struct directory d = {0};
    struct stream *a = make("a");
    struct stream *b = make("b");
    struct stream *b2 = make("b");
    assert_int_equal(directory_add(&d, a), 0);
    assert_int_equal(directory_add(&d, b), 0);
    assert_int_equal(directory_add(&d, b2), -EEXIST);
    assert_ptr_equal(directory_find(&d, "b"), b);
    directory_remove(&d, a);
    assert_null(directory_find(&d, "a"));
    assert_ptr_equal(d.streams[0], b);
    assert_int_equal(d.n_streams, 1);
    stream_destroy(a, 0);
    stream_destroy(b, 0);
    stream_destroy(b2, 0);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        bool is_good;
    } rows[] = {
        {"cam", true},
        {"0", true},
        {"a_b-c9", true},
        {"", false},
        {"_a", false},
        {"-a", false},
        {"Cam", false},
        {"a.b", false},
        {"a/b", false},
        {"api", false},
        {"snapshot", false},
        {"whep", false},
        {"stream1", true},
        {"ws", false},
        {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234", true},
        {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff12345", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((directory_check_name(rows[i].name) == NULL) != rows[i].is_good) {
            fail_msg("%s", rows[i].name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_find_remove),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
