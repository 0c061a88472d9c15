#include "proto/dtls_record.h"

#include <errno.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

enum {
    VERSION = 0xfefd, /* DTLS 1.2 */
    EPOCH = 1,        /* the only one after a handshake without renegotiation */
    NONCE_SIZE = 12,
    EXPLICIT_NONCE_SIZE = 8,
    TAG_SIZE = 16,
    ALERT_SIZE = 2,
    LEVEL_WARNING = 1,
    LEVEL_FATAL = 2,
    CLOSE_NOTIFY = 0,
    AAD_SIZE = 13,
    RANDOM_SIZE = 32,
    SECRET_SIZE = 48,
    ECDHE_ECDSA_AES_128_GCM_SHA256 = 0xc02b,
    ECDHE_RSA_AES_128_GCM_SHA256 = 0xc02f,
};

bool dtls_record_next(struct bytes *datagram, struct dtls_record *out)
{
    struct byte_reader r;
    byte_reader_init(&r, *datagram);
    struct dtls_record record = {.header = bytes_of(datagram->data, DTLS_RECORD_HEADER_SIZE)};
    record.type = byte_reader_u8(&r);
    byte_reader_skip(&r, 2);
    record.epoch = byte_reader_u16(&r);
    record.sequence = (uint64_t)byte_reader_u16(&r) << 32;
    record.sequence |= byte_reader_u32(&r);
    const uint16_t size = byte_reader_u16(&r);
    record.fragment = byte_reader_bytes(&r, size);
    if (r.error) {
        return false;
    }
    *datagram = bytes_of(r.pos, byte_reader_left(&r));
    *out = record;
    return true;
}

/* --- keys --- */

static bool has_known_cipher(const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    const uint16_t id = cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;
    return id == ECDHE_ECDSA_AES_128_GCM_SHA256 || id == ECDHE_RSA_AES_128_GCM_SHA256;
}

/* RFC 5246 §5: PRF(secret, label, seed) with SHA-256. */
static bool prf(struct bytes secret, const char *label, struct bytes seed, uint8_t *out,
                size_t size)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)secret.data, secret.size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)label, strlen(label)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)seed.data, seed.size),
        OSSL_PARAM_construct_end(),
    };
    const bool ok = context && EVP_KDF_derive(context, out, size, params) > 0;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return ok;
}

/* RFC 5246 §6.3: client key, server key, client salt, server salt (no MAC keys with GCM). */
int dtls_record_keys_init(struct dtls_record_keys *k, SSL *ssl)
{
    if (!has_known_cipher(ssl)) {
        return -ENOTSUP;
    }
    uint8_t secret[SECRET_SIZE], seed[2 * RANDOM_SIZE], block[40];
    const size_t secret_size =
        SSL_SESSION_get_master_key(SSL_get_session(ssl), secret, sizeof(secret));
    SSL_get_server_random(ssl, seed, RANDOM_SIZE);
    SSL_get_client_random(ssl, seed + RANDOM_SIZE, RANDOM_SIZE);
    const bool ok = prf(bytes_of(secret, secret_size), "key expansion",
                        bytes_of(seed, sizeof(seed)), block, sizeof(block));
    if (ok) {
        struct dtls_record_key *client = SSL_is_server(ssl) ? &k->theirs : &k->ours;
        struct dtls_record_key *server = SSL_is_server(ssl) ? &k->ours : &k->theirs;
        memcpy(client->key, block, 16);
        memcpy(server->key, block + 16, 16);
        memcpy(client->salt, block + 32, 4);
        memcpy(server->salt, block + 36, 4);
    }
    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(block, sizeof(block));
    return ok ? 0 : -EIO;
}

/* --- records --- */

/* Epoch and sequence number, type, version, size of the plain text (RFC 6347 §4.1.2.1). */
static void make_aad(const uint8_t header[DTLS_RECORD_HEADER_SIZE], uint8_t out[AAD_SIZE])
{
    memcpy(out, header + 3, 8);
    memcpy(out + 8, header, 3);
    bytes_put_u16(out + 11, ALERT_SIZE);
}

/* One alert through AES-GCM, either way; tag is written or compared. */
static bool crypt_alert(const struct dtls_record_key *key,
                        const uint8_t header[DTLS_RECORD_HEADER_SIZE],
                        const uint8_t *explicit_nonce, bool is_encrypting, const uint8_t *in,
                        uint8_t *out, uint8_t *tag)
{
    uint8_t nonce[NONCE_SIZE], aad[AAD_SIZE];
    int n = 0;
    memcpy(nonce, key->salt, sizeof(key->salt));
    memcpy(nonce + sizeof(key->salt), explicit_nonce, EXPLICIT_NONCE_SIZE);
    make_aad(header, aad);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const bool ok =
        c && EVP_CipherInit_ex(c, EVP_aes_128_gcm(), NULL, key->key, nonce, is_encrypting) &&
        EVP_CipherUpdate(c, NULL, &n, aad, sizeof(aad)) &&
        (is_encrypting || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag)) &&
        EVP_CipherUpdate(c, out, &n, in, ALERT_SIZE) && EVP_CipherFinal_ex(c, out + n, &n) > 0 &&
        (!is_encrypting || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag));
    EVP_CIPHER_CTX_free(c);
    return ok;
}

bool dtls_record_is_closing(const struct dtls_record_keys *k, const struct dtls_record *r)
{
    uint8_t alert[ALERT_SIZE], tag[TAG_SIZE];
    if (r->type != DTLS_ALERT || r->epoch != EPOCH ||
        r->fragment.size != EXPLICIT_NONCE_SIZE + ALERT_SIZE + TAG_SIZE) {
        return false;
    }
    memcpy(tag, r->fragment.data + EXPLICIT_NONCE_SIZE + ALERT_SIZE, TAG_SIZE);
    return crypt_alert(&k->theirs, r->header.data, r->fragment.data, false,
                       r->fragment.data + EXPLICIT_NONCE_SIZE, alert, tag) &&
           (alert[0] == LEVEL_FATAL || alert[1] == CLOSE_NOTIFY);
}

size_t dtls_record_write_close(struct dtls_record_keys *k, uint8_t out[DTLS_ALERT_RECORD_SIZE])
{
    static const uint8_t alert[ALERT_SIZE] = {LEVEL_WARNING, CLOSE_NOTIFY};
    const uint64_t sequence = k->next_sequence++;
    struct byte_writer w;
    byte_writer_init(&w, out, DTLS_ALERT_RECORD_SIZE);
    byte_writer_u8(&w, DTLS_ALERT);
    byte_writer_u16(&w, VERSION);
    byte_writer_u64(&w, (uint64_t)EPOCH << 48 | sequence);
    byte_writer_u16(&w, EXPLICIT_NONCE_SIZE + ALERT_SIZE + TAG_SIZE);
    byte_writer_u64(&w, (uint64_t)EPOCH << 48 | sequence); /* as nonce: it never repeats */
    uint8_t *text = byte_writer_reserve(&w, ALERT_SIZE);
    uint8_t *tag = byte_writer_reserve(&w, TAG_SIZE);
    const bool ok =
        crypt_alert(&k->ours, out, out + DTLS_RECORD_HEADER_SIZE, true, alert, text, tag);
    return ok ? byte_writer_size(&w) : 0;
}
