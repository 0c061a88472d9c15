#include "fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { CLIENT_TIMEOUT_S = 20 };

static void *run(void *arg)
{
    struct fixture *f = arg;
    loop_run(f->loop);
    return NULL;
}

unsigned fixture_count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

size_t fixture_heap_bytes(void)
{
    return mallinfo2().uordblks;
}

void fixture_create(struct fixture *f)
{
    *f = (struct fixture){.n_fds_before = fixture_count_fds()};
    log_set_level(LOG_LEVEL_ERROR);
    log_init(&f->log, NULL, "test");
    assert_int_equal(loop_create(&f->loop), 0);
    assert_int_equal(http_server_create(&f->server, f->loop, &f->log), 0);
}

void fixture_run(struct fixture *f, const struct http_config *more)
{
    static const char *const listen[] = {"127.0.0.1:0", "[::1]:0", NULL};
    struct http_config config = more ? *more : (struct http_config){0};
    char error[200] = "";
    struct address a;
    config.listen = config.listen ? config.listen : listen;
    if (http_server_listen(f->server, &config, error, sizeof(error)) < 0) {
        fail_msg("%s", error);
    }
    assert_int_equal(address_parse(&a, http_server_address(f->server)), 0);
    f->port = address_port(&a);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

struct call {
    struct loop_message message;
    void (*function)(void *arg);
    void *arg;
    sem_t done;
};

static void on_call(struct loop_message *m)
{
    struct call *c = list_entry(m, struct call, message);
    c->function(c->arg);
    sem_post(&c->done);
}

void fixture_call(struct fixture *f, void (*function)(void *arg), void *arg)
{
    struct call c = {.function = function, .arg = arg};
    sem_init(&c.done, 0, 0);
    loop_message_init(&c.message, on_call);
    loop_post(f->loop, &c.message);
    while (sem_wait(&c.done) < 0) {
    }
    sem_destroy(&c.done);
}

void fixture_destroy(struct fixture *f)
{
    loop_stop(f->loop);
    pthread_join(f->thread, NULL);
    http_server_destroy(f->server);
    loop_destroy(f->loop);
    assert_int_equal(fixture_count_fds(), f->n_fds_before);
}

/* ---- waiting for the loop, without sleeping ---- */

struct wait {
    struct http_server *server;
    struct loop_timer timer;
    unsigned n;
    sem_t done;
};

static void look(struct loop_timer *t)
{
    struct wait *w = list_entry(t, struct wait, timer);
    if (w->server->stats.n_connections > w->n || w->server->n_refusals > 0) {
        loop_timer_start(t, NS_PER_MS);
    } else {
        sem_post(&w->done);
    }
}

static void begin_wait(void *arg)
{
    struct wait *w = arg;
    loop_timer_init(&w->timer, w->server->loop, look);
    loop_timer_start(&w->timer, 0);
}

static void end_wait(void *arg)
{
    loop_timer_finish(&((struct wait *)arg)->timer);
}

void fixture_wait_for_connections(struct fixture *f, unsigned n)
{
    struct wait w = {.server = f->server, .n = n};
    sem_init(&w.done, 0, 0);
    fixture_call(f, begin_wait, &w);
    while (sem_wait(&w.done) < 0) {
    }
    fixture_call(f, end_wait, &w);
    sem_destroy(&w.done);
}

/* ---- clients ---- */

int client_connect(const struct fixture *f)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(f->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct timeval limit = {.tv_sec = CLIENT_TIMEOUT_S};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* A peer that has gone is the answer's business. */
void client_send(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        const ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        if (n < 0) {
            assert_true(errno == EPIPE || errno == ECONNRESET);
            return;
        }
        at += n;
        size -= (size_t)n;
    }
}

void client_send_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

size_t client_read(int fd, void *out, size_t size)
{
    const ssize_t n = recv(fd, out, size, 0);
    if (n < 0 && errno != ECONNRESET) {
        fail_msg("reading: %s", strerror(errno));
    }
    return n < 0 ? 0 : (size_t)n;
}

bool client_read_exactly(int fd, void *out, size_t size)
{
    for (uint8_t *at = out; size > 0;) {
        const size_t n = client_read(fd, at, size);
        if (n == 0) {
            return false;
        }
        at += n;
        size -= n;
    }
    return true;
}

bool client_read_until(int fd, struct text *out, const char *end)
{
    const size_t size = strlen(end);
    char c;
    while (out->size < size || memcmp(out->data + out->size - size, end, size) != 0) {
        if (client_read(fd, &c, 1) == 0) {
            return false;
        }
        text_append_bytes(out, bytes_of(&c, 1));
    }
    return true;
}

bool client_read_answer(int fd, struct text *head, struct text *body)
{
    text_finish(head);
    text_finish(body);
    text_append(head, "");
    text_append(body, "");
    if (!client_read_until(fd, head, "\r\n\r\n")) {
        return false;
    }
    const char *length = strcasestr(head->data, "\r\nContent-Length: ");
    size_t left = length ? strtoul(length + strlen("\r\nContent-Length: "), NULL, 10) : 0;
    while (left > 0) {
        char part[4096];
        const size_t n = client_read(fd, part, left < sizeof(part) ? left : sizeof(part));
        if (n == 0) {
            return false;
        }
        text_append_bytes(body, bytes_of(part, n));
        left -= n;
    }
    return true;
}

void client_read_to_end(int fd, struct text *out)
{
    char part[4096];
    text_append(out, "");
    for (size_t n; (n = client_read(fd, part, sizeof(part))) > 0;) {
        text_append_bytes(out, bytes_of(part, n));
    }
}

int client_status(const struct text *head)
{
    int status = 0;
    return head->data && sscanf(head->data, "HTTP/1.1 %d ", &status) == 1 ? status : 0;
}

int client_ask(const struct fixture *f, const char *request, struct text *head, struct text *body)
{
    const int fd = client_connect(f);
    client_send_text(fd, request);
    if (strncmp(request, "HEAD ", 5) == 0) {
        text_finish(head);
        client_read_until(fd, head, "\r\n\r\n");
    } else {
        client_read_answer(fd, head, body);
    }
    close(fd);
    return client_status(head);
}
