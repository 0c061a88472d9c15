#include "net/listener.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void say(const struct listener *l, int error)
{
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (error == EMFILE) {
        log_warn(l->log,
                 "all %llu files that this program may have open are open, new connections wait "
                 "until some are closed: raise the limit with ulimit -n, or LimitNOFILE= of the "
                 "service",
                 (unsigned long long)limit.rlim_cur);
    } else {
        log_warn(l->log, "the machine has nothing left for another connection (%s), new ones wait",
                 strerror(error));
    }
}

static void note_shortage(const struct listener *l, int error)
{
    struct listener_shortage *shortage = l->shortage;
    const int64_t now_ns = loop_now_ns(l->watch.loop);
    if (shortage->n_said == 0 || now_ns - shortage->last_ns > LISTENER_CALM_NS) {
        shortage->n_said++;
        say(l, error);
    }
    shortage->last_ns = now_ns;
}

static void pause_accepting(struct listener *l, int error)
{
    note_shortage(l, error);
    loop_watch_set(&l->watch, 0);
    loop_timer_start(&l->pause, LISTENER_PAUSE_NS);
}

static void on_pause_over(struct loop_timer *t)
{
    struct listener *l = list_entry(t, struct listener, pause);
    if (loop_watch_set(&l->watch, LOOP_READ) < 0) {
        loop_timer_start(&l->pause, LISTENER_PAUSE_NS);
    }
}

/* What accept() reports otherwise is the fate of that one connection (accept(2)). */
static void on_readable(struct loop_watch *w, unsigned events)
{
    struct listener *l = list_entry(w, struct listener, watch);
    for (unsigned i = 0; i < LISTENER_BURST && w->fd >= 0; i++) {
        struct address from, peer;
        socklen_t size = sizeof(from);
        const int fd = accept4(w->fd, &from.sa, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && address_set(&peer, &from.sa) == 0) {
            l->on_accept(l, fd, &peer);
        } else if (fd >= 0) {
            close(fd);
        } else if (is_shortage(errno)) {
            pause_accepting(l, errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

static int open_socket(const struct address *address, struct address *bound)
{
    const int one = 1;
    const int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (address->sa.sa_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    }
    socklen_t size = sizeof(*bound);
    if (bind(fd, &address->sa, address_size(address)) < 0 || listen(fd, LISTENER_BACKLOG) < 0 ||
        getsockname(fd, &bound->sa, &size) < 0) {
        const int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int listener_open(struct listener *l, struct loop *loop, const struct address *address,
                  const struct log *log, struct listener_shortage *shortage,
                  void (*on_accept)(struct listener *l, int fd, const struct address *peer),
                  void *arg)
{
    struct address bound;
    const int fd = open_socket(address, &bound);
    if (fd < 0) {
        return fd;
    }
    *l = (struct listener){
        .address = bound,
        .log = log,
        .shortage = shortage,
        .on_accept = on_accept,
        .arg = arg,
    };
    loop_watch_init(&l->watch, loop, fd, on_readable);
    loop_timer_init(&l->pause, loop, on_pause_over);
    const int rc = loop_watch_set(&l->watch, LOOP_READ);
    if (rc < 0) {
        listener_close(l);
    }
    return rc;
}

void listener_close(struct listener *l)
{
    if (l->watch.fd >= 0) {
        loop_watch_finish(&l->watch);
        loop_timer_finish(&l->pause);
        close(l->watch.fd);
        l->watch.fd = -1;
    }
}
