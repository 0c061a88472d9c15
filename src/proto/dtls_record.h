/*
 * DTLS 1.2 records after the handshake, without an SSL object: enough to read the peer's alerts
 * and to say close_notify. Only for the ECDHE_*_WITH_AES_128_GCM_SHA256 suites.
 *
 * Thread: any; no shared state.
 * Errors: -ENOTSUP another cipher suite, -EIO a failure inside libcrypto.
 * Spec:   RFC 6347 §4.1 (records); RFC 5288 §3 (AES-GCM); RFC 5246 §6.3 (keys), §7.2 (alerts).
 */
#ifndef AVOCET_PROTO_DTLS_RECORD_H
#define AVOCET_PROTO_DTLS_RECORD_H

#include <openssl/ssl.h>

#include "base/bytes.h"

enum {
    DTLS_RECORD_HEADER_SIZE = 13,
    DTLS_ALERT_RECORD_SIZE = DTLS_RECORD_HEADER_SIZE + 8 + 2 + 16,
};

enum dtls_content {
    DTLS_CHANGE_CIPHER_SPEC = 20,
    DTLS_ALERT = 21,
    DTLS_HANDSHAKE = 22,
};

/* One record of a datagram. */
struct dtls_record {
    uint8_t type;
    uint16_t epoch;
    uint64_t sequence; /* 48 bits */
    struct bytes header;
    struct bytes fragment;
};

struct dtls_record_key {
    uint8_t key[16];
    uint8_t salt[4];
};

struct dtls_record_keys {
    struct dtls_record_key ours;
    struct dtls_record_key theirs;
    uint64_t next_sequence; /* of our epoch 1 */
};

/* Cut the next record off *datagram; false at the end, or when it is malformed. */
bool dtls_record_next(struct bytes *datagram, struct dtls_record *out);
/* The keys of an SSL whose handshake is done; next_sequence is left alone. */
int dtls_record_keys_init(struct dtls_record_keys *k, SSL *ssl);
/* Whether the record is an authentic alert that ends the connection: close_notify, or fatal. */
bool dtls_record_is_closing(const struct dtls_record_keys *k, const struct dtls_record *r);
/* Returns the size, DTLS_ALERT_RECORD_SIZE, or 0 if libcrypto failed. */
size_t dtls_record_write_close(struct dtls_record_keys *k, uint8_t out[DTLS_ALERT_RECORD_SIZE]);

#endif
