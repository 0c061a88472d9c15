#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"

static struct loop *loop;

static int setup(void **state)
{
    return loop_create(&loop);
}

static int teardown(void **state)
{
    loop_destroy(loop);
    return 0;
}

/* ---- watches ---- */

struct pair {
    struct loop_watch watch;
    int fds[2];
    unsigned n_reads;
    unsigned n_writes;
};

static void pair_finish(struct pair *p)
{
    loop_watch_finish(&p->watch);
    close(p->fds[0]);
    close(p->fds[1]);
}

static void on_pair_event(struct loop_watch *w, unsigned events)
{
    struct pair *p = list_entry(w, struct pair, watch);
    p->n_reads += (events & LOOP_READ) != 0;
    p->n_writes += (events & LOOP_WRITE) != 0;
    if (p->n_reads >= 3) { /* nothing was read: level-triggered */
        loop_stop(w->loop);
    }
    if (p->n_writes >= 2) {
        assert_int_equal(loop_watch_set(w, LOOP_READ), 0);
    }
}

static void test_watch_is_level_triggered(void **state)
{
    struct pair p = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p.fds), 0);
    assert_int_equal(write(p.fds[1], "x", 1), 1);
    loop_watch_init(&p.watch, loop, p.fds[0], on_pair_event);
    assert_int_equal(loop_watch_set(&p.watch, LOOP_READ | LOOP_WRITE), 0);
    assert_int_equal(loop_run(loop), 0);
    assert_true(p.n_reads >= 3);
    assert_int_equal(p.n_writes, 2);
    pair_finish(&p);
}

static void on_event_free(struct loop_watch *w, unsigned events)
{
    loop_stop(w->loop);
    loop_watch_finish(w);
    free(list_entry(w, struct pair, watch)); /* readable and writable at once: called but once */
}

static void test_watch_may_be_freed_in_its_callback(void **state)
{
    struct pair *p = calloc(1, sizeof(*p));
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_watch_init(&p->watch, loop, fds[0], on_event_free);
    assert_int_equal(loop_watch_set(&p->watch, LOOP_READ | LOOP_WRITE), 0);
    assert_int_equal(loop_run(loop), 0);
    close(fds[0]);
    close(fds[1]);
}

static void test_what_cannot_be_watched_says_so(void **state)
{
    char path[] = "/tmp/avocet-loop-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct loop_watch w;
    loop_watch_init(&w, loop, fd, on_event_free);
    assert_int_equal(loop_watch_set(&w, LOOP_READ), -EPERM);
    loop_watch_finish(&w);
    close(fd);
    unlink(path);
}

/* ---- timers ---- */

struct timers {
    struct loop_timer first;
    struct loop_timer second;
    struct loop_timer never;
    int64_t started_ns;
    int64_t first_ns;
};

static void on_first(struct loop_timer *t)
{
    struct timers *s = list_entry(t, struct timers, first);
    s->first_ns = loop_now_ns(loop);
    loop_timer_stop(&s->never);
    loop_timer_start(&s->second, 0); /* moved from an hour ahead */
}

static void on_second(struct loop_timer *t)
{
    loop_stop(t->loop);
}

static void on_never(struct loop_timer *t)
{
    fail();
}

static void test_timers_fire_in_order_never_early_and_can_be_moved(void **state)
{
    struct timers s = {0};
    loop_timer_init(&s.first, loop, on_first);
    loop_timer_init(&s.second, loop, on_second);
    loop_timer_init(&s.never, loop, on_never);
    s.started_ns = time_monotonic_ns();
    loop_timer_start(&s.second, 3600 * NS_PER_S);
    loop_timer_start(&s.never, 5 * NS_PER_MS);
    loop_timer_start(&s.first, 2 * NS_PER_MS);
    assert_int_equal(loop_run(loop), 0);
    assert_true(s.first_ns - s.started_ns >= 2 * NS_PER_MS);
    loop_timer_finish(&s.first);
    loop_timer_finish(&s.second);
    loop_timer_finish(&s.never);
}

/* ---- messages ---- */

enum { POSTS = 20000 };

struct counter {
    struct loop_message message;
    struct loop_message last;
    struct loop_message cancelled;
    atomic_uint n_posted;
    unsigned n_seen;
    unsigned n_delivered;
};

static void on_count(struct loop_message *m)
{
    struct counter *c = list_entry(m, struct counter, message);
    c->n_delivered++;
    c->n_seen = atomic_load(&c->n_posted);
}

static void on_last(struct loop_message *m)
{
    loop_stop(loop);
}

static void on_cancelled(struct loop_message *m)
{
    fail();
}

static void *post_many(void *arg)
{
    struct counter *c = arg;
    for (unsigned i = 0; i < POSTS; i++) {
        atomic_fetch_add(&c->n_posted, 1);
        loop_post(loop, &c->message);
    }
    loop_post(loop, &c->last);
    return NULL;
}

static void test_no_message_is_lost_and_repeats_are_merged(void **state)
{
    struct counter c = {0};
    pthread_t thread;
    loop_message_init(&c.message, on_count);
    loop_message_init(&c.last, on_last);
    loop_message_init(&c.cancelled, on_cancelled);
    loop_post(loop, &c.cancelled);
    loop_message_cancel(loop, &c.cancelled);
    loop_message_cancel(loop, &c.cancelled);
    assert_int_equal(pthread_create(&thread, NULL, post_many, &c), 0);
    assert_int_equal(loop_run(loop), 0);
    pthread_join(thread, NULL);
    assert_int_equal(c.n_seen, POSTS);
    assert_true(c.n_delivered > 0 && c.n_delivered <= POSTS);
}

static void test_stop_before_run_ends_that_run(void **state)
{
    loop_stop(loop);
    assert_int_equal(loop_run(loop), 0);
}

/* ---- jobs ---- */

struct job {
    struct loop_job job;
    atomic_uint *n_worked;
    unsigned *n_done;
    unsigned *n_cancelled;
    unsigned n_all;
};

static void work(struct loop_job *j)
{
    atomic_fetch_add(list_entry(j, struct job, job)->n_worked, 1);
}

static void on_job_done(struct loop_job *j)
{
    struct job *job = list_entry(j, struct job, job);
    *job->n_cancelled += j->is_cancelled;
    if (++*job->n_done == job->n_all) {
        loop_stop(loop);
    }
}

static unsigned submit(struct job *jobs, unsigned n, const struct job *like)
{
    unsigned n_accepted = 0;
    for (unsigned i = 0; i < n; i++) {
        jobs[i] = *like;
        n_accepted += loop_work(loop, &jobs[i].job) == 0;
    }
    return n_accepted;
}

static void test_jobs_run_on_workers_and_end_on_the_loop(void **state)
{
    struct job jobs[LOOP_JOBS_MAX];
    atomic_uint n_worked = 0;
    unsigned n_done = 0, n_cancelled = 0;
    const struct job like = {
        {.work = work, .on_done = on_job_done}, &n_worked, &n_done, &n_cancelled, LOOP_JOBS_MAX};
    assert_int_equal(submit(jobs, LOOP_JOBS_MAX, &like), LOOP_JOBS_MAX);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(n_worked, LOOP_JOBS_MAX);
    assert_int_equal(n_done, LOOP_JOBS_MAX);
    assert_int_equal(n_cancelled, 0);
}

static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;

static void wait_for_door(struct loop_job *j)
{
    pthread_mutex_lock(&door);
    pthread_mutex_unlock(&door);
    work(j);
}

static void test_jobs_are_bounded_and_end_with_the_loop(void **state)
{
    enum { MANY = 2 * LOOP_JOBS_MAX };
    static struct job jobs[MANY];
    atomic_uint n_worked = 0;
    unsigned n_done = 0, n_cancelled = 0;
    const struct job like = {{.work = wait_for_door, .on_done = on_job_done},
                             &n_worked,
                             &n_done,
                             &n_cancelled,
                             MANY + 1};
    struct loop *other = loop;
    assert_int_equal(loop_create(&loop), 0);
    pthread_mutex_lock(&door);
    const unsigned n_accepted = submit(jobs, MANY, &like);
    assert_in_range(n_accepted, LOOP_JOBS_MAX, LOOP_JOBS_MAX + LOOP_WORKERS);
    pthread_mutex_unlock(&door);
    loop_destroy(loop);
    loop = other;
    assert_int_equal(n_done, n_accepted);
    assert_int_equal(n_worked + n_cancelled, n_accepted);
}

/* ---- signals ---- */

static void on_signal(int signal_number, void *arg)
{
    *(int *)arg = signal_number;
    loop_stop(loop);
}

static void test_signals_are_callbacks(void **state)
{
    int seen = 0;
    assert_int_equal(loop_on_signal(loop, SIGHUP, on_signal, &seen), 0);
    kill(getpid(), SIGHUP);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(seen, SIGHUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_watch_is_level_triggered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch_may_be_freed_in_its_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_watched_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timers_fire_in_order_never_early_and_can_be_moved,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_message_is_lost_and_repeats_are_merged, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_stop_before_run_ends_that_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jobs_run_on_workers_and_end_on_the_loop, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_jobs_are_bounded_and_end_with_the_loop, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_signals_are_callbacks, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
