/*
 * The ciphers of SRTP: session keys, initialisation vectors, sealing and opening. Used by srtp.c.
 *
 * Both profiles share the layout of their IV: the SSRC (32 bits) and a 48-bit index (for SRTCP the
 * 31-bit one), exclusive-ored with the salt; only the place differs.
 *
 * Ownership: a transform has at most a cipher of its own; srtp_transform_finish() frees and wipes.
 * Thread:    that of the engine.
 * Spec:      RFC 3711 §4.1.1 (AES-CM), §4.2.1 (HMAC-SHA1), §4.3 (key derivation); RFC 7714 §8, §9.
 */
#ifndef AVOCET_PROTO_SRTP_CRYPTO_H
#define AVOCET_PROTO_SRTP_CRYPTO_H

#include <openssl/evp.h>

#include "proto/srtp.h"

struct srtp_engine {
    EVP_CIPHER *gcm;
    EVP_CIPHER *ctr;
    EVP_CIPHER_CTX *scratch_gcm; /* keyed anew for each packet */
    EVP_CIPHER_CTX *scratch_ctr;
};

/* HMAC-SHA1 with the key's two blocks already hashed: chaining values only. */
struct srtp_hmac {
    uint32_t inner[5];
    uint32_t outer[5];
};

struct srtp_transform {
    struct srtp_engine *engine;
    enum srtp_profile profile;
    uint8_t key[SRTP_KEY_SIZE];
    uint8_t salt[SRTP_SALT_SIZE_MAX];
    struct srtp_hmac hmac;  /* SHA1_80 only */
    EVP_CIPHER_CTX *cipher; /* keyed once, for what is hot; NULL: the engine's scratch */
};

enum srtp_use { SRTP_USE_RTP, SRTP_USE_RTCP };

/* Derive the session keys of one use. A direction is 1 to encrypt, 0 to decrypt, and only for a
 * cipher of the transform's own (is_hot). */
int srtp_transform_init(struct srtp_transform *t, struct srtp_engine *e,
                        const struct srtp_keys *keys, enum srtp_use use);
/* Give it a cipher of its own, for one direction. */
int srtp_transform_make_hot(struct srtp_transform *t, bool is_encrypting);
void srtp_transform_finish(struct srtp_transform *t);

/* GCM: encrypt a, then b to out, then the tag; aad in two parts. */
bool srtp_seal(struct srtp_transform *t, uint32_t ssrc, uint64_t index, const struct bytes aad[2],
               struct bytes a, struct bytes b, uint8_t *out);
/* GCM: decrypt in place and verify; text is size bytes, then the tag. */
bool srtp_open(struct srtp_transform *t, uint32_t ssrc, uint64_t index, const struct bytes aad[2],
               uint8_t *text, size_t size);
/* AES-CM: encrypt a, then b to out (or decrypt, which is the same); in place is fine. */
bool srtp_crypt(struct srtp_transform *t, uint32_t ssrc, uint64_t index, struct bytes a,
                struct bytes b, uint8_t *out);
/* HMAC-SHA1 over a, then b. */
void srtp_authenticate(const struct srtp_transform *t, struct bytes a, struct bytes b,
                       uint8_t tag[20]);

#endif
