/* A stream's connection over loopback TCP, to a peer that reads when the test says so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net/connection.h"

enum { PEER_BUFFER_BYTES = 16 * 1024, FRAME_BYTES = 64 * 1024, FRAMES_MAX = 200 };

struct lab {
    struct loop *loop;
    struct connection connection;
    int peer;
    struct loop_timer sip; /* the peer reads a little, again and again */
    unsigned n_drained;
    int unsent_bytes; /* of the kernel when it drained */
};

static struct lab *lab_of(struct connection *c)
{
    return list_entry(c, struct lab, connection);
}

static void on_drained(struct connection *c)
{
    struct lab *l = lab_of(c);
    l->n_drained++;
    assert_int_equal(ioctl(c->watch.fd, SIOCOUTQNSD, &l->unsent_bytes), 0);
    loop_stop(l->loop);
}

static void on_unexpected(struct connection *c)
{
    fail();
}

static const struct connection_ops ops = {
    .on_input = on_unexpected, .on_drained = on_drained, .on_broken = on_unexpected};

static void on_sip(struct loop_timer *t)
{
    struct lab *l = list_entry(t, struct lab, sip);
    char bytes[1024];
    (void)!recv(l->peer, bytes, sizeof(bytes), MSG_DONTWAIT);
    loop_timer_start(t, NS_PER_MS / 10);
}

/* Small buffers at the peer, so that what is sent soon waits on our side. */
static void connect_pair(int *server, int *client)
{
    const int size = PEER_BUFFER_BYTES;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(a);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &length), 0);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(*client, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    assert_int_equal(connect(*client, (struct sockaddr *)&a, length), 0);
    *server = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(*server >= 0);
    close(listener);
}

static int setup(void **state)
{
    static struct lab l;
    const struct address peer = {0};
    int fd;
    l = (struct lab){0};
    connect_pair(&fd, &l.peer);
    assert_int_equal(loop_create(&l.loop), 0);
    loop_timer_init(&l.sip, l.loop, on_sip);
    connection_init(&l.connection, l.loop, fd, &peer, &ops);
    connection_tune_for_stream(&l.connection);
    *state = &l;
    return 0;
}

static int teardown(void **state)
{
    struct lab *l = *state;
    connection_close(&l->connection);
    loop_timer_finish(&l->sip);
    loop_destroy(l->loop);
    close(l->peer);
    return 0;
}

static int unsent_limit(const struct lab *l)
{
    int value = -1;
    socklen_t size = sizeof(value);
    assert_int_equal(
        getsockopt(l->connection.watch.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, &size), 0);
    return value;
}

static void send_bytes(struct lab *l, size_t size)
{
    struct buf *b = buf_create(size);
    assert_non_null(b);
    memset(b->data, 'x', size);
    b->size = size;
    assert_int_equal(connection_send(&l->connection, &b, 1), 0);
    buf_unref(&b);
}

static void fill(struct lab *l)
{
    for (int i = 0; i < FRAMES_MAX && connection_is_drained(&l->connection); i++) {
        send_bytes(l, FRAME_BYTES);
    }
    assert_false(connection_is_drained(&l->connection));
}

static void test_a_slow_peer_is_given_more_when_little_is_unsent(void **state)
{
    struct lab *l = *state;
    assert_int_equal(unsent_limit(l), CONNECTION_NOTSENT_LOWAT_BYTES);
    send_bytes(l, 100);
    assert_true(connection_is_ready(&l->connection));
    assert_int_equal(unsent_limit(l), CONNECTION_NOTSENT_LOWAT_BYTES);
    fill(l);
    assert_int_equal(unsent_limit(l), CONNECTION_NOTSENT_SLOW_BYTES);
    loop_timer_start(&l->sip, 0);
    for (unsigned n = 1; n <= 5; n++) {
        assert_int_equal(loop_run(l->loop), 0);
        assert_int_equal(l->n_drained, n);
        assert_in_range(l->unsent_bytes, 0, CONNECTION_NOTSENT_SLOW_BYTES);
        assert_true(connection_is_ready(&l->connection));
        send_bytes(l, FRAME_BYTES);
        assert_false(connection_is_ready(&l->connection));
    }
}

/* All fits into the kernel, which has enough with it: a slow peer's next frame is not chosen yet.
 */
static void test_a_slow_peer_with_a_frame_in_the_kernel_is_not_ready(void **state)
{
    struct lab *l = *state;
    fill(l);
    loop_timer_start(&l->sip, 0);
    assert_int_equal(loop_run(l->loop), 0);
    send_bytes(l, 100);
    assert_true(connection_is_drained(&l->connection));
    assert_false(connection_is_ready(&l->connection));
    assert_int_equal(loop_run(l->loop), 0);
    assert_true(connection_is_ready(&l->connection));
}

static void test_a_peer_that_keeps_up_again_is_slow_no_longer(void **state)
{
    struct lab *l = *state;
    fill(l);
    loop_timer_start(&l->sip, 0);
    assert_int_equal(loop_run(l->loop), 0);
    assert_true(l->connection.slow_ns != TIME_NONE);
    l->connection.slow_ns -= CONNECTION_SLOW_NS + NS_PER_S; /* as if so much time had passed */
    assert_int_equal(connection_backlog_ns(&l->connection), 0);
    assert_int_equal(unsent_limit(l), CONNECTION_NOTSENT_LOWAT_BYTES);
    send_bytes(l, 100);
    assert_true(connection_is_ready(&l->connection));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_slow_peer_is_given_more_when_little_is_unsent),
        TEST(test_a_slow_peer_with_a_frame_in_the_kernel_is_not_ready),
        TEST(test_a_peer_that_keeps_up_again_is_slow_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
