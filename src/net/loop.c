#include "net/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "net/loop_worker.h"

_Static_assert(sizeof(struct event) <= LOOP_EVENT_SIZE, "struct event does not fit");

struct loop_signal {
    struct event *event;
    struct loop *loop;
    void (*on_signal)(int signal_number, void *arg);
    void *arg;
};

struct loop {
    struct event_base *base;
    bool is_running;
    int64_t now_ns;
    struct loop_watch wake_watch; /* of the eventfd */
    struct loop_worker_pool workers;
    struct loop_signal signals[LOOP_SIGNALS_MAX];
    unsigned n_signals;
    struct list delivering; /* loop_message::link; under lock, as is_posted */

    pthread_mutex_t lock;
    struct list posted; /* loop_message::link; under lock */

    atomic_bool is_stopping;
};

static const struct log loop_log = {.topic = "net/loop"};

static struct event *event_of(union loop_event *e)
{
    return (struct event *)(void *)e->storage;
}

static void on_library_log(int severity, const char *message)
{
    log_write(severity >= EVENT_LOG_ERR ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG, &loop_log, "%s",
              message);
}

/* ---- waking up ---- */

static void wake(struct loop *loop)
{
    const uint64_t one = 1;
    (void)!write(loop->wake_watch.fd, &one, sizeof(one)); /* EAGAIN: it is awake already */
}

static void splice(struct list *from, struct list *to)
{
    if (!list_is_empty(from)) {
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        list_init(from);
    }
}

static struct loop_message *take_message(struct loop *loop)
{
    struct loop_message *m = NULL;
    pthread_mutex_lock(&loop->lock);
    if (!list_is_empty(&loop->delivering)) {
        m = list_entry(loop->delivering.next, struct loop_message, link);
        list_remove(&m->link);
        m->is_posted = false;
    }
    pthread_mutex_unlock(&loop->lock);
    return m;
}

/* What is posted meanwhile waits for the next turn, so that sockets get theirs. */
static void on_wake(struct loop_watch *w, unsigned events)
{
    struct loop *loop = w->loop;
    uint64_t count;
    (void)!read(w->fd, &count, sizeof(count));
    pthread_mutex_lock(&loop->lock);
    splice(&loop->posted, &loop->delivering);
    pthread_mutex_unlock(&loop->lock);
    for (struct loop_message *m; (m = take_message(loop));) {
        loop->now_ns = time_monotonic_ns();
        m->on_message(m);
    }
    if (atomic_load(&loop->is_stopping)) {
        event_base_loopbreak(loop->base);
    }
}

/* ---- the loop ---- */

/* Timers count from now, not from the start of the turn, and from the precise clock: a coarse one
 * ticks every 4 ms. */
static struct event_base *create_base(void)
{
    struct event_config *config = event_config_new();
    if (!config) {
        return NULL;
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
                                      EVENT_BASE_FLAG_PRECISE_TIMER |
                                      EVENT_BASE_FLAG_NO_CACHE_TIME);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int loop_create(struct loop **out)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop) {
        return -ENOMEM;
    }
    event_set_log_callback(on_library_log);
    pthread_mutex_init(&loop->lock, NULL);
    list_init(&loop->posted);
    list_init(&loop->delivering);
    loop_worker_pool_init(&loop->workers, loop);
    loop->wake_watch.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->base = create_base();
    if (!loop->base || loop->wake_watch.fd < 0) {
        goto fail;
    }
    loop_watch_init(&loop->wake_watch, loop, loop->wake_watch.fd, on_wake);
    if (loop_watch_set(&loop->wake_watch, LOOP_READ) < 0) {
        goto fail;
    }
    *out = loop;
    return 0;
fail:
    loop_destroy(loop);
    return -ENOMEM;
}

void loop_destroy(struct loop *loop)
{
    if (!loop) {
        return;
    }
    loop_worker_pool_finish(&loop->workers);
    for (unsigned i = 0; i < loop->n_signals; i++) {
        event_free(loop->signals[i].event);
    }
    if (loop->wake_watch.loop) {
        loop_watch_finish(&loop->wake_watch);
    }
    if (loop->wake_watch.fd >= 0) {
        close(loop->wake_watch.fd);
    }
    if (loop->base) {
        event_base_free(loop->base);
    }
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

int loop_run(struct loop *loop)
{
    int rc = 0;
    loop->is_running = true;
    while (rc >= 0 && !atomic_load(&loop->is_stopping)) {
        rc = event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    }
    loop->is_running = false;
    atomic_store(&loop->is_stopping, false);
    return rc < 0 ? -EIO : 0;
}

void loop_stop(struct loop *loop)
{
    const int before = errno; /* of what a signal interrupted */
    atomic_store(&loop->is_stopping, true);
    wake(loop);
    errno = before;
}

int64_t loop_now_ns(const struct loop *loop)
{
    return loop->is_running ? loop->now_ns : time_monotonic_ns();
}

/* ---- watches ---- */

static void on_watch_event(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *w = arg;
    w->loop->now_ns = time_monotonic_ns();
    w->on_event(w, what & EV_READ ? LOOP_READ : LOOP_WRITE);
}

void loop_watch_init(struct loop_watch *w, struct loop *loop, int fd,
                     void (*on_event)(struct loop_watch *w, unsigned events))
{
    *w = (struct loop_watch){.loop = loop, .fd = fd, .on_event = on_event};
    event_assign(event_of(&w->read), loop->base, fd, EV_READ | EV_PERSIST, on_watch_event, w);
    event_assign(event_of(&w->write), loop->base, fd, EV_WRITE | EV_PERSIST, on_watch_event, w);
}

static int set_event(struct loop_watch *w, union loop_event *e, unsigned flag, unsigned events)
{
    if ((w->events & flag) == (events & flag)) {
        return 0;
    }
    if (!(events & flag)) {
        event_del(event_of(e));
        w->events &= ~flag;
        return 0;
    }
    errno = 0;
    if (event_add(event_of(e), NULL) < 0) {
        return errno ? -errno : -ENOMEM;
    }
    w->events |= flag;
    return 0;
}

int loop_watch_set(struct loop_watch *w, unsigned events)
{
    const int rc = set_event(w, &w->read, LOOP_READ, events);
    return rc < 0 ? rc : set_event(w, &w->write, LOOP_WRITE, events);
}

void loop_watch_finish(struct loop_watch *w)
{
    if (w->loop) {
        event_del(event_of(&w->read));
        event_del(event_of(&w->write));
        w->events = 0;
    }
}

/* ---- timers ---- */

static void on_timer_event(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *t = arg;
    t->loop->now_ns = time_monotonic_ns();
    t->on_time(t);
}

void loop_timer_init(struct loop_timer *t, struct loop *loop, void (*on_time)(struct loop_timer *t))
{
    *t = (struct loop_timer){.loop = loop, .on_time = on_time};
    event_assign(event_of(&t->event), loop->base, -1, 0, on_timer_event, t);
}

void loop_timer_start(struct loop_timer *t, int64_t after_ns)
{
    const int64_t after_us = after_ns > 0 ? (after_ns + NS_PER_US - 1) / NS_PER_US : 0;
    const struct timeval after = {
        .tv_sec = (time_t)(after_us / (NS_PER_S / NS_PER_US)),
        .tv_usec = (suseconds_t)(after_us % (NS_PER_S / NS_PER_US)),
    };
    if (event_add(event_of(&t->event), &after) < 0) {
        log_error(&loop_log, "out of memory for a timer, which will not fire");
    }
}

void loop_timer_stop(struct loop_timer *t)
{
    event_del(event_of(&t->event));
}

void loop_timer_finish(struct loop_timer *t)
{
    if (t->loop) {
        event_del(event_of(&t->event));
    }
}

/* ---- messages, jobs, signals ---- */

void loop_message_init(struct loop_message *m, void (*on_message)(struct loop_message *m))
{
    *m = (struct loop_message){.on_message = on_message};
    list_init(&m->link);
}

void loop_post(struct loop *loop, struct loop_message *m)
{
    pthread_mutex_lock(&loop->lock);
    const bool is_first = list_is_empty(&loop->posted);
    const bool was_posted = m->is_posted;
    if (!was_posted) {
        m->is_posted = true;
        list_append(&loop->posted, &m->link);
    }
    pthread_mutex_unlock(&loop->lock);
    if (is_first && !was_posted) {
        wake(loop);
    }
}

void loop_message_cancel(struct loop *loop, struct loop_message *m)
{
    pthread_mutex_lock(&loop->lock);
    if (m->is_posted) {
        m->is_posted = false;
        list_remove(&m->link);
    }
    pthread_mutex_unlock(&loop->lock);
}

int loop_work(struct loop *loop, struct loop_job *j)
{
    return loop_worker_pool_submit(&loop->workers, j);
}

static void on_signal_event(evutil_socket_t signal_number, short what, void *arg)
{
    const struct loop_signal *s = arg;
    s->loop->now_ns = time_monotonic_ns();
    s->on_signal((int)signal_number, s->arg);
}

int loop_on_signal(struct loop *loop, int signal_number,
                   void (*on_signal)(int signal_number, void *arg), void *arg)
{
    if (loop->n_signals == LOOP_SIGNALS_MAX) {
        return -ENOSPC;
    }
    struct loop_signal *s = &loop->signals[loop->n_signals];
    *s = (struct loop_signal){.loop = loop, .on_signal = on_signal, .arg = arg};
    s->event = evsignal_new(loop->base, signal_number, on_signal_event, s);
    if (!s->event || event_add(s->event, NULL) < 0) {
        if (s->event) {
            event_free(s->event);
        }
        return -ENOMEM;
    }
    loop->n_signals++;
    return 0;
}
