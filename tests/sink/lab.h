/*
 * The sinks that serve bytes, on a real loopback server whose loop runs on its own thread, with one
 * stream "cam" whose packets the test publishes itself.
 *
 * Thread: the test's.
 */
#ifndef AVOCET_TESTS_SINK_LAB_H
#define AVOCET_TESTS_SINK_LAB_H

#include <semaphore.h>
#include <stdatomic.h>

#include "fixture.h"
#include "sink/sink.h"

enum { LAB_SINKS = 5 };

struct lab {
    struct producer producer; /* first */
    struct fixture fixture;
    struct directory streams;
    struct sink_env env;
    struct stream *stream;
    struct loop_message wake;
    void *sinks[LAB_SINKS];
    void *rtsp; /* one of them, with a server of its own */
    uint16_t rtsp_port;
    atomic_uint wanted;
    sem_t demanded; /* posted at each demand */
    atomic_uint n_key_wishes;
    size_t n_heap_bytes_before;
};

void lab_create(struct lab *l);
/* Everything that was borrowed is given back, down to descriptors. */
void lab_destroy(struct lab *l);
/* Removes the stream, as a reload does. */
void lab_end_stream(struct lab *l);
/* Until exactly these encodings are wanted. */
void lab_wait_wanted(struct lab *l, encoding_set wanted);

/* Until so many requests have come. */
void lab_wait_requests(struct lab *l, unsigned n);

/* Size bytes of filler; pictures begin with FF D8. age_ns: how long ago it arrived. */
void lab_publish_jpeg(struct lab *l, char filler, size_t size, int64_t age_ns);
void lab_publish_h264(struct lab *l, char filler, size_t size, bool is_key);

/* A request's text: "GET <target> HTTP/1.1" with Host. */
int lab_request(struct lab *l, const char *target);
/* Gone at once (RST): after a FIN alone the peer of an endless answer may still be reading. */
void lab_leave(int fd);
/* The same, with the whole answer read; gives the status. */
int lab_ask(struct lab *l, const char *target, struct text *head, struct text *body);

#endif
