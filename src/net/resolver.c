#include "net/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/text.h"

/* Held by its owner and by its thread, whoever lasts longer. */
struct resolver {
    atomic_uint n_refs;
    struct loop_watch done; /* loop only */
    resolver_done *on_done; /* loop only */
    void *arg;              /* loop only */
    int fd;                 /* eventfd: the thread is through */
    char host[RESOLVER_HOST_SIZE];
    /* the thread's, until is_done */
    atomic_bool is_done;
    struct address address;
    int failure;
};

static atomic_uint n_threads;

static void unref(struct resolver *r)
{
    if (atomic_fetch_sub(&r->n_refs, 1) == 1) {
        close(r->fd);
        free(r);
    }
}

static void *look_up(void *arg)
{
    struct resolver *r = arg;
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    const uint64_t one = 1;
    struct addrinfo *list = NULL;
    r->failure = getaddrinfo(r->host, NULL, &hints, &list);
    if (r->failure == 0 && address_set(&r->address, list->ai_addr) < 0) {
        r->failure = EAI_FAMILY;
    }
    if (list) {
        freeaddrinfo(list);
    }
    atomic_store(&r->is_done, true);
    (void)!write(r->fd, &one, sizeof(one));
    unref(r);
    atomic_fetch_sub(&n_threads, 1);
    return NULL;
}

/* Without signals, which are the loop's. */
static int start_thread(struct resolver *r)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&thread, NULL, look_up, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0) {
        pthread_detach(thread);
    }
    return failed == 0 ? 0 : -EAGAIN;
}

static void on_event(struct loop_watch *w, unsigned events)
{
    struct resolver *r = list_entry(w, struct resolver, done);
    if (!atomic_load(&r->is_done)) {
        return;
    }
    resolver_done *const on_done = r->on_done;
    void *const arg = r->arg;
    const struct address address = r->address;
    const int failure = r->failure;
    resolver_cancel(r);
    on_done(arg, failure, &address);
}

void resolver_cancel(struct resolver *r)
{
    if (r) {
        loop_watch_finish(&r->done);
        unref(r);
    }
}

static int begin(struct resolver *r)
{
    if (atomic_fetch_add(&n_threads, 1) >= RESOLVER_THREADS_MAX) {
        atomic_fetch_sub(&n_threads, 1);
        return -EAGAIN;
    }
    atomic_fetch_add(&r->n_refs, 1);
    const int result = start_thread(r);
    if (result < 0) {
        unref(r);
        atomic_fetch_sub(&n_threads, 1);
    }
    return result;
}

int resolver_start(struct resolver **out, struct loop *loop, const char *host,
                   resolver_done *on_done, void *arg)
{
    struct resolver *r = calloc(1, sizeof(*r));
    if (!r) {
        return -ENOMEM;
    }
    r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->fd < 0) {
        free(r);
        return -ENOMEM;
    }
    atomic_init(&r->n_refs, 1);
    r->on_done = on_done;
    r->arg = arg;
    text_copy(r->host, sizeof(r->host), host);
    loop_watch_init(&r->done, loop, r->fd, on_event);
    int result = loop_watch_set(&r->done, LOOP_READ);
    if (result == 0) {
        result = begin(r);
    }
    if (result < 0) {
        resolver_cancel(r);
        return result;
    }
    *out = r;
    return 0;
}
