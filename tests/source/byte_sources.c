/* pipe:, file: and tcp: with writers of every temper; what comes out is compared with what x264
 * made. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "bitstream/h264.h"
#include "codec/x264.h"
#include "source/file.h"
#include "source/pipe.h"
#include "source/tcp.h"
#include "source/test_picture.h"
#include "source_run.h"

enum { N_UNITS = 120, KEYFRAME_EVERY = 15 };

struct stream {
    struct packet *units[N_UNITS];
};

static struct stream stream;
static char folder[] = "/tmp/avocet-source-XXXXXX";

static int make_stream(void **state)
{
    struct test_picture t;
    struct option_error error;
    void *encoder = calloc(1, encoder_x264.state_size);
    const struct encoder_params params = {
        .size = {320, 240}, .rate = {25, 1}, .bitrate_bps = 400000, .vbv_frames = 2};
    if (encoder_x264.open(encoder, &params, &error) < 0 || !mkdtemp(folder)) {
        return -1;
    }
    test_picture_init(&t, params.size, TEST_PATTERN_NOISE, "bytes");
    struct picture *p = picture_create(PIXEL_I420, params.size);
    for (int n = 0; n < N_UNITS; n++) {
        const struct test_moment moment = {.capture_ns = 1 + n * 40 * NS_PER_MS,
                                           .elapsed_ns = n * 40 * NS_PER_MS};
        test_picture_draw(&t, p, 0, &moment);
        if (encoder_x264.encode(encoder, p, n % KEYFRAME_EVERY == 0, &stream.units[n], &error) <
            0) {
            return -1;
        }
    }
    picture_unref(&p);
    encoder_x264.close(encoder);
    free(encoder);
    return 0;
}

static int drop_stream(void **state)
{
    for (int n = 0; n < N_UNITS; n++) {
        packet_unref(&stream.units[n]);
    }
    return rmdir(folder);
}

/* A camera on the other end of a descriptor. */
struct writer {
    pthread_t thread;
    int fd;
    size_t piece_bytes; /* each write; 0: a whole access unit */
    int64_t gap_ns;     /* between the pieces of an access unit */
    int64_t frame_ns;   /* between access units; 0: none */
    int n_passes;
    int64_t written_ns[N_UNITS]; /* when the last byte of each was written; of the last pass */
};

static void sleep_until(int64_t when_ns)
{
    const struct timespec t = {.tv_sec = when_ns / NS_PER_S, .tv_nsec = when_ns % NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

static void write_unit(struct writer *w, struct packet *p, int64_t *written_ns)
{
    const size_t piece = w->piece_bytes > 0 ? w->piece_bytes : p->size;
    for (size_t done = 0; done < p->size;) {
        const size_t size = p->size - done < piece ? p->size - done : piece;
        const ssize_t n = write(w->fd, p->data + done, size);
        if (n <= 0) {
            return;
        }
        done += (size_t)n;
        *written_ns = time_monotonic_ns();
        if (w->gap_ns > 0 && done < p->size) {
            sleep_until(*written_ns + w->gap_ns);
        }
    }
}

static void *run_writer(void *arg)
{
    struct writer *w = arg;
    int64_t next_ns = time_monotonic_ns();
    for (int pass = 0; pass < w->n_passes; pass++) {
        for (int n = 0; n < N_UNITS; n++) {
            sleep_until(next_ns);
            write_unit(w, stream.units[n], &w->written_ns[n]);
            next_ns += w->frame_ns;
        }
    }
    close(w->fd);
    return NULL;
}

static bool is_unit(const struct packet *p, int n)
{
    return bytes_equal(packet_bytes(p), packet_bytes(stream.units[n % N_UNITS]));
}

static int compare_ns(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Read to the end; every packet must be the next one or, behind a marked loss, a later one. */
static int read_all(struct source_run *r, int64_t *read_ns)
{
    int n_read = 0;
    int next = 0;
    int64_t last_pts_ns = TIME_NONE;
    struct source_unit unit = {0};
    int result;
    while ((result = source_run_read(r, 5 * NS_PER_S, &unit)) == 0) {
        struct packet *p = unit.packet;
        if (p->flags & PACKET_DISCONTINUITY) {
            assert_true(packet_is_key(p));
            while (next < 10 * N_UNITS && !is_unit(p, next)) {
                next++;
            }
        }
        if (!is_unit(p, next)) {
            fail_msg("packet %d is not access unit %d", n_read, next);
        }
        assert_int_equal(packet_is_key(p), next % KEYFRAME_EVERY == 0);
        assert_true(p->pts_ns > last_pts_ns && p->capture_ns > 0 && p->arrival_ns > 0);
        last_pts_ns = p->pts_ns;
        assert_int_equal(unit.track->size.width, 320);
        assert_int_equal(unit.track->rate.num, 25 * unit.track->rate.den);
        assert_string_equal(unit.track->codec_string, "avc1.42c01f");
        if (read_ns) {
            read_ns[next % N_UNITS] = time_monotonic_ns();
        }
        next++;
        n_read++;
        packet_unref(&unit.packet);
    }
    assert_int_equal(result, -EPIPE);
    assert_non_null(strstr(r->error.sentence, "end"));
    return n_read;
}

static void open_fifo(struct source_run *r, struct writer *w, char *path, size_t size)
{
    snprintf(path, size, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    source_run_init(r, &source_pipe, path, "");
    assert_int_equal(source_run_open(r), 0);
    w->fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(w->fd >= 0);
    assert_int_equal(unlink(path), 0);
}

/* The median of: last byte written to packet read. */
static int64_t median_delay_ns(const struct writer *w, const int64_t *read_ns)
{
    int64_t delays_ns[N_UNITS];
    for (int n = 0; n < N_UNITS; n++) {
        const int64_t delay_ns = read_ns[n] - w->written_ns[n];
        delays_ns[n] = delay_ns > 0 ? delay_ns : INT64_MAX; /* never read */
    }
    qsort(delays_ns, N_UNITS, sizeof(delays_ns[0]), compare_ns);
    return delays_ns[N_UNITS / 2];
}

/*
 * With a frame every 10 ms each one is out soon after its last byte, not when the next begins.
 * run() writes and reads all of them once; a busy machine gets further chances.
 */
static void assert_prompt(int64_t (*run)(void))
{
    enum { CHANCES = 4 };
    int64_t best_ns = INT64_MAX;
    for (int i = 0; i < CHANCES && best_ns > 5 * NS_PER_MS; i++) {
        const int64_t delay_ns = run();
        best_ns = delay_ns < best_ns ? delay_ns : best_ns;
    }
    if (best_ns > 5 * NS_PER_MS) {
        fail_msg("the median delay is %.1f ms", (double)best_ns / 1e6);
    }
}

static int64_t run_pipe(void)
{
    struct source_run r;
    struct writer w = {.frame_ns = 10 * NS_PER_MS, .n_passes = 2};
    int64_t read_ns[N_UNITS] = {0};
    char path[100];
    char text[100];
    open_fifo(&r, &w, path, sizeof(path));
    pthread_create(&w.thread, NULL, run_writer, &w);
    (void)read_all(&r, read_ns);
    pthread_join(w.thread, NULL);
    source_pipe.describe(r.state, text, sizeof(text));
    assert_string_equal(text, "320x240 avc1.42c01f at 25 fps");
    source_run_finish(&r);
    return median_delay_ns(&w, read_ns);
}

static void test_pipe_is_prompt(void **state)
{
    assert_prompt(run_pipe);
}

static void test_pipe_with_slow_writers(void **state)
{
    static const struct {
        size_t piece_bytes;
        int64_t gap_ns;
        int n_least; /* packets that must come through */
    } rows[] = {
        {1, 0, N_UNITS},
        {7, 0, N_UNITS},
        {4096, 0, N_UNITS},
        {500, NS_PER_MS, N_UNITS / 2},     /* on a busy machine the gaps grow */
        {700, 4 * NS_PER_MS, N_UNITS / 2}, /* pauses within access units */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct source_run r;
        struct writer w = {
            .piece_bytes = rows[i].piece_bytes, .gap_ns = rows[i].gap_ns, .n_passes = 1};
        char path[100];
        open_fifo(&r, &w, path, sizeof(path));
        pthread_create(&w.thread, NULL, run_writer, &w);
        const int n = read_all(&r, NULL);
        pthread_join(w.thread, NULL);
        assert_in_range(n, rows[i].n_least, N_UNITS);
        source_run_finish(&r);
    }
}

static void write_part(int fd, const struct packet *p, size_t from, size_t to)
{
    assert_int_equal(write(fd, p->data + from, to - from), (ssize_t)(to - from));
}

/* A frame in two halves leaves with its second one, and needs no next one; the first frame too. */
static void test_pipe_with_halves(void **state)
{
    struct source_run r;
    struct writer w = {0};
    char path[100];
    open_fifo(&r, &w, path, sizeof(path));
    for (int n = 0; n < N_UNITS; n++) {
        struct source_unit unit = {0};
        const struct packet *p = stream.units[n];
        write_part(w.fd, p, 0, p->size / 2);
        assert_int_equal(source_run_read(&r, 5 * NS_PER_MS, &unit), -ETIMEDOUT);
        write_part(w.fd, p, p->size / 2, p->size);
        assert_int_equal(source_run_read(&r, 10 * NS_PER_S, &unit), 0);
        assert_int_equal(unit.packet->size, p->size);
        packet_unref(&unit.packet);
    }
    close(w.fd);
    source_run_finish(&r);
}

static void test_pipe_refusals(void **state)
{
    struct source_run r;
    struct source_unit unit = {0};
    char path[100];
    snprintf(path, sizeof(path), "%s/none", folder);
    source_run_init(&r, &source_pipe, path, "");
    assert_int_equal(source_run_open(&r), -ENOENT);
    assert_non_null(strstr(r.error.sentence, "mkfifo"));
    source_run_finish(&r);

    /* a pipe without a writer: nothing comes, and waiting can be interrupted */
    assert_int_equal(mkfifo(path, 0600), 0);
    source_run_init(&r, &source_pipe, path, "");
    assert_int_equal(source_run_open(&r), 0);
    assert_int_equal(source_run_read(&r, NS_PER_MS, &unit), -ETIMEDOUT);
    source_run_wake(&r);
    assert_int_equal(source_run_read(&r, NS_PER_S, &unit), -EINTR);
    source_run_finish(&r);
    unlink(path);

    /* bytes without end or picture: the deadline counts all the same */
    source_run_init(&r, &source_pipe, "/dev/zero", "");
    assert_int_equal(source_run_open(&r), 0);
    assert_int_equal(source_run_read(&r, 10 * NS_PER_MS, &unit), -ETIMEDOUT);
    source_run_finish(&r);
}

static int listen_somewhere(char *location, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(location, size, "127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

static int64_t run_tcp(void)
{
    struct source_run r;
    struct writer w = {.frame_ns = 10 * NS_PER_MS, .n_passes = 2};
    int64_t read_ns[N_UNITS] = {0};
    char location[50];
    const int listening = listen_somewhere(location, sizeof(location));
    assert_int_equal(listen(listening, 1), 0);
    source_run_init(&r, &source_tcp, location, "");
    assert_int_equal(source_run_open(&r), 0);
    w.fd = accept(listening, NULL, NULL);
    pthread_create(&w.thread, NULL, run_writer, &w);
    (void)read_all(&r, read_ns);
    pthread_join(w.thread, NULL);
    source_run_finish(&r);
    close(listening);
    return median_delay_ns(&w, read_ns);
}

static void test_tcp_is_prompt(void **state)
{
    assert_prompt(run_tcp);
}

static void test_tcp_refusals(void **state)
{
    static const struct {
        const char *location;
        int expected;
        const char *word;
    } rows[] = {
        {"127.0.0.1", -EINVAL, "HOST:PORT"},  {":80", -EINVAL, "HOST:PORT"},
        {"127.0.0.1:", -EINVAL, "HOST:PORT"}, {"127.0.0.1:http", -EHOSTUNREACH, "127.0.0.1:http"},
        {"[::zz]:80", -EHOSTUNREACH, "::zz"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct source_run r;
        source_run_init(&r, &source_tcp, rows[i].location, "");
        assert_int_equal(source_run_open(&r), rows[i].expected);
        assert_non_null(strstr(r.error.sentence, rows[i].word));
        source_run_finish(&r);
    }
    /* bound but not listening: refused */
    struct source_run r;
    struct source_unit unit = {0};
    char location[50];
    const int silent = listen_somewhere(location, sizeof(location));
    source_run_init(&r, &source_tcp, location, "");
    int result = source_run_open(&r);
    if (result == 0) {
        result = source_run_read(&r, 5 * NS_PER_S, &unit);
    }
    assert_int_equal(result, -ECONNREFUSED);
    assert_non_null(strstr(r.error.sentence, location));
    source_run_finish(&r);
    close(silent);
}

static void write_file(const char *path, int n_units)
{
    FILE *f = fopen(path, "wb");
    for (int n = 0; n < n_units; n++) {
        fwrite(stream.units[n]->data, 1, stream.units[n]->size, f);
    }
    fclose(f);
}

static void test_file_is_looped_and_paced(void **state)
{
    struct source_run r;
    struct source_unit unit = {0};
    char path[100];
    snprintf(path, sizeof(path), "%s/some.h264", folder);
    write_file(path, KEYFRAME_EVERY);
    source_run_init(&r, &source_file, path, "");
    r.params.is_rate_given = true;
    r.params.rate = (struct rational){500, 1};
    assert_int_equal(source_run_open(&r), 0);
    int64_t first_ns = 0;
    for (int n = 0; n < 4 * KEYFRAME_EVERY; n++) {
        assert_int_equal(source_run_read(&r, 5 * NS_PER_S, &unit), 0);
        assert_true(is_unit(unit.packet, n % KEYFRAME_EVERY));
        assert_int_equal(unit.track->rate.num, 500);
        first_ns = n == 0 ? unit.packet->pts_ns : first_ns;
        assert_in_range(unit.packet->pts_ns - first_ns, n * 2 * NS_PER_MS, 10 * NS_PER_S);
        assert_true(unit.packet->arrival_ns >= unit.packet->pts_ns);
        assert_int_equal((unit.packet->flags & PACKET_DISCONTINUITY) != 0,
                         n > 0 && n % KEYFRAME_EVERY == 0);
        packet_unref(&unit.packet);
    }
    source_run_wake(&r);
    assert_int_equal(source_run_read(&r, NS_PER_S, &unit), -EINTR);
    source_run_finish(&r);

    source_run_init(&r, &source_file, path, "loop=off");
    assert_int_equal(source_run_open(&r), 0);
    assert_int_equal(read_all(&r, NULL), KEYFRAME_EVERY); /* at 25 per second, says its VUI */
    source_run_finish(&r);
    unlink(path);
}

static void test_file_of_jpegs(void **state)
{
    /* SOI, SOF0 of 320 x 48, DHT, SOS, data, EOI; the second one's data differ */
    static const uint8_t jpegs[] = {
        0xff, 0xd8, 0xff, 0xc0, 0, 11, 8,    0,    48, 1, 64, 1, 1,    0x11,
        0,    0xff, 0xc4, 0,    3, 0,  0xff, 0xda, 0,  3, 0,  1, 0xff, 0xd9,
        0xff, 0xd8, 0xff, 0xc0, 0, 11, 8,    0,    48, 1, 64, 1, 1,    0x11,
        0,    0xff, 0xc4, 0,    3, 0,  0xff, 0xda, 0,  3, 0,  2, 0xff, 0xd9,
    };
    enum { ONE = sizeof(jpegs) / 2 };
    struct source_run r;
    struct source_unit unit = {0};
    char path[100];
    snprintf(path, sizeof(path), "%s/some.mjpg", folder);
    FILE *f = fopen(path, "wb");
    fwrite(jpegs, 1, sizeof(jpegs), f);
    fclose(f);
    source_run_init(&r, &source_file, path, "");
    r.params.is_rate_given = true;
    r.params.rate = (struct rational){500, 1};
    assert_int_equal(source_run_open(&r), 0);
    for (int n = 0; n < 5; n++) {
        assert_int_equal(source_run_read(&r, 5 * NS_PER_S, &unit), 0);
        assert_true(bytes_equal(packet_bytes(unit.packet), bytes_of(jpegs + n % 2 * ONE, ONE)));
        assert_true(packet_is_key(unit.packet));
        assert_int_equal(unit.track->codec, CODEC_MJPEG);
        assert_int_equal(unit.track->size.width, 320);
        packet_unref(&unit.packet);
    }
    source_run_finish(&r);
    unlink(path);
}

static void test_file_refusals(void **state)
{
    struct source_run r;
    struct source_unit unit = {0};
    char path[100];
    snprintf(path, sizeof(path), "%s/none", folder);
    source_run_init(&r, &source_file, path, "");
    assert_int_equal(source_run_open(&r), -ENOENT);
    assert_non_null(strstr(r.error.sentence, path));
    source_run_finish(&r);

    FILE *f = fopen(path, "w");
    fputs("no pictures here", f);
    fclose(f);
    source_run_init(&r, &source_file, path, "");
    assert_int_equal(source_run_open(&r), 0);
    assert_int_equal(source_run_read(&r, NS_PER_S, &unit), -EBADMSG);
    assert_non_null(strstr(r.error.sentence, "no H.264"));
    source_run_finish(&r);

    assert_int_equal(truncate(path, (off_t)1 << 40), 0); /* nobody waits for the end of that */
    source_run_init(&r, &source_file, path, "");
    assert_int_equal(source_run_open(&r), 0);
    assert_int_equal(source_run_read(&r, NS_PER_S, &unit), -EBADMSG);
    source_run_finish(&r);
    unlink(path);

    assert_int_equal(mkfifo(path, 0600), 0); /* opening it would wait for its writer */
    source_run_init(&r, &source_file, path, "");
    assert_int_equal(source_run_open(&r), -EINVAL);
    assert_non_null(strstr(r.error.sentence, "pipe:PATH"));
    source_run_finish(&r);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipe_is_prompt),
        cmocka_unit_test(test_pipe_with_slow_writers),
        cmocka_unit_test(test_pipe_with_halves),
        cmocka_unit_test(test_pipe_refusals),
        cmocka_unit_test(test_tcp_is_prompt),
        cmocka_unit_test(test_tcp_refusals),
        cmocka_unit_test(test_file_is_looped_and_paced),
        cmocka_unit_test(test_file_of_jpegs),
        cmocka_unit_test(test_file_refusals),
    };
    return cmocka_run_group_tests(tests, make_stream, drop_stream);
}
