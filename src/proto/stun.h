/*
 * STUN messages as ICE uses them: connectivity checks and their answers.
 *
 * A server reads the local ufrag by stun_local_ufrag(), finds its session, then stun_parse() and
 * stun_judge_request() say what to answer. Requests by our own client: stun_write_request().
 *
 * Units:     sizes in bytes; writers return the message's size, 0 when it does not fit.
 * Ownership: a parsed message borrows the datagram.
 * Thread:    any; no shared state.
 * Errors:    -EBADMSG when it is no STUN message or its FINGERPRINT is wrong.
 * Spec:      RFC 8489 §5, §14; RFC 8445 §7, §16.1 (ICE attributes).
 */
#ifndef AVOCET_PROTO_STUN_H
#define AVOCET_PROTO_STUN_H

#include "proto/endpoint.h"

enum {
    STUN_TRANSACTION_ID_SIZE = 12,
    STUN_MESSAGE_SIZE_MAX = 548, /* RFC 8489 §6.1, for IPv4 paths of unknown MTU */
    STUN_UNKNOWN_MAX = 8,        /* unknown attributes listed in a 420 */
};

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };
enum stun_method { STUN_BINDING = 1 };

/* RFC 8489 §14.8; STUN_ROLE_CONFLICT is RFC 8445 §7.3.1.1. */
enum stun_code {
    STUN_BAD_REQUEST = 400,
    STUN_UNAUTHENTICATED = 401,
    STUN_UNKNOWN_ATTRIBUTE = 420,
    STUN_ROLE_CONFLICT = 487,
};

struct stun_message {
    enum stun_class class;
    uint16_t method;
    uint8_t transaction_id[STUN_TRANSACTION_ID_SIZE];
    struct bytes username;  /* "ours:theirs" in a request to us; size 0 when absent */
    struct endpoint mapped; /* XOR-MAPPED-ADDRESS; version 0 when absent */
    uint64_t tie_breaker;   /* of ICE-CONTROLLING or ICE-CONTROLLED */
    uint32_t priority;      /* 0 when absent */
    uint16_t error_code;    /* 0 when absent */
    bool is_controlling;    /* has ICE-CONTROLLING */
    bool is_controlled;     /* has ICE-CONTROLLED */
    bool use_candidate;
    bool has_fingerprint;               /* present, and right */
    uint16_t unknown[STUN_UNKNOWN_MAX]; /* comprehension-required attributes not known here */
    uint8_t n_unknown;
    struct bytes signed_part; /* all before MESSAGE-INTEGRITY; size 0 when that is absent */
    struct bytes integrity;   /* its 20 bytes */
};

int stun_parse(struct bytes datagram, struct stun_message *out);
/* The part of USERNAME before the colon, without any checksum: cheap, and to be trusted only after
 * stun_judge_request(). Size 0 when there is none. */
struct bytes stun_local_ufrag(struct bytes datagram);
/* MESSAGE-INTEGRITY is there and right, compared in constant time. key: the ICE password. */
bool stun_has_integrity(const struct stun_message *m, struct bytes key);

/* What an ICE-lite (always controlled) agent answers to a Binding request: 0 for success, an enum
 * stun_code for that error, -EBADMSG to drop it silently (no such session, not a request, no
 * FINGERPRINT). remote_ufrag of size 0 is not compared. */
int stun_judge_request(const struct stun_message *m, struct bytes local_ufrag,
                       struct bytes remote_ufrag, struct bytes local_password);

struct stun_request {
    const uint8_t *transaction_id; /* STUN_TRANSACTION_ID_SIZE random bytes */
    struct bytes username;         /* "theirs:ours" */
    uint64_t tie_breaker;
    uint32_t priority;
    bool is_controlling;
    bool use_candidate;
};

size_t stun_write_request(const struct stun_request *r, struct bytes remote_password, uint8_t *out,
                          size_t capacity);
size_t stun_write_success(const struct stun_message *request, const struct endpoint *mapped,
                          struct bytes local_password, uint8_t *out, size_t capacity);
/* Without a password (size 0) the error is not signed, as 400 and 401 must be. A 420 lists the
 * request's unknown attributes. */
size_t stun_write_error(const struct stun_message *request, enum stun_code code,
                        struct bytes local_password, uint8_t *out, size_t capacity);

/* ICE ufrag or password characters, one per random byte, and a NUL (RFC 8839 §5.4: ice-char). */
void stun_ice_text(const uint8_t *random, size_t n_chars, char *out);

#endif
