/*
 * Threads publish while the loop dispatches: run under ThreadSanitizer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fakes.h"

enum { N_PACKETS = 5000, N_THREADS = 2 };

struct publisher {
    pthread_t thread;
    struct stream *stream;
    enum encoding_id id;
};

static void *publish_all(void *arg)
{
    const struct publisher *p = arg;
    struct track track = fake_track(p->id == ENCODING_JPEG ? CODEC_MJPEG : CODEC_H264, 320);
    for (int n = 0; n < N_PACKETS; n++) {
        if (n % 1000 == 0) {
            track.size.width = 320 + n;
            stream_set_track(p->stream, p->id, &track);
            stream_set_state(p->stream, n % 2000 == 0 ? STREAM_LIVE : STREAM_STALLED, "a sentence");
            stream_set_encoding_error(p->stream, p->id, NULL);
        }
        struct packet *packet = fake_packet(n * NS_PER_MS, n % 50 == 0, 64);
        packet->arrival_ns = time_monotonic_ns();
        if (n == N_PACKETS - 1) {
            packet->flags = PACKET_KEY;
        }
        stream_publish(p->stream, p->id, packet);
    }
    return NULL;
}

static void on_wake(void *arg)
{
    const uint64_t one = 1;
    assert_int_equal(write(*(const int *)arg, &one, sizeof(one)), sizeof(one));
}

static uint64_t n_ingested(const struct stream *s, enum encoding_id id)
{
    const struct encoding_stats *stats = stream_encoding_stats(s, id);
    return stats->n_packets + stats->n_dropped[DROP_INBOX];
}

struct counting_reader {
    struct reader reader;
    uint64_t n_read;
    int64_t last_pts_ns;
};

static void on_ready(struct reader *r)
{
    struct counting_reader *c = (struct counting_reader *)r;
    struct chunk chunk;
    while (reader_next(r, time_monotonic_ns(), &chunk)) {
        assert_true(c->n_read == 0 || chunk.packet->pts_ns > c->last_pts_ns);
        c->last_pts_ns = chunk.packet->pts_ns;
        c->n_read++;
    }
}

static const struct reader_ops ops = {.on_ready = on_ready};

static void test_publish_while_dispatching(void **state)
{
    const struct stream_config config = {.name = "cam"};
    int fd = eventfd(0, EFD_CLOEXEC);
    struct stream *s = stream_create(&config, on_wake, &fd);
    struct counting_reader readers[2] = {0};
    reader_open(&readers[0].reader, s, ENCODING_H264, &fake_mux, MODE_WATCH, "t", &ops, 0);
    reader_open(&readers[1].reader, s, ENCODING_JPEG, NULL, MODE_DRIVE, "t", &ops, 0);
    struct publisher p[N_THREADS] = {{.stream = s, .id = ENCODING_H264},
                                     {.stream = s, .id = ENCODING_JPEG}};
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&p[i].thread, NULL, publish_all, &p[i]), 0);
    }
    const struct packet *last = NULL;
    uint64_t woken;
    /* the last packet of each is a keyframe of its own track: it always comes through */
    while (!last || readers[0].last_pts_ns < (N_PACKETS - 1) * NS_PER_MS ||
           readers[1].last_pts_ns < (N_PACKETS - 1) * NS_PER_MS) {
        assert_int_equal(read(fd, &woken, sizeof(woken)), sizeof(woken));
        stream_dispatch(s, time_monotonic_ns());
        last = stream_newest_key(s, ENCODING_H264);
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(p[i].thread, NULL);
        reader_close(&readers[i].reader, time_monotonic_ns());
        assert_true(n_ingested(s, p[i].id) > 0);
        assert_true(n_ingested(s, p[i].id) <= N_PACKETS);
    }
    stream_destroy(s, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish_while_dispatching),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
