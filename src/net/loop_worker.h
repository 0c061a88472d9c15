/*
 * The loop's workers: a bounded queue of jobs for a few threads, started at the first job.
 *
 * Ownership: jobs stay their owner's; the pool only links them.
 * Thread:    the loop's, but for what runs inside.
 */
#ifndef AVOCET_NET_LOOP_WORKER_H
#define AVOCET_NET_LOOP_WORKER_H

#include <pthread.h>

#include "net/loop.h"

struct loop_worker_pool {
    struct loop *loop;
    pthread_t threads[LOOP_WORKERS];
    unsigned n_threads;
    struct loop_message done_message; /* some job is in done */

    pthread_mutex_t lock;
    pthread_cond_t work_waits;
    /* under lock */
    struct list waiting; /* loop_job::link */
    struct list done;    /* loop_job::link */
    unsigned n_waiting;
    bool is_ending;
};

void loop_worker_pool_init(struct loop_worker_pool *p, struct loop *loop);
int loop_worker_pool_submit(struct loop_worker_pool *p, struct loop_job *j);
/* Joins the threads; every job that was submitted has had its on_done() after this. */
void loop_worker_pool_finish(struct loop_worker_pool *p);

#endif
