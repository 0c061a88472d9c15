#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hex.h"
#include "libsrtp.h"
#include "proto/replay.h"
#include "proto/rtp.h"
#include "proto/srtp.h"

enum { PACKET_SIZE = 1300, SSRC = 0xcafebabe };

static const enum srtp_profile PROFILES[] = {SRTP_PROFILE_SHA1_80, SRTP_PROFILE_GCM};

static struct srtp_keys keys_of(enum srtp_profile profile)
{
    struct srtp_keys keys = {.profile = profile};
    hex_read("e1f97a0d3e018be0d64fa32c06de4139", keys.key, sizeof(keys.key));
    hex_read("0ec675ad498afeebb6960b3aabe6", keys.salt, sizeof(keys.salt));
    return keys;
}

struct peers {
    struct srtp_engine *engine;
    struct srtp_sender *sender;
    struct srtp_receiver *receiver;
};

static struct peers peers_create(enum srtp_profile profile)
{
    const struct srtp_keys keys = keys_of(profile);
    struct peers p = {.engine = srtp_engine_create()};
    assert_non_null(p.engine);
    p.sender = srtp_sender_create(p.engine, &keys);
    p.receiver = srtp_receiver_create(p.engine, &keys);
    assert_non_null(p.sender);
    assert_non_null(p.receiver);
    return p;
}

static void peers_destroy(struct peers *p)
{
    srtp_sender_destroy(p->sender);
    srtp_receiver_destroy(p->receiver);
    srtp_engine_destroy(p->engine);
}

static size_t write_header(uint64_t index, uint32_t ssrc, uint8_t *out)
{
    const struct rtp_header h = {
        .payload_type = 102, .sequence = (uint16_t)index, .timestamp = 7, .ssrc = ssrc};
    const struct rtp_extension_ids ids = {.playout_delay = 5};
    const struct rtp_extensions e = {.has_playout_delay = index % 2};
    return rtp_write_header(&h, &ids, &e, out);
}

/* One protected packet, its payload the index repeated. */
static size_t make_packet(struct peers *p, uint64_t index, uint32_t ssrc, size_t payload_size,
                          uint8_t out[PACKET_SIZE])
{
    uint8_t header[RTP_HEADER_SIZE_MAX], payload[PACKET_SIZE];
    memset(payload, (int)index, payload_size);
    return srtp_protect(p->sender, index, bytes_of(header, write_header(index, ssrc, header)),
                        (struct bytes){0}, bytes_of(payload, payload_size), out);
}

/* The packet that libsrtp's own test driver checks (AES_CM_128_HMAC_SHA1_80). */
static void test_known_packet(void **state)
{
    struct peers p = peers_create(SRTP_PROFILE_SHA1_80);
    uint8_t plain[64], expected[64], out[64];
    const size_t size =
        hex_read("800f1234decafbadcafebabe abababababababababababababababab", plain, 64);
    assert_int_equal(hex_read("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402"
                              "b78d6acc99ea179b8dbb",
                              expected, 64),
                     size + 10);
    assert_int_equal(srtp_protect(p.sender, 0x1234, bytes_of(plain, 12), bytes_of(plain + 12, 2),
                                  bytes_of(plain + 14, size - 14), out),
                     size + 10);
    assert_memory_equal(out, expected, size + 10);
    peers_destroy(&p);
}

/* --- libsrtp2 as the oracle --- */

static struct oracle *oracle_of(enum srtp_profile profile, bool is_sender)
{
    const struct srtp_keys keys = keys_of(profile);
    uint8_t key[SRTP_KEY_SIZE + SRTP_SALT_SIZE_MAX];
    memcpy(key, keys.key, SRTP_KEY_SIZE);
    memcpy(key + SRTP_KEY_SIZE, keys.salt, srtp_salt_size(profile));
    return oracle_create(profile == SRTP_PROFILE_GCM, key, is_sender);
}

static void test_libsrtp_reads_ours(void **state)
{
    for (size_t i = 0; i < 2; i++) {
        struct oracle *oracle = oracle_of(PROFILES[i], false);
        if (!oracle) {
            skip();
        }
        struct peers p = peers_create(PROFILES[i]);
        for (uint64_t index = 32000; index < 140000; index += index % 1000 < 990 ? 1 : 3) {
            uint8_t packet[PACKET_SIZE];
            const size_t payload_size = index % 1201;
            size_t size = make_packet(&p, index, SSRC, payload_size, packet);
            assert_int_equal(oracle_unprotect(oracle, packet, &size), 0);
            struct rtp_packet parsed;
            assert_int_equal(rtp_parse(bytes_of(packet, size), &parsed), 0);
            assert_int_equal(parsed.payload.size, payload_size);
            for (size_t k = 0; k < payload_size; k += 97) {
                assert_int_equal(parsed.payload.data[k], (uint8_t)index);
            }
        }
        peers_destroy(&p);
        oracle_destroy(oracle);
    }
}

static void test_we_read_libsrtp(void **state)
{
    for (size_t i = 0; i < 2; i++) {
        struct oracle *oracle = oracle_of(PROFILES[i], true);
        if (!oracle) {
            skip();
        }
        struct peers p = peers_create(PROFILES[i]);
        for (uint64_t index = 32000; index < 140000; index++) {
            uint8_t packet[PACKET_SIZE], plain[PACKET_SIZE];
            const size_t header_size = write_header(index, SSRC, packet);
            const size_t plain_size = header_size + index % 1201;
            memset(packet + header_size, (int)index, plain_size - header_size);
            memcpy(plain, packet, plain_size);
            size_t size = plain_size;
            assert_int_equal(oracle_protect(oracle, packet, &size), 0);
            if (index % 37 == 0) {
                continue; /* lost */
            }
            uint64_t found = 0;
            assert_int_equal(srtp_unprotect(p.receiver, packet, &size, &found), 0);
            assert_true(found == index);
            assert_int_equal(size, plain_size);
            assert_memory_equal(packet, plain, plain_size);
        }
        peers_destroy(&p);
        oracle_destroy(oracle);
    }
}

static const char RTCP[] = "80c80006cafebabe 0102030405060708 11121314 21222324 31323334"
                           "80c90001cafebabe";

static void test_rtcp_both_ways(void **state)
{
    for (size_t i = 0; i < 2; i++) {
        struct oracle *receiver = oracle_of(PROFILES[i], false);
        struct oracle *sender = oracle_of(PROFILES[i], true);
        if (!sender || !receiver) {
            skip();
        }
        struct peers p = peers_create(PROFILES[i]);
        uint8_t plain[64], packet[128];
        const size_t plain_size = hex_read(RTCP, plain, sizeof(plain));
        for (unsigned n = 0; n < 300; n++) {
            size_t size =
                srtp_protect_rtcp(p.sender, bytes_of(plain, plain_size), packet, sizeof(packet));
            assert_int_equal(size, plain_size + 4 + srtp_tag_size(PROFILES[i]));
            assert_int_equal(oracle_unprotect_rtcp(receiver, packet, &size), 0);
            assert_int_equal(size, plain_size);
            assert_memory_equal(packet, plain, size);

            memcpy(packet, plain, plain_size);
            size = plain_size;
            assert_int_equal(oracle_protect_rtcp(sender, packet, &size), 0);
            assert_int_equal(srtp_unprotect_rtcp(p.receiver, packet, &size), 0);
            assert_int_equal(size, plain_size);
            assert_memory_equal(packet, plain, size);
        }
        peers_destroy(&p);
        oracle_destroy(sender);
        oracle_destroy(receiver);
    }
}

/* --- replay, loss, reordering --- */

static int receive(struct peers *p, const uint8_t *packet, size_t size)
{
    uint8_t copy[PACKET_SIZE];
    memcpy(copy, packet, size);
    return srtp_unprotect(p->receiver, copy, &size, NULL);
}

static void test_order(void **state)
{
    static const struct {
        uint64_t index;
        int expected;
    } rows[] = {
        {65000, 0},
        {65000, -EALREADY},
        {65010, 0},
        {65001, 0},
        {65001, -EALREADY},
        {65535, 0},
        {65536, 0}, /* the rollover counter becomes 1 */
        {65534, 0}, /* reordered over it */
        {65536, -EALREADY},
        {65536 + 20000, 0},                         /* a long gap */
        {65536 + 20000 - REPLAY_WINDOW, -EALREADY}, /* older than the window */
        {65536 + 20000 - REPLAY_WINDOW + 1, 0},
        {65536 + 20000 - 1, 0},
        {65536 + 50000, 0},
        {2 * 65536 + 10000, 0}, /* 2 */
    };
    for (size_t i = 0; i < 2; i++) {
        struct peers p = peers_create(PROFILES[i]);
        for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
            uint8_t packet[PACKET_SIZE];
            const size_t size = make_packet(&p, rows[k].index, SSRC, 10, packet);
            if (receive(&p, packet, size) != rows[k].expected) {
                fail_msg("profile %d, row %zu", PROFILES[i], k);
            }
        }
        peers_destroy(&p);
    }
}

static void test_rtcp_replay(void **state)
{
    for (size_t i = 0; i < 2; i++) {
        struct peers p = peers_create(PROFILES[i]);
        uint8_t plain[64], first[128], packet[128];
        const size_t plain_size = hex_read(RTCP, plain, sizeof(plain));
        const size_t size =
            srtp_protect_rtcp(p.sender, bytes_of(plain, plain_size), first, sizeof(first));
        for (unsigned n = 0; n < 2 + REPLAY_WINDOW; n++) {
            memcpy(packet, first, size);
            size_t copy_size = size;
            assert_int_equal(srtp_unprotect_rtcp(p.receiver, packet, &copy_size),
                             n == 0 ? 0 : -EALREADY);
            copy_size =
                srtp_protect_rtcp(p.sender, bytes_of(plain, plain_size), packet, sizeof(packet));
            assert_int_equal(srtp_unprotect_rtcp(p.receiver, packet, &copy_size), 0);
        }
        peers_destroy(&p);
    }
}

static void test_ssrc_limit(void **state)
{
    struct peers p = peers_create(SRTP_PROFILE_GCM);
    for (uint32_t ssrc = 0; ssrc <= REPLAY_N_SSRC_MAX; ssrc++) {
        uint8_t packet[PACKET_SIZE];
        const size_t size = make_packet(&p, 1, ssrc, 10, packet);
        packet[15] ^= 1; /* what is not authentic takes no place */
        assert_int_equal(receive(&p, packet, size), ssrc < REPLAY_N_SSRC_MAX ? -EBADMSG : -ENOBUFS);
        packet[15] ^= 1;
        assert_int_equal(receive(&p, packet, size), ssrc < REPLAY_N_SSRC_MAX ? 0 : -ENOBUFS);
    }
    peers_destroy(&p);
}

/* --- what is not authentic --- */

static void test_every_flipped_bit_is_seen(void **state)
{
    for (size_t i = 0; i < 2; i++) {
        struct peers p = peers_create(PROFILES[i]);
        uint8_t packet[PACKET_SIZE];
        const size_t size = make_packet(&p, 1001, SSRC, 40, packet);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(receive(&p, packet, size), -EBADMSG);
            packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t cut = 0; cut < size; cut++) {
            assert_int_equal(receive(&p, packet, cut), -EBADMSG);
        }
        assert_int_equal(receive(&p, packet, size), 0);
        peers_destroy(&p);
    }
}

static void test_every_flipped_rtcp_bit_is_seen(void **state)
{
    for (size_t i = 0; i < 2; i++) {
        struct peers p = peers_create(PROFILES[i]);
        uint8_t plain[64], good[128], packet[128];
        const size_t plain_size = hex_read(RTCP, plain, sizeof(plain));
        size_t size = srtp_protect_rtcp(p.sender, bytes_of(plain, plain_size), good, sizeof(good));
        const size_t good_size = size;
        for (size_t bit = 0; bit < 8 * good_size; bit++) {
            memcpy(packet, good, good_size);
            packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
            size = good_size;
            assert_int_equal(srtp_unprotect_rtcp(p.receiver, packet, &size), -EBADMSG);
        }
        for (size_t cut = 0; cut < good_size; cut++) {
            memcpy(packet, good, good_size);
            size = cut;
            assert_int_equal(srtp_unprotect_rtcp(p.receiver, packet, &size), -EBADMSG);
        }
        memcpy(packet, good, good_size);
        size = good_size;
        assert_int_equal(srtp_unprotect_rtcp(p.receiver, packet, &size), 0);
        peers_destroy(&p);
    }
}

static void test_rtcp_that_does_not_fit(void **state)
{
    struct peers p = peers_create(SRTP_PROFILE_GCM);
    uint8_t plain[64], out[64];
    const size_t size = hex_read(RTCP, plain, sizeof(plain));
    assert_int_equal(srtp_protect_rtcp(p.sender, bytes_of(plain, size), out, size + 19), 0);
    assert_int_equal(srtp_protect_rtcp(p.sender, bytes_of(plain, 7), out, sizeof(out)), 0);
    assert_int_equal(srtp_protect_rtcp(p.sender, bytes_of(plain, size), out, size + 20), size + 20);
    peers_destroy(&p);
}

/* What a viewer costs: the sender with its cipher, and a receiver of RTCP (srtp.h says the same).
 */
static void test_memory_of_a_session(void **state)
{
    enum { N = 64, BUDGET_BYTES = 6 * 1024 };
    const struct srtp_keys keys = keys_of(SRTP_PROFILE_GCM);
    struct srtp_engine *engine = srtp_engine_create();
    struct srtp_sender *senders[N];
    struct srtp_receiver *receivers[N];
    const size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < N; i++) {
        senders[i] = srtp_sender_create(engine, &keys);
        receivers[i] = srtp_receiver_create(engine, &keys);
    }
    const size_t each = (mallinfo2().uordblks - before) / N;
    print_message("%zu bytes for each session\n", each);
    assert_true(each < BUDGET_BYTES);
    for (size_t i = 0; i < N; i++) {
        srtp_sender_destroy(senders[i]);
        srtp_receiver_destroy(receivers[i]);
    }
    srtp_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_packet),
        cmocka_unit_test(test_libsrtp_reads_ours),
        cmocka_unit_test(test_we_read_libsrtp),
        cmocka_unit_test(test_rtcp_both_ways),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_rtcp_replay),
        cmocka_unit_test(test_ssrc_limit),
        cmocka_unit_test(test_every_flipped_bit_is_seen),
        cmocka_unit_test(test_every_flipped_rtcp_bit_is_seen),
        cmocka_unit_test(test_rtcp_that_does_not_fit),
        cmocka_unit_test(test_memory_of_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
