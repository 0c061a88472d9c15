#include "lab.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sink/http_stream.h"
#include "sink/mjpg_streamer.h"
#include "sink/rtsp.h"
#include "sink/snapshot.h"
#include "sink/ws.h"

enum { PATIENCE_S = 20 };

static const struct sink_type *const types[LAB_SINKS] = {&sink_http_stream, &sink_snapshot,
                                                         &sink_ws, &sink_rtsp, &sink_mjpg_streamer};

/* ---- producer, on the loop ---- */

static void on_demand(struct producer *p, encoding_set wanted)
{
    struct lab *l = (struct lab *)p;
    l->wanted = wanted;
    sem_post(&l->demanded);
}

static void on_wish(struct producer *p, const struct wish *wish)
{
    ((struct lab *)p)->n_key_wishes += wish->type == WISH_KEYFRAME;
}

static unsigned can(const struct producer *p, enum encoding_id id)
{
    (void)p;
    return id == ENCODING_H264 ? PRODUCER_CAN_KEYFRAME : 0;
}

static void destroy_producer(struct producer *p)
{
    (void)p;
}

static const struct producer_type producer_type = {
    .name = "lab", .demand = on_demand, .wish = on_wish, .can = can, .destroy = destroy_producer};

/* ---- the stream's way into the loop ---- */

static void post_wake(void *arg)
{
    struct lab *l = arg;
    loop_post(l->fixture.loop, &l->wake);
}

static void on_wake(struct loop_message *m)
{
    struct lab *l = list_entry(m, struct lab, wake);
    if (l->stream) {
        stream_dispatch(l->stream, loop_now_ns(l->fixture.loop));
    }
}

/* ---- making ---- */

static void handle_root(struct http_exchange *x, void *arg)
{
    mjpg_streamer_handle(x, arg);
}

static const struct http_route root[] = {{HTTP_METHOD_GET, "/", handle_root, 0}, {0}};

static void listen_on_free_port(struct lab *l, struct sink *s)
{
    static const char *const addresses[] = {"127.0.0.1:0", NULL};
    char sentence[200];
    assert_int_equal(s->type->listen(s, addresses, sentence, sizeof(sentence)), 0);
    l->rtsp = s;
    l->rtsp_port = (uint16_t)atoi(strrchr(s->type->address(s), ':') + 1);
}

static void open_sinks(struct lab *l)
{
    for (int i = 0; i < LAB_SINKS; i++) {
        struct sink *s = calloc(1, types[i]->state_size);
        s->type = types[i];
        s->env = &l->env;
        log_init(&s->log, NULL, "sink/%s", types[i]->name);
        l->sinks[i] = s;
        assert_int_equal(types[i]->open(s), 0);
        if (types[i]->listen) {
            listen_on_free_port(l, s);
        }
        if (types[i]->routes) {
            http_server_add_routes(l->fixture.server, types[i]->routes, s);
        }
    }
    http_server_add_routes(l->fixture.server, root, l->sinks[LAB_SINKS - 1]);
}

void lab_create(struct lab *l)
{
    static const struct stream_config config = {.name = "cam", .mode = MODE_WATCH};
    *l = (struct lab){.producer.type = &producer_type};
    sem_init(&l->demanded, 0, 0);
    fixture_create(&l->fixture);
    l->env = (struct sink_env){
        .loop = l->fixture.loop, .http = l->fixture.server, .streams = &l->streams};
    loop_message_init(&l->wake, on_wake);
    l->stream = stream_create(&config, post_wake, l);
    directory_add(&l->streams, l->stream);
    stream_set_producer(l->stream, &l->producer, time_monotonic_ns());
    static const uint8_t sets[] = {0,    0,    0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40,
                                   0x16, 0xe9, 0, 0, 0,    1,    0x68, 0xce, 0x3c, 0x80};
    struct track h264 = {.codec = CODEC_H264,
                         .size = {640, 360},
                         .rate = {25, 1},
                         .codec_string = "avc1.42c01f",
                         .parameter_sets = buf_copy(bytes_of(sets, sizeof(sets)))};
    const struct track jpeg = {.codec = CODEC_MJPEG, .size = {640, 360}, .codec_string = "mjpeg"};
    stream_set_track(l->stream, ENCODING_H264, &h264);
    stream_set_track(l->stream, ENCODING_JPEG, &jpeg);
    track_finish(&h264);
    open_sinks(l);
    fixture_run(&l->fixture, NULL);
}

static void end_stream(void *arg)
{
    struct lab *l = arg;
    if (l->stream) {
        directory_remove(&l->streams, l->stream);
        stream_destroy(l->stream, loop_now_ns(l->fixture.loop));
        loop_message_cancel(l->fixture.loop, &l->wake);
        l->stream = NULL;
    }
}

void lab_end_stream(struct lab *l)
{
    fixture_call(&l->fixture, end_stream, l);
}

static void close_sinks(void *arg)
{
    struct lab *l = arg;
    for (int i = 0; i < LAB_SINKS; i++) {
        types[i]->close(l->sinks[i]);
        free(l->sinks[i]);
    }
    end_stream(l);
}

void lab_destroy(struct lab *l)
{
    fixture_call(&l->fixture, close_sinks, l);
    fixture_destroy(&l->fixture);
    sem_destroy(&l->demanded);
}

void lab_wait_wanted(struct lab *l, encoding_set wanted)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (l->wanted != wanted) {
        if (sem_timedwait(&l->demanded, &until) < 0) {
            fail_msg("wanted is %#x, not %#x", l->wanted, wanted);
        }
    }
}

struct request_count {
    const struct lab *lab;
    uint64_t n;
};

static void count_requests(void *arg)
{
    struct request_count *c = arg;
    c->n = http_server_stats(c->lab->fixture.server)->n_requests;
}

void lab_wait_requests(struct lab *l, unsigned n)
{
    const int64_t give_up_ns = time_monotonic_ns() + PATIENCE_S * NS_PER_S;
    struct request_count c = {.lab = l};
    while (c.n < n) {
        fixture_call(&l->fixture, count_requests, &c);
        assert_true(time_monotonic_ns() < give_up_ns);
    }
}

/* ---- publishing ---- */

static struct packet *make_packet(char filler, size_t size, int64_t age_ns)
{
    struct packet *p = packet_create(size);
    memset(p->data, filler, size);
    p->size = size;
    p->arrival_ns = time_monotonic_ns() - age_ns;
    p->pts_ns = p->arrival_ns;
    p->capture_ns = time_real_ns() - age_ns;
    return p;
}

void lab_publish_jpeg(struct lab *l, char filler, size_t size, int64_t age_ns)
{
    struct packet *p = make_packet(filler, size, age_ns);
    p->data[0] = 0xff;
    p->data[1] = 0xd8;
    p->flags = PACKET_KEY;
    stream_publish(l->stream, ENCODING_JPEG, p);
}

void lab_publish_h264(struct lab *l, char filler, size_t size, bool is_key)
{
    struct packet *p = make_packet(filler, size, 0);
    memcpy(p->data, is_key ? "\0\0\0\1\x65" : "\0\0\0\1\x41", 5);
    p->flags = is_key ? PACKET_KEY : 0;
    stream_publish(l->stream, ENCODING_H264, p);
}

/* ---- asking ---- */

int lab_request(struct lab *l, const char *target)
{
    char request[400];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
    const int fd = client_connect(&l->fixture);
    client_send_text(fd, request);
    return fd;
}

void lab_leave(int fd)
{
    const struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

int lab_ask(struct lab *l, const char *target, struct text *head, struct text *body)
{
    head->size = 0;
    body->size = 0;
    const int fd = lab_request(l, target);
    const int status = client_read_answer(fd, head, body) ? client_status(head) : 0;
    close(fd);
    return status;
}
