#include "proto/stun.h"

#include <errno.h>

#include <openssl/crypto.h>

#include "proto/stun_format.h"

/* Header and length of one whole message. */
static bool is_message(struct bytes in)
{
    return in.size >= HEADER_SIZE && in.size <= STUN_MESSAGE_SIZE_MAX && in.data[0] <= 0x3f &&
           in.size % 4 == 0 && bytes_get_u16(in.data + 2) == in.size - HEADER_SIZE &&
           bytes_get_u32(in.data + 4) == MAGIC_COOKIE;
}

struct attribute_reader {
    struct byte_reader r;
    uint16_t type;
    struct bytes value;
    const uint8_t *start; /* of its header */
};

static bool next_attribute(struct attribute_reader *a)
{
    if (byte_reader_left(&a->r) == 0) {
        return false;
    }
    a->start = a->r.pos;
    a->type = byte_reader_u16(&a->r);
    const uint16_t size = byte_reader_u16(&a->r);
    a->value = byte_reader_bytes(&a->r, size);
    byte_reader_skip(&a->r, (4 - size % 4u) % 4u);
    return !a->r.error;
}

static void attributes_of(struct bytes message, struct attribute_reader *out)
{
    *out = (struct attribute_reader){0};
    byte_reader_init(&out->r, bytes_of(message.data + HEADER_SIZE, message.size - HEADER_SIZE));
}

static bool read_xor_address(struct bytes message, struct bytes value, struct endpoint *out)
{
    const uint8_t family = value.size >= 4 ? value.data[1] : 0;
    const size_t size = family == FAMILY_IPV4 ? 4 : 16;
    if ((family != FAMILY_IPV4 && family != FAMILY_IPV6) || value.size != 4 + size) {
        return false;
    }
    *out = (struct endpoint){
        .version = family == FAMILY_IPV4 ? 4 : 6,
        .port = bytes_get_u16(value.data + 2) ^ (uint16_t)(MAGIC_COOKIE >> 16),
    };
    stun_xor_address(message.data, value.data + 4, size, out->ip);
    return true;
}

static void note_unknown(struct stun_message *m, uint16_t type)
{
    if (type < 0x8000 && m->n_unknown < STUN_UNKNOWN_MAX) { /* comprehension-required */
        m->unknown[m->n_unknown++] = type;
    }
}

/* One attribute before MESSAGE-INTEGRITY; false when its size is wrong. */
static bool read_attribute(struct bytes message, const struct attribute_reader *a,
                           struct stun_message *m)
{
    const struct bytes v = a->value;
    switch (a->type) {
    case ATTR_USERNAME:
        m->username = v;
        return v.size > 0 && v.size <= USERNAME_SIZE_MAX;
    case ATTR_XOR_MAPPED_ADDRESS:
        return read_xor_address(message, v, &m->mapped);
    case ATTR_PRIORITY:
        m->priority = v.size == 4 ? bytes_get_u32(v.data) : 0;
        return v.size == 4;
    case ATTR_USE_CANDIDATE:
        m->use_candidate = true;
        return v.size == 0;
    case ATTR_ICE_CONTROLLED:
    case ATTR_ICE_CONTROLLING:
        if (v.size != 8) {
            return false;
        }
        m->is_controlling = a->type == ATTR_ICE_CONTROLLING;
        m->is_controlled = !m->is_controlling;
        m->tie_breaker = (uint64_t)bytes_get_u32(v.data) << 32 | bytes_get_u32(v.data + 4);
        return true;
    case ATTR_ERROR_CODE:
        m->error_code = v.size >= 4 ? (uint16_t)((v.data[2] & 7) * 100 + v.data[3]) : 0;
        return v.size >= 4 && v.data[3] < 100;
    case ATTR_MAPPED_ADDRESS:
    case ATTR_UNKNOWN_ATTRIBUTES:
    case ATTR_REALM:
    case ATTR_NONCE:
    case ATTR_MESSAGE_INTEGRITY_SHA256:
        return true; /* known, and of no use here */
    default:
        note_unknown(m, a->type);
        return true;
    }
}

/* FINGERPRINT must be last (RFC 8489 §14.7). */
static bool read_fingerprint(struct bytes message, const struct attribute_reader *a,
                             struct stun_message *m)
{
    if (a->value.size != FINGERPRINT_SIZE || byte_reader_left(&a->r) != 0) {
        return false;
    }
    const struct bytes covered = bytes_of(message.data, (size_t)(a->start - message.data));
    m->has_fingerprint = bytes_get_u32(a->value.data) == stun_fingerprint(covered);
    return m->has_fingerprint;
}

static bool read_integrity(struct bytes message, const struct attribute_reader *a,
                           struct stun_message *m)
{
    m->signed_part = bytes_of(message.data, (size_t)(a->start - message.data));
    m->integrity = a->value;
    return a->value.size == INTEGRITY_SIZE;
}

int stun_parse(struct bytes datagram, struct stun_message *out)
{
    if (!is_message(datagram)) {
        return -EBADMSG;
    }
    /* RFC 8489 §5, figure 3: the class is bits 4 and 8 of the type, among those of the method */
    const uint16_t type = bytes_get_u16(datagram.data);
    struct stun_message m = {
        .class = (enum stun_class)((type >> 4 & 1) | (type >> 7 & 2)),
        .method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80)),
    };
    memcpy(m.transaction_id, datagram.data + 8, STUN_TRANSACTION_ID_SIZE);
    struct attribute_reader a;
    attributes_of(datagram, &a);
    while (next_attribute(&a)) {
        bool ok = true;
        if (a.type == ATTR_FINGERPRINT) {
            ok = read_fingerprint(datagram, &a, &m);
        } else if (m.integrity.size > 0) {
            continue; /* RFC 8489 §14.5: what follows MESSAGE-INTEGRITY is not signed: ignored */
        } else if (a.type == ATTR_MESSAGE_INTEGRITY) {
            ok = read_integrity(datagram, &a, &m);
        } else {
            ok = read_attribute(datagram, &a, &m);
        }
        if (!ok) {
            return -EBADMSG;
        }
    }
    if (a.r.error) {
        return -EBADMSG;
    }
    *out = m;
    return 0;
}

/* Split "ours:theirs"; false without a colon. */
static bool split_username(struct bytes username, struct bytes *ours, struct bytes *theirs)
{
    const uint8_t *colon = username.size > 0 ? memchr(username.data, ':', username.size) : NULL;
    if (!colon) {
        return false;
    }
    *ours = bytes_of(username.data, (size_t)(colon - username.data));
    *theirs = bytes_of(colon + 1, username.size - ours->size - 1);
    return true;
}

struct bytes stun_local_ufrag(struct bytes datagram)
{
    struct bytes ours = {0}, theirs;
    if (!is_message(datagram)) {
        return ours;
    }
    struct attribute_reader a;
    attributes_of(datagram, &a);
    while (next_attribute(&a)) {
        if (a.type == ATTR_USERNAME) {
            return split_username(a.value, &ours, &theirs) ? ours : (struct bytes){0};
        }
    }
    return ours;
}

bool stun_has_integrity(const struct stun_message *m, struct bytes key)
{
    uint8_t expected[INTEGRITY_SIZE];
    return m->integrity.size == INTEGRITY_SIZE && stun_sign(m->signed_part, key, expected) &&
           CRYPTO_memcmp(expected, m->integrity.data, INTEGRITY_SIZE) == 0;
}

int stun_judge_request(const struct stun_message *m, struct bytes local_ufrag,
                       struct bytes remote_ufrag, struct bytes local_password)
{
    struct bytes ours, theirs;
    if (m->class != STUN_REQUEST || m->method != STUN_BINDING || !m->has_fingerprint) {
        return -EBADMSG;
    }
    if (m->username.size == 0 || m->integrity.size == 0) {
        return STUN_BAD_REQUEST; /* RFC 8489 §9.1.3 */
    }
    if (!split_username(m->username, &ours, &theirs) || !bytes_equal(ours, local_ufrag) ||
        (remote_ufrag.size > 0 && !bytes_equal(theirs, remote_ufrag))) {
        return STUN_UNAUTHENTICATED;
    }
    if (!stun_has_integrity(m, local_password)) {
        return STUN_UNAUTHENTICATED;
    }
    if (m->n_unknown > 0) {
        return STUN_UNKNOWN_ATTRIBUTE;
    }
    return m->is_controlled ? STUN_ROLE_CONFLICT : 0;
}
