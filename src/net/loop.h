/*
 * The one network thread: descriptors, timers, messages from other threads, and a small pool of
 * workers for what takes longer than a millisecond. The only file that knows libevent.
 *
 * Ownership: struct loop_watch, loop_timer, loop_message and loop_job are embedded in their owner
 *            and must be stopped before it is freed; their callbacks may do that themselves.
 * Thread:    loop only, except loop_post(), loop_message_cancel() and loop_stop().
 */
#ifndef AVOCET_NET_LOOP_H
#define AVOCET_NET_LOOP_H

#include "base/list.h"
#include "base/time.h"

struct loop;

enum { LOOP_READ = 1 << 0, LOOP_WRITE = 1 << 1 };

/* Room for libevent's struct event, so that starting a watch or timer allocates nothing. */
enum { LOOP_EVENT_SIZE = 128 };
union loop_event {
    void *align;
    int64_t align_64;
    unsigned char storage[LOOP_EVENT_SIZE];
};

struct loop_watch {
    union loop_event read;
    union loop_event write;
    struct loop *loop;
    int fd;
    unsigned events;
    void (*on_event)(struct loop_watch *w, unsigned events);
};

struct loop_timer {
    union loop_event event;
    struct loop *loop;
    void (*on_time)(struct loop_timer *t);
};

/* A message to the loop thread: posting it again before it was delivered changes nothing. */
struct loop_message {
    struct list link;
    bool is_posted;
    void (*on_message)(struct loop_message *m);
};

/* work() runs on a worker thread, then on_done() on the loop. */
struct loop_job {
    struct list link;
    void (*work)(struct loop_job *j);
    void (*on_done)(struct loop_job *j);
    bool is_cancelled; /* in on_done: the loop ends and work() never ran */
};

enum { LOOP_WORKERS = 2, LOOP_JOBS_MAX = 64, LOOP_SIGNALS_MAX = 8 };

int loop_create(struct loop **out);
/* All watches and timers must be stopped; waits for running jobs, and every job's on_done() is
 * called before it returns. NULL is fine. */
void loop_destroy(struct loop *loop);
/* Until loop_stop(), of which one call ends one run, also when it came before it. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* any thread, also from a signal handler */
/* Monotonic, read once at the start of each callback. */
int64_t loop_now_ns(const struct loop *loop);

void loop_watch_init(struct loop_watch *w, struct loop *loop, int fd,
                     void (*on_event)(struct loop_watch *w, unsigned events));
/* Level-triggered; 0 stops. A hang-up or error of fd is given as what is watched. 0, -ENOMEM, or
 * -EPERM for what cannot be watched (a regular file). */
int loop_watch_set(struct loop_watch *w, unsigned events);
void loop_watch_finish(struct loop_watch *w); /* before its fd is closed */

void loop_timer_init(struct loop_timer *t, struct loop *loop,
                     void (*on_time)(struct loop_timer *t));
/* One shot; starting a running timer moves it. */
void loop_timer_start(struct loop_timer *t, int64_t after_ns);
void loop_timer_stop(struct loop_timer *t);
void loop_timer_finish(struct loop_timer *t);

void loop_message_init(struct loop_message *m, void (*on_message)(struct loop_message *m));
void loop_post(struct loop *loop, struct loop_message *m); /* any thread */
/* Take a posted message back: its owner is about to be freed. */
void loop_message_cancel(struct loop *loop, struct loop_message *m);

/* -EAGAIN when LOOP_JOBS_MAX wait already, or no thread could be started. */
int loop_work(struct loop *loop, struct loop_job *j);

/* Signals as callbacks on the loop (SIGTERM, SIGINT, SIGHUP). */
int loop_on_signal(struct loop *loop, int signal_number,
                   void (*on_signal)(int signal_number, void *arg), void *arg);

#endif
