/*
 * DTLS 1.2 with use_srtp: the handshake that gives a WebRTC session its SRTP keys.
 *
 * A server accepts (passive), our own client connects (active). Datagrams come in by
 * dtls_receive() and go out by the send function, one call each. After the handshake the heavy
 * OpenSSL state is given back at once: what stays answers a repeated last flight of the peer,
 * reads its close_notify and sends ours.
 *
 * Units:     times in monotonic ns; datagrams of at most DTLS_MTU bytes.
 * Memory:    65 kB during the handshake (of OpenSSL), 720 bytes afterwards.
 * Ownership: options are copied; the identity may be destroyed while sessions live. send must not
 *            destroy the session.
 * Thread:    one for an identity and all its sessions.
 * Errors:    -EBADMSG not DTLS (ignored, the session lives on), -EPROTO the handshake failed (wrong
 *            certificate, no common profile, alert), -ETIMEDOUT no answer, -ENOMEM.
 * Spec:      RFC 6347; RFC 5764; RFC 8827 §6.5; RFC 8842.
 */
#ifndef AVOCET_PROTO_DTLS_H
#define AVOCET_PROTO_DTLS_H

#include "proto/fingerprint.h"
#include "proto/srtp.h"

enum { DTLS_MTU = 1200, DTLS_PROFILES_MAX = 2, DTLS_FINGERPRINTS_MAX = 4 };

/* An ECDSA P-256 key and its self-signed certificate. */
struct dtls_identity;
/* Takes about 1 ms. real_now_ns dates the certificate (valid from a day before, for a year). */
struct dtls_identity *dtls_identity_create(int64_t real_now_ns);
void dtls_identity_destroy(struct dtls_identity *i);
/* "sha-256 12:AB:..." for SDP. */
const char *dtls_identity_fingerprint(const struct dtls_identity *i);

enum dtls_state {
    DTLS_HANDSHAKING,
    DTLS_CONNECTED, /* keys are there */
    DTLS_CLOSED,    /* the peer said close_notify, or dtls_close() */
    DTLS_FAILED,
};

struct dtls_options {
    struct dtls_identity *identity;
    bool is_client;
    enum srtp_profile profiles[DTLS_PROFILES_MAX]; /* best first; NONE ends the list */
    const struct fingerprint *fingerprints;        /* of the peer: one must match */
    unsigned n_fingerprints;
    void (*send)(void *user, struct bytes datagram);
    void *user;
};

struct dtls;
struct dtls *dtls_create(const struct dtls_options *o);
void dtls_destroy(struct dtls *d);
/* Client: send the first flight. */
int dtls_start(struct dtls *d, int64_t now_ns);
/* A datagram whose first byte is 20..63. Look at dtls_state() after it. */
int dtls_receive(struct dtls *d, struct bytes datagram, int64_t now_ns);
/* Whether it begins with a ClientHello: a repeated one answers nothing of ours. */
bool dtls_is_client_hello(struct bytes datagram);
/* When to call dtls_on_timeout(); TIME_NONE: not. */
int64_t dtls_timeout_ns(const struct dtls *d, int64_t now_ns);
int dtls_on_timeout(struct dtls *d, int64_t now_ns);
/* Say close_notify, when there is a connection. */
void dtls_close(struct dtls *d);

enum dtls_state dtls_state(const struct dtls *d);
/* -ENOTCONN before DTLS_CONNECTED. */
int dtls_srtp_keys(const struct dtls *d, struct srtp_keys *ours, struct srtp_keys *theirs);

#endif
