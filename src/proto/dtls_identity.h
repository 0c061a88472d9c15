/*
 * The inside of an identity. Used by dtls.c and dtls_identity.c; the rest see dtls.h.
 */
#ifndef AVOCET_PROTO_DTLS_IDENTITY_H
#define AVOCET_PROTO_DTLS_IDENTITY_H

#include <openssl/ssl.h>

#include "proto/dtls.h"

struct dtls_identity {
    SSL_CTX *context;
    unsigned n_refs; /* the owner's, and one for each session */
    char fingerprint[FINGERPRINT_TEXT_SIZE];
};

/* Whose certificate a session accepts: the SSL's app data. */
struct dtls_peer {
    struct fingerprint fingerprints[DTLS_FINGERPRINTS_MAX];
    unsigned n_fingerprints;
};

struct dtls_identity *dtls_identity_ref(struct dtls_identity *i);
#endif
