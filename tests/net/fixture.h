/*
 * A server on its own thread, and clients that block in the test's thread, with a time limit.
 *
 * Thread: the test's; fixture_call() runs a function on the loop and waits for it.
 */
#ifndef AVOCET_TESTS_NET_FIXTURE_H
#define AVOCET_TESTS_NET_FIXTURE_H

#include <pthread.h>

#include "base/text.h"
#include "net/http_server.h"

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct log log;
    pthread_t thread;
    uint16_t port;
    /* of the thread that runs when no test does */
    unsigned n_fds_before;
    size_t n_heap_bytes_before;
};

/* Creates loop and server; then the test adds routes and shortens limits; then fixture_run(). */
void fixture_create(struct fixture *f);
void fixture_run(struct fixture *f, const struct http_config *more);
void fixture_call(struct fixture *f, void (*function)(void *arg), void *arg);
void fixture_destroy(struct fixture *f);
/* Waits on the loop until all connections are gone but n. */
void fixture_wait_for_connections(struct fixture *f, unsigned n);

unsigned fixture_count_fds(void);
size_t fixture_heap_bytes(void);

int client_connect(const struct fixture *f);
void client_send(int fd, const void *bytes, size_t size);
void client_send_text(int fd, const char *text);
/* Reads at most size bytes; 0 at the end, also when the peer reset; fails the test when nothing
 * comes for 20 s. */
size_t client_read(int fd, void *out, size_t size);
/* Exactly size bytes; false when the end came before. */
bool client_read_exactly(int fd, void *out, size_t size);
/* Up to and with the text, byte by byte. */
bool client_read_until(int fd, struct text *out, const char *end);
/* One answer: head and the body that Content-Length says. */
bool client_read_answer(int fd, struct text *head, struct text *body);
void client_read_to_end(int fd, struct text *out);
/* On a connection of its own that is closed after it. Gives the status, 0 for none. */
int client_ask(const struct fixture *f, const char *request, struct text *head, struct text *body);
int client_status(const struct text *head);

#endif
