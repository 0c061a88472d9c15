/* UDP sockets on loopback: runs by GSO and by the fallback, the kernel's own refusal, wildcards. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/address.h"
#include "net/udp.h"

enum { DATAGRAM = 1200, N_RUN = 40, LAST = 77 };

static struct endpoint loopback(const char *ip)
{
    struct endpoint e;
    assert_int_equal(endpoint_parse_ip(bytes_of_text(ip), &e), 0);
    return e;
}

static void open_on(struct udp_socket *s, const char *ip)
{
    const struct endpoint e = loopback(ip);
    assert_int_equal(udp_open(s, &e), 0);
    assert_int_not_equal(s->address.port, 0);
}

/* Each datagram is filled with its number. */
static size_t fill_run(uint8_t *out)
{
    for (unsigned i = 0; i < N_RUN; i++) {
        memset(out + i * DATAGRAM, (int)i, DATAGRAM);
    }
    return (N_RUN - 1) * DATAGRAM + LAST;
}

/* Blocks until something is there; loopback delivers before sendmsg() returns. */
static void receive(struct udp_socket *s, struct udp_batch *batch)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    udp_receive(s, batch);
}

static void expect_run(struct udp_socket *s, struct udp_batch *batch)
{
    for (unsigned i = 0; i < N_RUN;) {
        receive(s, batch);
        for (unsigned k = 0; k < batch->n_datagrams; k++, i++) {
            const struct udp_datagram *d = &batch->datagrams[k];
            assert_int_equal(d->size, i == N_RUN - 1 ? LAST : DATAGRAM);
            assert_int_equal(d->data[0], i);
            assert_int_equal(d->data[d->size - 1], i);
        }
    }
}

enum refusal { REFUSES_NOTHING, REFUSES_BY_SWITCH, REFUSES_IN_KERNEL };

static int send_in_pieces(const struct udp_path *path, const uint8_t *run)
{
    struct udp_pieces pieces[N_RUN];
    for (unsigned i = 0; i < N_RUN; i++) {
        const uint8_t *at = run + i * DATAGRAM;
        pieces[i].head = bytes_of(at, 12);
        pieces[i].body = bytes_of(at + 12, (i == N_RUN - 1 ? LAST : DATAGRAM) - 12);
    }
    return udp_send_pieces(path, pieces, N_RUN);
}

static void send_and_expect_run(const char *ip, enum refusal refusal, bool is_in_pieces)
{
    struct udp_socket from, to;
    struct udp_batch *batch = malloc(sizeof(*batch));
    uint8_t *run = malloc(N_RUN * DATAGRAM);
    open_on(&from, ip);
    open_on(&to, ip);
    if (refusal == REFUSES_BY_SWITCH) {
        from.has_gso = false;
    } else if (refusal == REFUSES_IN_KERNEL) {
        const int on = 1; /* Linux refuses to segment what has no checksum: EINVAL */
        assert_int_equal(setsockopt(from.fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on)), 0);
    }
    const bool had_gso = from.has_gso;
    const struct udp_path path = {.socket = &from, .remote = to.address};
    const size_t size = fill_run(run);
    assert_int_equal(is_in_pieces ? send_in_pieces(&path, run)
                                  : udp_send_run(&path, bytes_of(run, size), DATAGRAM),
                     N_RUN);
    expect_run(&to, batch);
    assert_int_equal(from.has_gso, had_gso && refusal == REFUSES_NOTHING);
    assert_int_equal(from.stats.n_sent, N_RUN);
    assert_int_equal(from.stats.n_bytes_sent, size);
    assert_int_equal(from.stats.n_failed + from.stats.n_full, 0);
    udp_close(&from);
    udp_close(&to);
    free(run);
    free(batch);
}

static void test_runs(void **state)
{
    static const struct {
        const char *name;
        const char *ip;
        enum refusal refusal;
    } cases[] = {
        {"segmented by the kernel", "127.0.0.1", REFUSES_NOTHING},
        {"fallback forced", "127.0.0.1", REFUSES_BY_SWITCH},
        {"fallback found out", "127.0.0.1", REFUSES_IN_KERNEL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        print_message("%s\n", cases[i].name);
        send_and_expect_run(cases[i].ip, cases[i].refusal, false);
        send_and_expect_run(cases[i].ip, cases[i].refusal, true);
    }
}

static bool has_ipv6(void)
{
    struct udp_socket s;
    const struct endpoint e = loopback("::1");
    const bool has = udp_open(&s, &e) == 0;
    udp_close(&s);
    return has;
}

static void test_ipv6(void **state)
{
    if (!has_ipv6()) {
        skip();
    }
    send_and_expect_run("::1", REFUSES_NOTHING, true);
    send_and_expect_run("::1", REFUSES_BY_SWITCH, true);
}

/* A failure that is not GSO's must not cost us GSO. */
static void test_other_failures_keep_gso(void **state)
{
    struct udp_socket from;
    uint8_t *run = malloc(N_RUN * DATAGRAM);
    open_on(&from, "127.0.0.1");
    const bool had_gso = from.has_gso;
    const struct udp_path nowhere = {
        .socket = &from,
        .remote = {.version = 4, .ip = {127, 0, 0, 1}, .port = 9},
        .local = {.version = 4, .ip = {192, 0, 2, 1}}, /* not ours */
    };
    const size_t size = fill_run(run);
    assert_true(udp_send_run(&nowhere, bytes_of(run, size), DATAGRAM) < 0);
    assert_int_equal(from.has_gso, had_gso);
    assert_int_equal(from.stats.n_failed, N_RUN);
    udp_close(&from);
    free(run);
}

/* On a wildcard socket the answer leaves from the address that was reached. */
static void test_wildcard_answers_from_reached_address(void **state)
{
    struct udp_socket server, client;
    struct udp_batch *batch = malloc(sizeof(*batch));
    open_on(&server, "0.0.0.0");
    open_on(&client, "127.0.0.1");
    assert_true(server.is_wildcard);
    const struct udp_path to_server = {
        .socket = &client,
        .remote = {.version = 4, .ip = {127, 0, 0, 53}, .port = server.address.port},
    };
    assert_int_equal(udp_send(&to_server, bytes_of("ask", 3)), 0);
    receive(&server, batch);
    assert_int_equal(batch->n_datagrams, 1);
    const struct udp_path back = batch->datagrams[0].path;
    assert_int_equal(back.local.ip[3], 53);
    uint8_t run[2 * DATAGRAM] = {0};
    assert_int_equal(udp_send_run(&back, bytes_of(run, sizeof(run)), DATAGRAM), 2);
    receive(&client, batch);
    assert_true(endpoint_equal(&batch->datagrams[0].path.remote, &to_server.remote));
    assert_true(udp_path_equal(&back, &back));
    assert_false(udp_path_equal(&back, &to_server));
    udp_close(&server);
    udp_close(&client);
    free(batch);
}

static void test_too_long_is_dropped(void **state)
{
    struct udp_socket from, to;
    struct udp_batch *batch = malloc(sizeof(*batch));
    uint8_t big[UDP_RECEIVE_SIZE_MAX + 1] = {0};
    open_on(&from, "127.0.0.1");
    open_on(&to, "127.0.0.1");
    const struct udp_path path = {.socket = &from, .remote = to.address};
    assert_int_equal(udp_send(&path, bytes_of(big, sizeof(big))), 0);
    assert_int_equal(udp_send(&path, bytes_of("x", 1)), 0);
    receive(&to, batch);
    assert_int_equal(batch->n_datagrams, 1);
    assert_int_equal(batch->datagrams[0].size, 1);
    assert_int_equal(to.stats.n_truncated, 1);
    assert_false(udp_receive(&to, batch));
    assert_int_equal(batch->n_datagrams, 0);
    udp_close(&from);
    udp_close(&to);
    free(batch);
}

static void expect_inside(const struct endpoint *e)
{
    struct udp_socket inside, near, other;
    struct udp_batch *batch = malloc(sizeof(*batch));
    assert_int_equal(udp_open_inside(&inside, e), 0);
    assert_int_equal(udp_open(&near, e), 0);
    open_on(&other, e->version == 6 ? "::1" : "127.0.0.1"); /* not that very address */
    const struct udp_path far = {.socket = &other, .remote = inside.address};
    const struct udp_path path = {.socket = &near, .remote = inside.address};
    assert_int_equal(udp_send(&far, bytes_of("z", 1)), 0);
    assert_int_equal(udp_send(&path, bytes_of("x", 1)), 0);
    receive(&inside, batch);
    assert_int_equal(batch->n_datagrams, 1);
    assert_int_equal(batch->datagrams[0].data[0], 'x');
    assert_int_equal(udp_send(&batch->datagrams[0].path, bytes_of("y", 1)), 0);
    receive(&near, batch);
    assert_int_equal(batch->datagrams[0].data[0], 'y');
    udp_close(&inside);
    udp_close(&near);
    udp_close(&other);
    free(batch);
}

/* What only this machine's own address can reach. */
static void test_inside(void **state)
{
    struct address interfaces[8];
    const int n = address_interfaces(interfaces, 8);
    for (int i = 0; i < n; i++) {
        struct endpoint e;
        if (!address_is_loopback(&interfaces[i]) &&
            endpoint_from_sockaddr(&interfaces[i].sa, &e) == 0) {
            expect_inside(&e);
        }
    }
}

static void test_taken_port(void **state)
{
    struct udp_socket first, second;
    open_on(&first, "127.0.0.1");
    assert_int_equal(udp_open(&second, &first.address), -EADDRINUSE);
    assert_int_equal(second.fd, -1);
    udp_close(&second);
    udp_close(&first);
    udp_close(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_other_failures_keep_gso),
        cmocka_unit_test(test_wildcard_answers_from_reached_address),
        cmocka_unit_test(test_too_long_is_dropped),
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_taken_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
