/*
 * Certificate fingerprints, "sha-256 12:AB:...".
 *
 * Thread: a value; no shared state.
 * Errors: -EBADMSG not a fingerprint, -ENOTSUP another hash than SHA-256, -384 or -512.
 * Spec:   RFC 8122 §5.
 */
#ifndef AVOCET_PROTO_FINGERPRINT_H
#define AVOCET_PROTO_FINGERPRINT_H

#include "base/bytes.h"

enum {
    FINGERPRINT_SIZE_MAX = 64,
    FINGERPRINT_TEXT_SIZE = sizeof("sha-512 ") + 3 * FINGERPRINT_SIZE_MAX,
};

struct fingerprint {
    uint8_t size; /* 32, 48 or 64, which names the hash */
    uint8_t digest[FINGERPRINT_SIZE_MAX];
};

int fingerprint_parse(struct bytes text, struct fingerprint *out);
const char *fingerprint_format(const struct fingerprint *f, char out[FINGERPRINT_TEXT_SIZE]);

#endif
