#include "proto/dtls_identity.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "base/time.h"

enum {
    SECONDS_PER_DAY = 24 * 60 * 60,
    VALID_DAYS = 365,
    SERIAL_SIZE = 8,
    CERTIFICATES_SIZE_MAX = 16 * 1024, /* of a peer, as sent */
};

/* The first is what RFC 8827 §6.5 demands of everybody, and what dtls_record.h understands. */
static const char CIPHERS[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE+AESGCM:ECDHE+CHACHA20";

/* --- the certificate --- */

static bool set_serial(X509 *certificate)
{
    uint8_t random[SERIAL_SIZE];
    if (RAND_bytes(random, sizeof(random)) != 1) {
        return false;
    }
    random[0] = (random[0] & 0x7f) | 0x40; /* positive, never short */
    BIGNUM *number = BN_bin2bn(random, sizeof(random), NULL);
    const bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

static bool set_names(X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"avocet", -1, -1,
                                      0) &&
           X509_set_issuer_name(certificate, name);
}

static X509 *make_certificate(EVP_PKEY *key, int64_t real_now_ns)
{
    const int64_t now_s = real_now_ns / NS_PER_S;
    X509 *certificate = X509_new();
    if (certificate && X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
        set_names(certificate) && X509_set_pubkey(certificate, key) &&
        ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(now_s - SECONDS_PER_DAY)) &&
        ASN1_TIME_set(X509_getm_notAfter(certificate),
                      (time_t)(now_s + (int64_t)VALID_DAYS * SECONDS_PER_DAY)) &&
        X509_sign(certificate, key, EVP_sha256())) {
        return certificate;
    }
    X509_free(certificate);
    return NULL;
}

static const EVP_MD *hash_of(uint8_t size)
{
    switch (size) {
    case 32:
        return EVP_sha256();
    case 48:
        return EVP_sha384();
    default:
        return EVP_sha512();
    }
}

/* Whether one of the fingerprints is that of the certificate. */
static bool is_expected(X509 *certificate, const struct dtls_peer *peer)
{
    for (unsigned i = 0; i < peer->n_fingerprints; i++) {
        const struct fingerprint *f = &peer->fingerprints[i];
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        if (X509_digest(certificate, hash_of(f->size), digest, &size) && size == f->size &&
            CRYPTO_memcmp(digest, f->digest, size) == 0) {
            return true;
        }
    }
    return false;
}

/* --- the context of its sessions --- */

/* Certificates are self-signed: what counts is the fingerprint, told by the signalling. */
static int verify(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct dtls_peer *peer = SSL_get_app_data(ssl);
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    if (certificate && is_expected(certificate, peer)) {
        return 1;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static SSL_CTX *make_context(EVP_PKEY *key, X509 *certificate)
{
    SSL_CTX *context = SSL_CTX_new(DTLS_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) ||
        !SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(context, CIPHERS) ||
        !SSL_CTX_use_certificate(context, certificate) || !SSL_CTX_use_PrivateKey(context, key)) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify, NULL);
    SSL_CTX_set_max_cert_list(context, CERTIFICATES_SIZE_MAX);
    return context;
}

static bool set_fingerprint(struct dtls_identity *i, X509 *certificate)
{
    struct fingerprint f = {.size = 32};
    unsigned size = 0;
    const bool ok = X509_digest(certificate, EVP_sha256(), f.digest, &size);
    fingerprint_format(&f, i->fingerprint);
    return ok;
}

struct dtls_identity *dtls_identity_create(int64_t real_now_ns)
{
    struct dtls_identity *i = calloc(1, sizeof(*i));
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate(key, real_now_ns) : NULL;
    if (i && certificate && set_fingerprint(i, certificate)) {
        i->n_refs = 1;
        i->context = make_context(key, certificate);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (i && !i->context) {
        free(i);
        i = NULL;
    }
    return i;
}

struct dtls_identity *dtls_identity_ref(struct dtls_identity *i)
{
    i->n_refs++;
    return i;
}

void dtls_identity_destroy(struct dtls_identity *i)
{
    if (i && --i->n_refs == 0) {
        SSL_CTX_free(i->context);
        free(i);
    }
}

const char *dtls_identity_fingerprint(const struct dtls_identity *i)
{
    return i->fingerprint;
}
