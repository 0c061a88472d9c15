/* SHA1_Update() and its kin are the older interface of libcrypto: EVP cannot resume a hash from a
 * chaining value without allocating for every packet (figures in bench/srtp.c). */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "proto/srtp_crypto.h"

#include <errno.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

enum {
    GCM_IV_SIZE = 12,
    CM_IV_SIZE = 16,
    AUTH_KEY_SIZE = 20,
    BLOCK_SIZE = 64, /* of SHA-1 */
    /* RFC 3711 §4.3.1, §4.3.2: those of SRTCP are 3 more */
    LABEL_ENCRYPTION = 0,
    LABEL_AUTHENTICATION = 1,
    LABEL_SALT = 2,
    LABEL_RTCP = 3,
};

size_t srtp_salt_size(enum srtp_profile profile)
{
    return profile == SRTP_PROFILE_GCM ? 12 : 14;
}

size_t srtp_tag_size(enum srtp_profile profile)
{
    return profile == SRTP_PROFILE_GCM ? 16 : 10;
}

/* --- engine --- */

struct srtp_engine *srtp_engine_create(void)
{
    struct srtp_engine *e = OPENSSL_zalloc(sizeof(*e));
    if (!e) {
        return NULL;
    }
    e->gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    e->ctr = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    e->scratch_gcm = EVP_CIPHER_CTX_new();
    e->scratch_ctr = EVP_CIPHER_CTX_new();
    if (!e->gcm || !e->ctr || !e->scratch_gcm || !e->scratch_ctr ||
        !EVP_CipherInit_ex2(e->scratch_gcm, e->gcm, NULL, NULL, 1, NULL) ||
        !EVP_CipherInit_ex2(e->scratch_ctr, e->ctr, NULL, NULL, 1, NULL)) {
        srtp_engine_destroy(e);
        return NULL;
    }
    return e;
}

void srtp_engine_destroy(struct srtp_engine *e)
{
    if (e) {
        EVP_CIPHER_CTX_free(e->scratch_gcm);
        EVP_CIPHER_CTX_free(e->scratch_ctr);
        EVP_CIPHER_free(e->gcm);
        EVP_CIPHER_free(e->ctr);
        OPENSSL_free(e);
    }
}

/* --- HMAC-SHA1 from chaining values --- */

static void save_chain(const SHA_CTX *sha, uint32_t chain[5])
{
    chain[0] = sha->h0;
    chain[1] = sha->h1;
    chain[2] = sha->h2;
    chain[3] = sha->h3;
    chain[4] = sha->h4;
}

/* As after one block. */
static void resume_chain(SHA_CTX *sha, const uint32_t chain[5])
{
    sha->h0 = chain[0];
    sha->h1 = chain[1];
    sha->h2 = chain[2];
    sha->h3 = chain[3];
    sha->h4 = chain[4];
    sha->Nl = 8 * BLOCK_SIZE;
    sha->Nh = 0;
    sha->num = 0;
}

static void hash_key_block(const uint8_t key[AUTH_KEY_SIZE], uint8_t pad, uint32_t chain[5])
{
    uint8_t block[BLOCK_SIZE];
    for (size_t i = 0; i < BLOCK_SIZE; i++) {
        block[i] = (uint8_t)((i < AUTH_KEY_SIZE ? key[i] : 0) ^ pad);
    }
    SHA_CTX sha;
    SHA1_Init(&sha);
    SHA1_Update(&sha, block, sizeof(block));
    save_chain(&sha, chain);
    OPENSSL_cleanse(block, sizeof(block));
}

static void hmac_init(struct srtp_hmac *h, const uint8_t key[AUTH_KEY_SIZE])
{
    hash_key_block(key, 0x36, h->inner); /* RFC 2104 §2 */
    hash_key_block(key, 0x5c, h->outer);
}

void srtp_authenticate(const struct srtp_transform *t, struct bytes a, struct bytes b,
                       uint8_t tag[20])
{
    SHA_CTX sha;
    resume_chain(&sha, t->hmac.inner);
    SHA1_Update(&sha, a.data, a.size);
    SHA1_Update(&sha, b.data, b.size);
    SHA1_Final(tag, &sha);
    resume_chain(&sha, t->hmac.outer);
    SHA1_Update(&sha, tag, SHA_DIGEST_LENGTH);
    SHA1_Final(tag, &sha);
}

/* --- session keys --- */

/* RFC 3711 §4.3.1, §4.3.3: key stream of AES-CM under the master key, IV (salt ^ label·2^48)·2^16;
 * RFC 7714 §11: the same for GCM, its salt padded with zeros. */
static int derive(struct srtp_engine *e, const struct srtp_keys *keys, uint8_t label, uint8_t *out,
                  size_t size)
{
    uint8_t iv[CM_IV_SIZE] = {0};
    const uint8_t zeros[SHA_DIGEST_LENGTH] = {0};
    int n = 0;
    memcpy(iv, keys->salt, srtp_salt_size(keys->profile));
    iv[7] ^= label;
    const bool ok = EVP_EncryptInit_ex2(e->scratch_ctr, NULL, keys->key, iv, NULL) &&
                    EVP_EncryptUpdate(e->scratch_ctr, out, &n, zeros, (int)size);
    return ok ? 0 : -EIO;
}

int srtp_transform_init(struct srtp_transform *t, struct srtp_engine *e,
                        const struct srtp_keys *keys, enum srtp_use use)
{
    *t = (struct srtp_transform){.engine = e, .profile = keys->profile};
    const uint8_t base = use == SRTP_USE_RTCP ? LABEL_RTCP : 0;
    uint8_t auth_key[AUTH_KEY_SIZE];
    if (derive(e, keys, base + LABEL_ENCRYPTION, t->key, sizeof(t->key)) < 0 ||
        derive(e, keys, base + LABEL_SALT, t->salt, srtp_salt_size(keys->profile)) < 0 ||
        derive(e, keys, base + LABEL_AUTHENTICATION, auth_key, sizeof(auth_key)) < 0) {
        return -EIO;
    }
    hmac_init(&t->hmac, auth_key);
    OPENSSL_cleanse(auth_key, sizeof(auth_key));
    return 0;
}

int srtp_transform_make_hot(struct srtp_transform *t, bool is_encrypting)
{
    const EVP_CIPHER *type = t->profile == SRTP_PROFILE_GCM ? t->engine->gcm : t->engine->ctr;
    const bool encrypt = is_encrypting || t->profile != SRTP_PROFILE_GCM;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (!cipher || !EVP_CipherInit_ex2(cipher, type, t->key, NULL, encrypt, NULL)) {
        EVP_CIPHER_CTX_free(cipher);
        return -ENOMEM;
    }
    t->cipher = cipher;
    return 0;
}

void srtp_transform_finish(struct srtp_transform *t)
{
    EVP_CIPHER_CTX_free(t->cipher);
    OPENSSL_cleanse(t, sizeof(*t));
}

/* --- packets --- */

/* RFC 3711 §4.1.1: (salt·2^16) ^ (SSRC·2^64) ^ (index·2^16), 16 bytes;
 * RFC 7714 §8.1, §9.1: salt ^ (0 | SSRC | index), 12 bytes. */
static void make_iv(const struct srtp_transform *t, uint32_t ssrc, uint64_t index,
                    uint8_t iv[CM_IV_SIZE])
{
    uint8_t *at = iv + (t->profile == SRTP_PROFILE_GCM ? 2 : 4);
    memset(iv, 0, CM_IV_SIZE);
    bytes_put_u32(at, ssrc);
    bytes_put_u16(at + 4, (uint16_t)(index >> 32));
    bytes_put_u32(at + 6, (uint32_t)index);
    for (size_t i = 0; i < SRTP_SALT_SIZE_MAX; i++) {
        iv[i] ^= t->salt[i];
    }
}

/* The cipher, with the IV of this packet. */
static EVP_CIPHER_CTX *prepare(struct srtp_transform *t, uint32_t ssrc, uint64_t index,
                               bool is_encrypting)
{
    uint8_t iv[CM_IV_SIZE];
    make_iv(t, ssrc, index, iv);
    EVP_CIPHER_CTX *cipher = t->cipher;
    if (!cipher) {
        cipher = t->profile == SRTP_PROFILE_GCM ? t->engine->scratch_gcm : t->engine->scratch_ctr;
    }
    const uint8_t *key = t->cipher ? NULL : t->key;
    const int ok = is_encrypting ? EVP_EncryptInit_ex2(cipher, NULL, key, iv, NULL)
                                 : EVP_DecryptInit_ex2(cipher, NULL, key, iv, NULL);
    return ok ? cipher : NULL;
}

static bool update(EVP_CIPHER_CTX *cipher, struct bytes in, uint8_t *out)
{
    int n = 0;
    return in.size == 0 || EVP_CipherUpdate(cipher, out, &n, in.data, (int)in.size);
}

bool srtp_seal(struct srtp_transform *t, uint32_t ssrc, uint64_t index, const struct bytes aad[2],
               struct bytes a, struct bytes b, uint8_t *out)
{
    EVP_CIPHER_CTX *cipher = prepare(t, ssrc, index, true);
    uint8_t *tag = out + a.size + b.size;
    int n = 0;
    OSSL_PARAM get_tag[] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, SRTP_TAG_SIZE_MAX),
        OSSL_PARAM_construct_end(),
    };
    return cipher && update(cipher, aad[0], NULL) && update(cipher, aad[1], NULL) &&
           update(cipher, a, out) && update(cipher, b, out + a.size) &&
           EVP_EncryptFinal_ex(cipher, tag, &n) && EVP_CIPHER_CTX_get_params(cipher, get_tag);
}

bool srtp_open(struct srtp_transform *t, uint32_t ssrc, uint64_t index, const struct bytes aad[2],
               uint8_t *text, size_t size)
{
    EVP_CIPHER_CTX *cipher = prepare(t, ssrc, index, false);
    int n = 0;
    return cipher &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, SRTP_TAG_SIZE_MAX, text + size) &&
           update(cipher, aad[0], NULL) && update(cipher, aad[1], NULL) &&
           update(cipher, bytes_of(text, size), text) && EVP_DecryptFinal_ex(cipher, text, &n) > 0;
}

bool srtp_crypt(struct srtp_transform *t, uint32_t ssrc, uint64_t index, struct bytes a,
                struct bytes b, uint8_t *out)
{
    EVP_CIPHER_CTX *cipher = prepare(t, ssrc, index, true);
    return cipher && update(cipher, a, out) && update(cipher, b, out + a.size);
}
