#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "net/resolver.h"

struct answer {
    struct loop *loop;
    unsigned n_answers;
    int failure;
    struct address address;
};

static void on_done(void *arg, int failure, const struct address *address)
{
    struct answer *a = arg;
    a->n_answers++;
    a->failure = failure;
    a->address = *address;
    loop_stop(a->loop);
}

static void test_names(void **state)
{
    static const struct {
        const char *host;
        bool is_found;
    } rows[] = {{"localhost", true}, {"127.0.0.1", true}, {"no such host", false}, {"", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct answer a = {0};
        struct resolver *r;
        assert_int_equal(loop_create(&a.loop), 0);
        assert_int_equal(resolver_start(&r, a.loop, rows[i].host, on_done, &a), 0);
        loop_run(a.loop);
        assert_int_equal(a.n_answers, 1);
        assert_int_equal(a.failure == 0, rows[i].is_found);
        assert_true(!rows[i].is_found || address_is_loopback(&a.address));
        loop_destroy(a.loop);
    }
}

static void on_time(struct loop_timer *t)
{
    loop_stop(t->loop);
}

/* Nobody hears of it, whenever the thread is through. */
static void test_cancel(void **state)
{
    struct answer a = {0};
    struct loop_timer timer;
    assert_int_equal(loop_create(&a.loop), 0);
    for (unsigned i = 0; i < RESOLVER_THREADS_MAX / 2; i++) {
        struct resolver *r;
        assert_int_equal(resolver_start(&r, a.loop, "localhost", on_done, &a), 0);
        resolver_cancel(r);
    }
    loop_timer_init(&timer, a.loop, on_time);
    loop_timer_start(&timer, 20 * NS_PER_MS);
    loop_run(a.loop);
    assert_int_equal(a.n_answers, 0);
    loop_timer_finish(&timer);
    loop_destroy(a.loop);
    resolver_cancel(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
