/*
 * SRTP and SRTCP over OpenSSL, for the two profiles that browsers speak.
 *
 * srtp_protect() is the hot path of the program: it reads the header and a shared payload and
 * writes one datagram, without allocating. The sender counts packets itself and gives the 48-bit
 * index (rollover counter << 16 | sequence number).
 *
 * Units:     sizes in bytes. A datagram needs room for header + prefix + payload +
 *            SRTP_TAG_SIZE_MAX; RTCP for packet + SRTCP_OVERHEAD_MAX.
 * Memory:    1.9 kB for a sender and a receiver of RTCP; 1.5 kB more once RTP is received.
 * Ownership: senders and receivers use the engine, which must outlive them.
 * Thread:    one, that of the engine.
 * Errors:    -EBADMSG malformed or not authentic, -EALREADY replayed, -ENOBUFS too many SSRCs
 *            (replay.h), -EIO a failure inside libcrypto, -ENOMEM.
 * Spec:      RFC 3711 §3.3, §3.4, §4; RFC 7714 §8, §9; RFC 5764 §4.1.2 (profiles).
 */
#ifndef AVOCET_PROTO_SRTP_H
#define AVOCET_PROTO_SRTP_H

#include "base/bytes.h"

/* The numbers of the DTLS use_srtp extension. */
enum srtp_profile {
    SRTP_PROFILE_NONE = 0,
    SRTP_PROFILE_SHA1_80 = 1, /* SRTP_AES128_CM_SHA1_80 */
    SRTP_PROFILE_GCM = 7,     /* SRTP_AEAD_AES_128_GCM */
};

enum {
    SRTP_KEY_SIZE = 16,
    SRTP_SALT_SIZE_MAX = 14, /* AES-CM; 12 for GCM */
    SRTP_TAG_SIZE_MAX = 16,  /* GCM; 10 for SHA1_80 */
    SRTCP_OVERHEAD_MAX = SRTP_TAG_SIZE_MAX + 4,
};

/* Master key and salt of one direction. */
struct srtp_keys {
    enum srtp_profile profile;
    uint8_t key[SRTP_KEY_SIZE];
    uint8_t salt[SRTP_SALT_SIZE_MAX];
};

size_t srtp_salt_size(enum srtp_profile profile);
size_t srtp_tag_size(enum srtp_profile profile);

/* The ciphers, fetched once, and scratch state for what is rare (RTCP, key derivation). */
struct srtp_engine;
struct srtp_engine *srtp_engine_create(void);
void srtp_engine_destroy(struct srtp_engine *e);

struct srtp_sender;
/* NULL without memory, or when libcrypto lacks the cipher. */
struct srtp_sender *srtp_sender_create(struct srtp_engine *e, const struct srtp_keys *keys);
void srtp_sender_destroy(struct srtp_sender *s);
/* Write header, then prefix and payload encrypted, then the tag. header is the whole RTP header
 * with its extensions, its sequence number the low bits of index; prefix is empty but for RTX,
 * whose original sequence number it is. Returns the datagram's size, 0 if libcrypto failed. */
size_t srtp_protect(struct srtp_sender *s, uint64_t index, struct bytes header, struct bytes prefix,
                    struct bytes payload, uint8_t *out);
/* packet is a compound or reduced-size RTCP packet. Returns its new size, 0 on failure. */
size_t srtp_protect_rtcp(struct srtp_sender *s, struct bytes packet, uint8_t *out, size_t capacity);

struct srtp_receiver;
struct srtp_receiver *srtp_receiver_create(struct srtp_engine *e, const struct srtp_keys *keys);
void srtp_receiver_destroy(struct srtp_receiver *r);
/* Decrypt in place; *size becomes that of the plain packet, *index (may be NULL) the 48-bit index
 * of the packet. The state for RTP is made at the first call. */
int srtp_unprotect(struct srtp_receiver *r, uint8_t *packet, size_t *size, uint64_t *index);
int srtp_unprotect_rtcp(struct srtp_receiver *r, uint8_t *packet, size_t *size);

#endif
