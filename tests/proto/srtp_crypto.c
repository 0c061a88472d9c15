#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hex.h"
#include "proto/srtp_crypto.h"

static int set_up(void **state)
{
    *state = srtp_engine_create();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    srtp_engine_destroy(*state);
    return 0;
}

/* RFC 3711 appendix B.3 */
static struct srtp_keys cm_master(void)
{
    struct srtp_keys keys = {.profile = SRTP_PROFILE_SHA1_80};
    hex_read("E1F97A0D3E018BE0D64FA32C06DE4139", keys.key, sizeof(keys.key));
    hex_read("0EC675AD498AFEEBB6960B3AABE6", keys.salt, sizeof(keys.salt));
    return keys;
}

static void test_key_derivation(void **state)
{
    const struct srtp_keys keys = cm_master();
    struct srtp_transform t;
    uint8_t expected[20];
    assert_int_equal(srtp_transform_init(&t, *state, &keys, SRTP_USE_RTP), 0);
    hex_read("C61E7A93744F39EE10734AFE3FF7A087", expected, sizeof(expected));
    assert_memory_equal(t.key, expected, 16);
    hex_read("30CBBC08863D8C85D49DB34A9AE1", expected, sizeof(expected));
    assert_memory_equal(t.salt, expected, 14);

    /* auth key CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4, seen through the tag it makes: an
     * independent HMAC-SHA1 of "abc" with it */
    uint8_t key[20], tag[20], reference[20];
    hex_read("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4", key, sizeof(key));
    srtp_authenticate(&t, bytes_of_text("ab"), bytes_of_text("c"), tag);
    size_t mac_size = 0;
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA1", NULL, key, sizeof(key),
                              (const uint8_t *)"abc", 3, reference, sizeof(reference), &mac_size));
    assert_int_equal(mac_size, sizeof(tag));
    assert_memory_equal(tag, reference, sizeof(tag));
    srtp_transform_finish(&t);
}

/* RFC 3711 appendix B.2: session keys given; SSRC and index 0. */
static void test_aes_cm_key_stream(void **state)
{
    struct srtp_transform t = {.engine = *state, .profile = SRTP_PROFILE_SHA1_80};
    hex_read("2B7E151628AED2A6ABF7158809CF4F3C", t.key, sizeof(t.key));
    hex_read("F0F1F2F3F4F5F6F7F8F9FAFBFCFD", t.salt, sizeof(t.salt));
    static const uint8_t zeros[16 * 0xff02];
    static uint8_t out[sizeof(zeros)];
    uint8_t expected[48];
    const struct bytes none = {0};
    assert_true(srtp_crypt(&t, 0, 0, bytes_of(zeros, sizeof(zeros)), none, out));
    hex_read("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB"
             "41E95B3BB0A2E8DD477901E4FCA894C0",
             expected, sizeof(expected));
    assert_memory_equal(out, expected, 48);
    /* counters FEFF to FF01 */
    hex_read("EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE"
             "6A2CC3787889374FBEB4C81B17BA6C44",
             expected, sizeof(expected));
    assert_memory_equal(out + 16 * 0xfeff, expected, 48);
    srtp_transform_finish(&t);
}

static struct srtp_transform gcm_session(struct srtp_engine *engine)
{
    struct srtp_transform t = {.engine = engine, .profile = SRTP_PROFILE_GCM};
    hex_read("000102030405060708090a0b0c0d0e0f", t.key, sizeof(t.key));
    hex_read("51756964 2070726f 2071756f", t.salt, sizeof(t.salt));
    return t;
}

/* RFC 7714 §16.1.1, §16.1.2: with the engine's cipher and with one of its own. */
static void test_gcm_rtp(void **state)
{
    uint8_t plain[64], expected[80], out[80];
    const size_t size = hex_read("8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973"
                                 "20646976 69736120 696e2070 61727465 73207472 6573",
                                 plain, sizeof(plain));
    assert_int_equal(hex_read("8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca"
                              "be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1"
                              "6a9152cf 765ee439 0cce",
                              expected, sizeof(expected)),
                     size + 16);
    const struct bytes aad[2] = {bytes_of(plain, 12)};
    for (int is_hot = 0; is_hot < 2; is_hot++) {
        struct srtp_transform t = gcm_session(*state);
        if (is_hot) {
            assert_int_equal(srtp_transform_make_hot(&t, true), 0);
        }
        /* in two parts, cut anywhere */
        for (size_t cut = 12; cut <= size; cut++) {
            memcpy(out, plain, 12);
            assert_true(srtp_seal(&t, 0x5501a0b2, 0xf17b, aad, bytes_of(plain + 12, cut - 12),
                                  bytes_of(plain + cut, size - cut), out + 12));
            assert_memory_equal(out, expected, size + 16);
        }
        srtp_transform_finish(&t);

        t = gcm_session(*state);
        if (is_hot) {
            assert_int_equal(srtp_transform_make_hot(&t, false), 0);
        }
        assert_true(srtp_open(&t, 0x5501a0b2, 0xf17b, aad, out + 12, size - 12));
        assert_memory_equal(out, plain, size);
        memcpy(out, expected, size + 16);
        out[20] ^= 1;
        assert_false(srtp_open(&t, 0x5501a0b2, 0xf17b, aad, out + 12, size - 12));
        srtp_transform_finish(&t);
    }
}

/* RFC 7714 §17.1, §17.2 (encrypted SRTCP, index 5d4). */
static void test_gcm_rtcp(void **state)
{
    uint8_t plain[64], expected[80], out[80];
    const size_t size = hex_read("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930"
                                 "4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef",
                                 plain, sizeof(plain));
    assert_int_equal(hex_read("81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7"
                              "6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458"
                              "96cf4d2f c5abf872 45d9eade 800005d4",
                              expected, sizeof(expected)),
                     size + 20);
    struct srtp_transform t = gcm_session(*state);
    const struct bytes none = {0};
    const struct bytes aad[2] = {bytes_of(plain, 8), bytes_of(expected + size + 16, 4)};
    memcpy(out, plain, 8);
    assert_true(
        srtp_seal(&t, 0x4d617273, 0x5d4, aad, bytes_of(plain + 8, size - 8), none, out + 8));
    assert_memory_equal(out, expected, size + 16);
    assert_true(srtp_open(&t, 0x4d617273, 0x5d4, aad, out + 8, size - 8));
    assert_memory_equal(out, plain, size);
    srtp_transform_finish(&t);
}

/* The same session salt as other stacks derive for GCM (its master salt is padded on the right). */
static void test_gcm_key_derivation(void **state)
{
    struct srtp_keys keys = {.profile = SRTP_PROFILE_GCM};
    struct srtp_transform t;
    uint8_t expected[12];
    hex_read("000102030405060708090a0b0c0d0e0f", keys.key, sizeof(keys.key));
    hex_read("404142434445464748494a4b", keys.salt, sizeof(keys.salt));
    assert_int_equal(srtp_transform_init(&t, *state, &keys, SRTP_USE_RTP), 0);
    hex_read("1fcd5d561e66dc49ec1c3ccb", expected, sizeof(expected));
    assert_memory_equal(t.salt, expected, sizeof(expected));
    srtp_transform_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_derivation),
        cmocka_unit_test(test_aes_cm_key_stream),
        cmocka_unit_test(test_gcm_rtp),
        cmocka_unit_test(test_gcm_rtcp),
        cmocka_unit_test(test_gcm_key_derivation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
