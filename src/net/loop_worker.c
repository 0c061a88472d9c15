#include "net/loop_worker.h"

#include <errno.h>
#include <signal.h>

static struct loop_job *take(struct list *from)
{
    if (list_is_empty(from)) {
        return NULL;
    }
    struct loop_job *j = list_entry(from->next, struct loop_job, link);
    list_remove(&j->link);
    return j;
}

static void *run_worker(void *arg)
{
    struct loop_worker_pool *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->is_ending) {
        struct loop_job *j = take(&p->waiting);
        if (!j) {
            pthread_cond_wait(&p->work_waits, &p->lock);
            continue;
        }
        p->n_waiting--;
        pthread_mutex_unlock(&p->lock);
        j->work(j);
        pthread_mutex_lock(&p->lock);
        list_append(&p->done, &j->link);
        loop_post(p->loop, &p->done_message);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void give_back_done(struct loop_worker_pool *p)
{
    for (;;) {
        pthread_mutex_lock(&p->lock);
        struct loop_job *j = take(&p->done);
        pthread_mutex_unlock(&p->lock);
        if (!j) {
            return;
        }
        j->on_done(j);
    }
}

static void on_done_message(struct loop_message *m)
{
    give_back_done(list_entry(m, struct loop_worker_pool, done_message));
}

void loop_worker_pool_init(struct loop_worker_pool *p, struct loop *loop)
{
    *p = (struct loop_worker_pool){.loop = loop};
    loop_message_init(&p->done_message, on_done_message);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work_waits, NULL);
    list_init(&p->waiting);
    list_init(&p->done);
}

/* Signals are the loop thread's: workers block them all. */
static void start_threads(struct loop_worker_pool *p)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (p->n_threads < LOOP_WORKERS &&
           pthread_create(&p->threads[p->n_threads], NULL, run_worker, p) == 0) {
        p->n_threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int loop_worker_pool_submit(struct loop_worker_pool *p, struct loop_job *j)
{
    if (!p->is_ending) {
        start_threads(p);
    }
    pthread_mutex_lock(&p->lock);
    const bool is_full = p->n_waiting >= LOOP_JOBS_MAX || p->is_ending || p->n_threads == 0;
    if (!is_full) {
        j->is_cancelled = false;
        list_append(&p->waiting, &j->link);
        p->n_waiting++;
        pthread_cond_signal(&p->work_waits);
    }
    pthread_mutex_unlock(&p->lock);
    return is_full ? -EAGAIN : 0;
}

void loop_worker_pool_finish(struct loop_worker_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->is_ending = true;
    pthread_cond_broadcast(&p->work_waits);
    pthread_mutex_unlock(&p->lock);
    while (p->n_threads > 0) {
        pthread_join(p->threads[--p->n_threads], NULL);
    }
    loop_message_cancel(p->loop, &p->done_message);
    give_back_done(p);
    for (struct loop_job *j; (j = take(&p->waiting));) {
        j->is_cancelled = true;
        j->on_done(j);
    }
    pthread_cond_destroy(&p->work_waits);
    pthread_mutex_destroy(&p->lock);
}
