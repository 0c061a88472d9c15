/*
 * What reading and writing STUN have in common. Used by the stun files.
 *
 * Spec: RFC 8489 §5, §14, §18.3; RFC 8445 §16.1.
 */
#ifndef AVOCET_PROTO_STUN_FORMAT_H
#define AVOCET_PROTO_STUN_FORMAT_H

#include "base/bytes.h"

/*
 *  0                   1                   2                   3
 * |0 0|     message type (14)     |         message length        |
 * |                          magic cookie                         |
 * |                     transaction id (96 bits)                  |
 *
 * then attributes: type (16), length (16), value padded to 4 bytes.
 */
enum {
    HEADER_SIZE = 20,
    ATTRIBUTE_HEADER_SIZE = 4,
    INTEGRITY_SIZE = 20,
    FINGERPRINT_SIZE = 4,
    FAMILY_IPV4 = 1,
    FAMILY_IPV6 = 2,
    USERNAME_SIZE_MAX = 513, /* RFC 8489 §14.3 */
};

#define MAGIC_COOKIE    UINT32_C(0x2112a442)
#define FINGERPRINT_XOR UINT32_C(0x5354554e) /* RFC 8489 §14.7 */

enum attribute {
    ATTR_MAPPED_ADDRESS = 0x0001,
    ATTR_USERNAME = 0x0006,
    ATTR_MESSAGE_INTEGRITY = 0x0008,
    ATTR_ERROR_CODE = 0x0009,
    ATTR_UNKNOWN_ATTRIBUTES = 0x000a,
    ATTR_REALM = 0x0014,
    ATTR_NONCE = 0x0015,
    ATTR_MESSAGE_INTEGRITY_SHA256 = 0x001c,
    ATTR_XOR_MAPPED_ADDRESS = 0x0020,
    ATTR_PRIORITY = 0x0024,
    ATTR_USE_CANDIDATE = 0x0025,
    ATTR_FINGERPRINT = 0x8028,
    ATTR_ICE_CONTROLLED = 0x8029,
    ATTR_ICE_CONTROLLING = 0x802a,
};

/* FINGERPRINT of what is before it. */
uint32_t stun_fingerprint(struct bytes message);
/* HMAC-SHA1 of a message up to MESSAGE-INTEGRITY, its length field counting that attribute
 * (RFC 8489 §14.5). */
bool stun_sign(struct bytes message, struct bytes key, uint8_t out[INTEGRITY_SIZE]);
/* XOR an address with the magic cookie and the transaction id, either way (RFC 8489 §14.2). */
void stun_xor_address(const uint8_t *message, const uint8_t *in, size_t size, uint8_t *out);

#endif
