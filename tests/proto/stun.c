#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "hex.h"
#include "proto/stun.h"

/* --- RFC 5769 --- */

static const char PASSWORD[] = "VOkJxbRl1RmTxUk/WvJxBt";
static const char TRANSACTION[] = "b7e7a701 bc34d686 fa87dfae";

/* §2.1 */
static const char REQUEST[] =
    "0001 0058 2112a442 b7e7a701 bc34d686 fa87dfae" /* Binding request, cookie, transaction */
    "8022 0010 5354554e 20746573 7420636c 69656e74" /* SOFTWARE */
    "0024 0004 6e0001ff"                            /* PRIORITY */
    "8029 0008 932ff9b1 51263b36"                   /* ICE-CONTROLLED */
    "0006 0009 6576746a 3a683676 59202020"          /* USERNAME evtj:h6vY */
    "0008 0014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2"
    "8028 0004 e57a3bcf";
/* §2.2 */
static const char RESPONSE_V4[] = "0101 003c 2112a442 b7e7a701 bc34d686 fa87dfae"
                                  "8022 000b 74657374 20766563 746f7220"
                                  "0020 0008 0001a147 e112a643" /* 192.0.2.1:32853 */
                                  "0008 0014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7"
                                  "8028 0004 c07d4c96";
/* §2.3 */
static const char RESPONSE_V6[] = "0101 0048 2112a442 b7e7a701 bc34d686 fa87dfae"
                                  "8022 000b 74657374 20766563 746f7220"
                                  "0020 0014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9"
                                  "0008 0014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41"
                                  "8028 0004 c8fb0b4c";
/* §2.4 */
static const char LONG_TERM_REQUEST[] =
    "0001 0060 2112a442 78ad3433 c6ad72c0 29da412e"
    "0006 0012 e3839ee3 8388e383 aae38383 e382afe3 82b90000"
    "0015 001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341"
    "0014 000b 6578616d 706c652e 6f726700"
    "0008 0014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666";

static struct bytes vector(const char *hex, uint8_t out[256])
{
    return bytes_of(out, hex_read(hex, out, 256));
}

static void test_sample_request(void **state)
{
    uint8_t in[256], id[12];
    struct stun_message m;
    assert_int_equal(stun_parse(vector(REQUEST, in), &m), 0);
    hex_read(TRANSACTION, id, sizeof(id));
    assert_int_equal(m.class, STUN_REQUEST);
    assert_int_equal(m.method, STUN_BINDING);
    assert_memory_equal(m.transaction_id, id, sizeof(id));
    assert_int_equal(m.priority, 0x6e0001ff);
    assert_true(m.is_controlled);
    assert_false(m.is_controlling);
    assert_false(m.use_candidate);
    assert_true(m.tie_breaker == UINT64_C(0x932ff9b151263b36));
    assert_true(bytes_equal(m.username, bytes_of_text("evtj:h6vY")));
    assert_true(m.has_fingerprint);
    assert_int_equal(m.n_unknown, 0);
    assert_true(stun_has_integrity(&m, bytes_of_text(PASSWORD)));
    assert_false(stun_has_integrity(&m, bytes_of_text("VOkJxbRl1RmTxUk/WvJxBT")));
    assert_false(stun_has_integrity(&m, (struct bytes){0}));
    assert_true(bytes_equal(stun_local_ufrag(vector(REQUEST, in)), bytes_of_text("evtj")));
}

static void test_sample_responses(void **state)
{
    static const struct {
        const char *message, *ip;
    } rows[] = {
        {RESPONSE_V4, "192.0.2.1"},
        {RESPONSE_V6, "2001:db8:1234:5678:11:2233:4455:6677"},
    };
    for (size_t i = 0; i < 2; i++) {
        uint8_t in[256];
        char ip[ENDPOINT_IP_TEXT_SIZE];
        struct stun_message m;
        assert_int_equal(stun_parse(vector(rows[i].message, in), &m), 0);
        assert_int_equal(m.class, STUN_SUCCESS);
        assert_string_equal(endpoint_format_ip(&m.mapped, ip), rows[i].ip);
        assert_int_equal(m.mapped.port, 32853);
        assert_true(m.has_fingerprint);
        assert_true(stun_has_integrity(&m, bytes_of_text(PASSWORD)));
        assert_int_equal(stun_local_ufrag(vector(rows[i].message, in)).size, 0);
    }
}

static void test_long_term_request(void **state)
{
    static const char credentials[] = "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf"
                                      "\xe3\x82\xb9:example.org:TheMatrIX";
    uint8_t in[256], key[16];
    size_t key_size = 0;
    struct stun_message m;
    assert_int_equal(stun_parse(vector(LONG_TERM_REQUEST, in), &m), 0);
    assert_int_equal(m.username.size, 18);
    assert_false(m.has_fingerprint);
    assert_true(EVP_Q_digest(NULL, "MD5", NULL, credentials, strlen(credentials), key, &key_size));
    assert_true(stun_has_integrity(&m, bytes_of(key, sizeof(key))));
}

/* Without a FINGERPRINT only MESSAGE-INTEGRITY stands against a changed bit. */
static void test_every_bit_is_signed(void **state)
{
    uint8_t in[256];
    const struct stun_request r = {.transaction_id = (const uint8_t *)"0123456789ab",
                                   .username = bytes_of_text("ours:theirs")};
    const size_t size = stun_write_request(&r, bytes_of_text(PASSWORD), in, sizeof(in)) - 8;
    bytes_put_u16(in + 2, (uint16_t)(size - 20));
    for (size_t bit = 0; bit <= 8 * size; bit++) {
        struct stun_message m;
        in[bit / 8] ^= bit < 8 * size ? (uint8_t)(1 << bit % 8) : 0;
        if (stun_parse(bytes_of(in, size), &m) == 0) {
            assert_int_equal(stun_has_integrity(&m, bytes_of_text(PASSWORD)), bit == 8 * size);
        }
        in[bit / 8] ^= bit < 8 * size ? (uint8_t)(1 << bit % 8) : 0;
    }
}

/* --- malformed --- */

static const struct {
    const char *name, *hex;
} malformed[] = {
    {"empty", ""},
    {"19 bytes", "0001 0000 2112a442 b7e7a701 bc34d686 fa87df"},
    {"no magic cookie", "0001 0000 2112a443 b7e7a701 bc34d686 fa87dfae"},
    {"first bits set", "4001 0000 2112a442 b7e7a701 bc34d686 fa87dfae"},
    {"length not a multiple of 4", "0001 0002 2112a442 b7e7a701 bc34d686 fa87dfae 0000"},
    {"length beyond the datagram", "0001 0008 2112a442 b7e7a701 bc34d686 fa87dfae 80220000"},
    {"length short of the datagram", "0001 0000 2112a442 b7e7a701 bc34d686 fa87dfae 80220000"},
    {"attribute beyond the message", "0001 0004 2112a442 b7e7a701 bc34d686 fa87dfae 80220001"},
    {"attribute of 65535", "0001 0008 2112a442 b7e7a701 bc34d686 fa87dfae 8022ffff 00000000"},
    {"PRIORITY of 8", "0001 000c 2112a442 b7e7a701 bc34d686 fa87dfae 00240008 0000000000000000"},
    {"ICE-CONTROLLED of 4", "0001 0008 2112a442 b7e7a701 bc34d686 fa87dfae 80290004 00000000"},
    {"USE-CANDIDATE of 4", "0001 0008 2112a442 b7e7a701 bc34d686 fa87dfae 00250004 00000000"},
    {"empty USERNAME", "0001 0004 2112a442 b7e7a701 bc34d686 fa87dfae 00060000"},
    {"short MESSAGE-INTEGRITY", "0001 0008 2112a442 b7e7a701 bc34d686 fa87dfae 00080004 00000000"},
    {"address of family 3",
     "0101 000c 2112a442 b7e7a701 bc34d686 fa87dfae 00200008 0003a147 e112a643"},
    {"IPv6 address of 4 bytes",
     "0101 000c 2112a442 b7e7a701 bc34d686 fa87dfae 00200008 0002a147 e112a643"},
    {"empty address", "0101 0004 2112a442 b7e7a701 bc34d686 fa87dfae 00200000"},
    {"error code of 2", "0111 0008 2112a442 b7e7a701 bc34d686 fa87dfae 00090002 00000000"},
    {"wrong FINGERPRINT", "0001 0008 2112a442 b7e7a701 bc34d686 fa87dfae 80280004 00000000"},
    {"FINGERPRINT not last",
     "0001 000c 2112a442 b7e7a701 bc34d686 fa87dfae 80280004 00000000 80220000"},
};

static void test_malformed(void **state)
{
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        uint8_t in[256];
        struct stun_message m;
        if (stun_parse(vector(malformed[i].hex, in), &m) != -EBADMSG) {
            fail_msg("%s", malformed[i].name);
        }
    }
}

static void test_no_changed_byte_is_accepted(void **state)
{
    uint8_t in[256];
    const struct bytes request = vector(REQUEST, in);
    for (size_t i = 0; i < 8 * request.size; i++) {
        struct stun_message m;
        in[i / 8] ^= (uint8_t)(1 << i % 8);
        if (stun_parse(request, &m) == 0) {
            assert_false(stun_has_integrity(&m, bytes_of_text(PASSWORD)) && m.has_fingerprint);
        }
        in[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

/* --- an ICE-lite agent's judgement --- */

static const uint8_t ID[STUN_TRANSACTION_ID_SIZE] = "0123456789ab";

static struct stun_request a_request(void)
{
    return (struct stun_request){
        .transaction_id = ID,
        .username = bytes_of_text("ours:theirs"),
        .tie_breaker = 42,
        .priority = 0x7effffff,
        .is_controlling = true,
        .use_candidate = true,
    };
}

static int judge(struct bytes datagram)
{
    struct stun_message m;
    assert_int_equal(stun_parse(datagram, &m), 0);
    return stun_judge_request(&m, bytes_of_text("ours"), bytes_of_text("theirs"),
                              bytes_of_text(PASSWORD));
}

static void test_requests_are_judged(void **state)
{
    static const struct {
        const char *name, *username, *password;
        bool is_controlled;
        int expected;
    } rows[] = {
        {"right", "ours:theirs", PASSWORD, false, 0},
        {"both controlled", "ours:theirs", PASSWORD, true, STUN_ROLE_CONFLICT},
        {"wrong password", "ours:theirs", "x", false, STUN_UNAUTHENTICATED},
        {"another's ufrag", "other:theirs", PASSWORD, false, STUN_UNAUTHENTICATED},
        {"another peer", "ours:other", PASSWORD, false, STUN_UNAUTHENTICATED},
        {"no colon", "ours", PASSWORD, false, STUN_UNAUTHENTICATED},
        {"unsigned", "ours:theirs", "", false, STUN_BAD_REQUEST},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stun_request r = a_request();
        r.username = bytes_of_text(rows[i].username);
        r.is_controlling = !rows[i].is_controlled;
        uint8_t out[STUN_MESSAGE_SIZE_MAX];
        const size_t size =
            stun_write_request(&r, bytes_of_text(rows[i].password), out, sizeof(out));
        if (judge(bytes_of(out, size)) != rows[i].expected) {
            fail_msg("%s", rows[i].name);
        }
    }
    uint8_t in[256];
    assert_int_equal(judge(vector(RESPONSE_V4, in)), -EBADMSG);       /* not a request */
    assert_int_equal(judge(vector(LONG_TERM_REQUEST, in)), -EBADMSG); /* no FINGERPRINT */
}

static void test_request_round_trip(void **state)
{
    const struct stun_request r = a_request();
    uint8_t out[STUN_MESSAGE_SIZE_MAX];
    const size_t size = stun_write_request(&r, bytes_of_text(PASSWORD), out, sizeof(out));
    struct stun_message m;
    assert_int_equal(stun_parse(bytes_of(out, size), &m), 0);
    assert_true(m.is_controlling && m.use_candidate && m.has_fingerprint);
    assert_int_equal(m.priority, 0x7effffff);
    assert_true(m.tie_breaker == 42);
    assert_true(stun_has_integrity(&m, bytes_of_text(PASSWORD)));
    for (size_t capacity = 0; capacity < size; capacity++) {
        assert_int_equal(stun_write_request(&r, bytes_of_text(PASSWORD), out, capacity), 0);
    }
}

static void test_success_round_trip(void **state)
{
    static const char *ips[] = {"192.0.2.1", "2001:db8:1234:5678:11:2233:4455:6677"};
    static const char *addresses[] = {"0020 0008 0001a147 e112a643",
                                      "0020 0014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9"};
    for (size_t i = 0; i < 2; i++) {
        uint8_t in[256], out[STUN_MESSAGE_SIZE_MAX], expected[32];
        struct stun_message request, m;
        struct endpoint mapped;
        assert_int_equal(stun_parse(vector(REQUEST, in), &request), 0);
        assert_int_equal(endpoint_parse_ip(bytes_of_text(ips[i]), &mapped), 0);
        mapped.port = 32853;
        const size_t size =
            stun_write_success(&request, &mapped, bytes_of_text(PASSWORD), out, sizeof(out));
        assert_memory_equal(out + 20, expected, hex_read(addresses[i], expected, 32));
        assert_int_equal(stun_parse(bytes_of(out, size), &m), 0);
        assert_int_equal(m.class, STUN_SUCCESS);
        assert_memory_equal(m.transaction_id, request.transaction_id, 12);
        assert_true(endpoint_equal(&m.mapped, &mapped));
        assert_true(m.has_fingerprint && stun_has_integrity(&m, bytes_of_text(PASSWORD)));
        for (size_t capacity = 0; capacity < size; capacity++) {
            assert_int_equal(
                stun_write_success(&request, &mapped, bytes_of_text(PASSWORD), out, capacity), 0);
        }
    }
}

static void test_error_round_trip(void **state)
{
    static const enum stun_code codes[] = {STUN_BAD_REQUEST, STUN_UNAUTHENTICATED,
                                           STUN_UNKNOWN_ATTRIBUTE, STUN_ROLE_CONFLICT};
    static const char request_hex[] =
        "0001 0010 2112a442 b7e7a701 bc34d686 fa87dfae 7001 0000 7002 0000 f003 0000 0026 0000";
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        uint8_t in[256], out[STUN_MESSAGE_SIZE_MAX];
        struct stun_message request, m;
        assert_int_equal(stun_parse(vector(request_hex, in), &request), 0);
        assert_int_equal(request.n_unknown, 3);
        const struct bytes key = i % 2 ? bytes_of_text(PASSWORD) : (struct bytes){0};
        const size_t size = stun_write_error(&request, codes[i], key, out, sizeof(out));
        assert_int_equal(stun_parse(bytes_of(out, size), &m), 0);
        assert_int_equal(m.class, STUN_ERROR);
        assert_int_equal(m.error_code, codes[i]);
        assert_int_equal(stun_has_integrity(&m, bytes_of_text(PASSWORD)), i % 2);
        assert_int_equal(stun_write_error(&request, codes[i], key, out, size - 1), 0);
    }
}

static void test_ice_text(void **state)
{
    const uint8_t random[6] = {0, 63, 64, 255, 62, 26};
    char out[7];
    stun_ice_text(random, sizeof(random), out);
    assert_string_equal(out, "A/A/+a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_request),
        cmocka_unit_test(test_sample_responses),
        cmocka_unit_test(test_long_term_request),
        cmocka_unit_test(test_every_bit_is_signed),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_no_changed_byte_is_accepted),
        cmocka_unit_test(test_requests_are_judged),
        cmocka_unit_test(test_request_round_trip),
        cmocka_unit_test(test_success_round_trip),
        cmocka_unit_test(test_error_round_trip),
        cmocka_unit_test(test_ice_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
