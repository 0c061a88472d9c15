/* RTSP players that take RTP over UDP, also from a multicast group. */
#include "rtsp_player.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/udp.h"
#include "proto/rtcp.h"
#include "sink/rtsp.h"
#include "sink/rtsp_udp.h"

enum { PATIENCE_MS = 20000 };

/* A player with its two ports. */
struct udp_player {
    struct player player;
    struct udp_socket rtp;
    struct udp_socket rtcp;
    uint16_t server_ports[2];
    uint32_t ssrc;
    struct udp_batch *batch;
    unsigned n_read; /* of the batch */
};

static const struct endpoint here = {.ip = {127, 0, 0, 1}, .version = 4};

static void udp_set_up(struct udp_player *u, struct lab *l)
{
    char transport[120];
    unsigned ports[2], ssrc;
    *u = (struct udp_player){.batch = calloc(1, sizeof(*u->batch))};
    assert_int_equal(udp_open(&u->rtp, &here), 0);
    assert_int_equal(udp_open(&u->rtcp, &here), 0);
    player_connect(&u->player, l);
    snprintf(transport, sizeof(transport), "Transport: RTP/AVP;unicast;client_port=%u-%u\r\n",
             u->rtp.address.port, u->rtcp.address.port);
    assert_int_equal(player_ask(&u->player, "SETUP rtsp://h/cam/trackID=0", transport), 200);
    const char *answer = strstr(player_header(&u->player, "Transport"), ";server_port=");
    assert_non_null(answer);
    assert_int_equal(sscanf(answer, ";server_port=%u-%u;ssrc=%x", &ports[0], &ports[1], &ssrc), 3);
    assert_int_equal(ports[0] % 2, 0);
    assert_int_equal(ports[1], ports[0] + 1);
    u->server_ports[0] = (uint16_t)ports[0];
    u->server_ports[1] = (uint16_t)ports[1];
    u->ssrc = ssrc;
}

static void udp_finish(struct udp_player *u)
{
    player_finish(&u->player);
    udp_close(&u->rtp);
    udp_close(&u->rtcp);
    free(u->batch);
}

static void udp_play(struct udp_player *u, struct lab *l, size_t size)
{
    player_request(&u->player, "PLAY rtsp://h/cam", "");
    lab_wait_wanted(l, 1 << ENCODING_H264);
    lab_publish_h264(l, 'k', size, true);
    assert_int_equal(player_answer(&u->player), 200);
}

static void wait_for(const struct udp_socket *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

/* The next RTP packet, which comes from the port that SETUP told. */
static struct rtp_packet next_rtp(struct udp_player *u)
{
    struct rtp_packet rtp;
    while (u->n_read == u->batch->n_datagrams) {
        wait_for(&u->rtp);
        udp_receive(&u->rtp, u->batch);
        u->n_read = 0;
    }
    const struct udp_datagram *d = &u->batch->datagrams[u->n_read++];
    assert_int_equal(d->path.remote.port, u->server_ports[0]);
    assert_int_equal(rtp_parse(bytes_of(d->data, d->size), &rtp), 0);
    assert_int_equal(rtp.header.ssrc, u->ssrc);
    return rtp;
}

/* All packets of a frame, which begins with this sequence number; the next one. */
static uint16_t expect_frame(struct udp_player *u, uint16_t sequence, size_t *size)
{
    struct rtp_packet rtp;
    *size = 0;
    do {
        rtp = next_rtp(u);
        assert_int_equal(rtp.header.sequence, sequence++);
        *size += rtp.payload.size;
    } while (!rtp.header.marker);
    return sequence;
}

static uint16_t first_sequence(struct udp_player *u)
{
    unsigned sequence;
    const char *at = strstr(player_header(&u->player, "RTP-Info"), "seq=");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "seq=%u", &sequence), 1);
    return (uint16_t)sequence;
}

static void send_report(struct udp_player *u, struct udp_socket *from, uint8_t fraction_lost)
{
    uint8_t bytes[64];
    struct byte_writer w;
    const struct rtcp_report_block block = {.ssrc = u->ssrc, .fraction_lost = fraction_lost};
    const struct udp_path path = {
        .socket = from, .remote = {.ip = {127, 0, 0, 1}, .version = 4, .port = u->server_ports[1]}};
    byte_writer_init(&w, bytes, sizeof(bytes));
    rtcp_write_rr(&w, 7, &block, 1);
    assert_int_equal(udp_send(&path, bytes_of(bytes, byte_writer_size(&w))), 0);
}

static void shorten_silence(void *arg)
{
    struct lab *l = arg;
    rtsp_limits(l->rtsp)->silence_ns = 400 * NS_PER_MS;
    rtsp_limits(l->rtsp)->check_ns = 20 * NS_PER_MS;
}

static void test_frames_and_reports(void **state)
{
    struct lab l;
    struct udp_player u;
    size_t size;
    lab_create(&l);
    udp_set_up(&u, &l);
    udp_play(&u, &l, 300000); /* more than leaves in one go */
    uint16_t sequence = expect_frame(&u, first_sequence(&u), &size);
    assert_true(size > 300000 - 4 && size < 301000);
    lab_publish_h264(&l, 'p', 20000, false);
    sequence = expect_frame(&u, sequence, &size);
    lab_publish_h264(&l, 'p', 20, false);
    expect_frame(&u, sequence, &size);
    assert_int_equal(size, 16);
    wait_for(&u.rtcp); /* sent before the first frame */
    udp_receive(&u.rtcp, u.batch);
    assert_int_equal(u.batch->datagrams[0].path.remote.port, u.server_ports[1]);
    assert_int_equal(u.batch->datagrams[0].data[1], 200);
    assert_int_equal(player_ask(&u.player, "TEARDOWN rtsp://h/cam", ""), 200);
    lab_wait_wanted(&l, 0);
    udp_finish(&u);
    lab_destroy(&l);
}

static void test_two_players_share_the_ports(void **state)
{
    struct lab l;
    struct udp_player a, b;
    size_t size;
    lab_create(&l);
    udp_set_up(&a, &l);
    udp_set_up(&b, &l);
    assert_int_equal(a.server_ports[0], b.server_ports[0]);
    assert_int_not_equal(a.ssrc, b.ssrc);
    udp_play(&a, &l, 5000);
    expect_frame(&a, first_sequence(&a), &size);
    assert_int_equal(player_ask(&b.player, "PLAY rtsp://h/cam", ""), 200);
    expect_frame(&b, first_sequence(&b), &size);
    udp_finish(&a);
    udp_finish(&b);
    lab_destroy(&l);
}

/* Reports keep a session alive, but not somebody else's. */
static void test_signs_of_life(void **state)
{
    struct lab l;
    struct udp_player alive, silent;
    struct udp_socket foreign;
    lab_create(&l);
    fixture_call(&l.fixture, shorten_silence, &l);
    assert_int_equal(udp_open(&foreign, &here), 0);
    udp_set_up(&alive, &l);
    udp_set_up(&silent, &l);
    udp_play(&alive, &l, 100);
    assert_int_equal(player_ask(&silent.player, "PLAY rtsp://h/cam", ""), 200);
    const int64_t end_ns = time_monotonic_ns() + NS_PER_S;
    while (time_monotonic_ns() < end_ns) {
        send_report(&alive, &alive.rtcp, 0);
        send_report(&silent, &foreign, 0);
        struct pollfd p = {.fd = alive.player.fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 20), 0); /* it is not closed */
    }
    assert_int_equal(player_answer(&silent.player), 0);
    udp_finish(&alive);
    udp_finish(&silent);
    udp_close(&foreign);
    lab_destroy(&l);
}

/* Until a report has had its effect, the test sees by a player request that came after it. */
static void report_loss(struct udp_player *u, uint8_t fraction_lost)
{
    send_report(u, &u->rtcp, fraction_lost);
    assert_int_equal(player_ask(&u->player, "GET_PARAMETER rtsp://h/cam", ""), 200);
    assert_int_equal(player_ask(&u->player, "GET_PARAMETER rtsp://h/cam", ""), 200);
}

static void test_loss_leaves_keyframes(void **state)
{
    struct lab l;
    struct udp_player u;
    size_t size;
    lab_create(&l);
    udp_set_up(&u, &l);
    udp_play(&u, &l, 100);
    uint16_t sequence = expect_frame(&u, first_sequence(&u), &size);
    report_loss(&u, RTSP_LOSS_HIGH);
    lab_publish_h264(&l, 'p', 200, false); /* the one that finds out */
    sequence = expect_frame(&u, sequence, &size);
    lab_publish_h264(&l, 'n', 300, false);
    lab_publish_h264(&l, 'n', 300, false);
    lab_publish_h264(&l, 'k', 400, true);
    sequence = expect_frame(&u, sequence, &size);
    assert_int_equal(size, 396);
    report_loss(&u, 0);
    lab_publish_h264(&l, 'k', 500, true);
    sequence = expect_frame(&u, sequence, &size);
    lab_publish_h264(&l, 'p', 600, false);
    expect_frame(&u, sequence, &size);
    assert_int_equal(size, 596);
    udp_finish(&u);
    lab_destroy(&l);
}

/* ---- multicast, on the loopback interface ---- */

struct member {
    struct player player;
    struct in_addr group;
    unsigned port;
    unsigned ttl;
    int fd;
};

static void member_set_up(struct member *m, struct lab *l, const char *ttl)
{
    char transport[100];
    char group[20];
    unsigned rtcp_port;
    snprintf(transport, sizeof(transport), "Transport: RTP/AVP;multicast%s\r\n", ttl);
    player_connect(&m->player, l);
    assert_int_equal(player_ask(&m->player, "SETUP rtsp://h/cam", transport), 200);
    assert_int_equal(sscanf(player_header(&m->player, "Transport"),
                            "RTP/AVP;multicast;destination=%19[0-9.];port=%u-%u;ttl=%u", group,
                            &m->port, &rtcp_port, &m->ttl),
                     4);
    assert_int_equal(rtcp_port, m->port + 1);
    assert_int_equal(strncmp(group, "239.255.", 8), 0);
    assert_int_equal(inet_pton(AF_INET, group, &m->group), 1);
}

static void member_listen(struct member *m)
{
    const int one = 1;
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)m->port), .sin_addr = m->group};
    const struct ip_mreq membership = {.imr_multiaddr = m->group,
                                       .imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
    m->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(m->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(m->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(
        setsockopt(m->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof(membership)), 0);
}

static void member_expect(struct member *m, uint16_t *sequence, bool is_first)
{
    uint8_t bytes[2048];
    struct rtp_packet rtp;
    struct pollfd p = {.fd = m->fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    const ssize_t n = recv(m->fd, bytes, sizeof(bytes), 0);
    assert_true(n > 0);
    assert_int_equal(rtp_parse(bytes_of(bytes, (size_t)n), &rtp), 0);
    assert_true(is_first || rtp.header.sequence == (uint16_t)(*sequence + 1));
    *sequence = rtp.header.sequence;
}

static void member_finish(struct member *m)
{
    player_finish(&m->player);
    close(m->fd);
}

static void test_multicast(void **state)
{
    struct lab l;
    struct member a, b;
    uint16_t of_a, of_b;
    lab_create(&l);
    member_set_up(&a, &l, ";ttl=200");
    member_set_up(&b, &l, "");
    assert_int_equal(a.group.s_addr, b.group.s_addr); /* one sender for both */
    assert_int_equal(a.port, b.port);
    assert_int_equal(a.ttl, 32);
    member_listen(&a);
    member_listen(&b);
    assert_int_equal(player_ask(&a.player, "PLAY rtsp://h/cam", ""), 200);
    assert_int_equal(player_ask(&b.player, "PLAY rtsp://h/cam", ""), 200);
    lab_wait_wanted(&l, 1 << ENCODING_H264);
    lab_publish_h264(&l, 'k', 100, true);
    member_expect(&a, &of_a, true);
    member_expect(&b, &of_b, true);
    assert_int_equal(of_a, of_b);
    assert_int_equal(player_ask(&a.player, "TEARDOWN rtsp://h/cam", ""), 200);
    lab_publish_h264(&l, 'p', 100, false); /* goes on for the other one */
    member_expect(&b, &of_b, false);
    assert_int_equal(player_ask(&b.player, "PAUSE rtsp://h/cam", ""), 200);
    lab_wait_wanted(&l, 0);
    assert_int_equal(player_ask(&b.player, "PLAY rtsp://h/cam", ""), 200);
    lab_wait_wanted(&l, 1 << ENCODING_H264);
    lab_end_stream(&l);
    assert_int_equal(player_answer(&b.player), 0); /* let go */
    member_finish(&a);
    member_finish(&b);
    lab_destroy(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_and_reports),
        cmocka_unit_test(test_two_players_share_the_ports),
        cmocka_unit_test(test_signs_of_life),
        cmocka_unit_test(test_loss_leaves_keyframes),
        cmocka_unit_test(test_multicast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
