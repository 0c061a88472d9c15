#include "proto/stun.h"

#include <errno.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

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

static const uint32_t MAGIC_COOKIE = 0x2112a442;
static const uint32_t FINGERPRINT_XOR = 0x5354554e; /* RFC 8489 §14.7 */

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

/* ITU-T V.42 CRC-32, four bits at a time. */
static uint32_t crc32(struct bytes in)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < in.size; i++) {
        crc ^= in.data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

/* HMAC-SHA1 of a message up to MESSAGE-INTEGRITY, its length field counting that attribute
 * (RFC 8489 §14.5). */
static bool sign(struct bytes message, struct bytes key, uint8_t out[INTEGRITY_SIZE])
{
    uint8_t copy[STUN_MESSAGE_SIZE_MAX];
    unsigned size = 0;
    if (message.size > sizeof(copy) || key.size > INT16_MAX) {
        return false;
    }
    memcpy(copy, message.data, message.size);
    bytes_put_u16(copy + 2, (uint16_t)(message.size - HEADER_SIZE + ATTRIBUTE_HEADER_SIZE +
                                       INTEGRITY_SIZE));
    const void *some_key = key.data ? key.data : copy; /* NULL would mean "the last one" */
    return HMAC(EVP_sha1(), some_key, (int)key.size, copy, message.size, out, &size);
}

/* --- reading --- */

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

/* The key stream of XOR-MAPPED-ADDRESS: magic cookie, then transaction id (RFC 8489 §14.2). */
static void xor_address(const uint8_t *message, const uint8_t *in, size_t size, uint8_t *out)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = in[i] ^ message[4 + i];
    }
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
    xor_address(message.data, value.data + 4, size, out->ip);
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
    m->has_fingerprint = bytes_get_u32(a->value.data) == (crc32(covered) ^ FINGERPRINT_XOR);
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
    const uint8_t *colon =
        username.size > 0 ? memchr(username.data, ':', username.size) : NULL;
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
    return m->integrity.size == INTEGRITY_SIZE && sign(m->signed_part, key, expected) &&
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

/* --- writing --- */

static void write_header(struct byte_writer *w, uint16_t type, const uint8_t *transaction_id)
{
    byte_writer_u16(w, type);
    byte_writer_u16(w, 0); /* length: set by finish() */
    byte_writer_u32(w, MAGIC_COOKIE);
    byte_writer_bytes(w, bytes_of(transaction_id, STUN_TRANSACTION_ID_SIZE));
}

static void write_attribute(struct byte_writer *w, enum attribute type, struct bytes value)
{
    byte_writer_u16(w, (uint16_t)type);
    byte_writer_u16(w, (uint16_t)value.size);
    byte_writer_bytes(w, value);
    byte_writer_zeros(w, (4 - value.size % 4) % 4);
}

/* MESSAGE-INTEGRITY, when there is a key, and FINGERPRINT; returns the whole size. */
static size_t finish(struct byte_writer *w, struct bytes key)
{
    uint8_t mac[INTEGRITY_SIZE], fingerprint[FINGERPRINT_SIZE];
    const struct bytes message = bytes_of(w->start, byte_writer_size(w));
    if (key.size > 0) {
        if (w->error || !sign(message, key, mac)) {
            return 0;
        }
        write_attribute(w, ATTR_MESSAGE_INTEGRITY, bytes_of(mac, sizeof(mac)));
    }
    if (w->error) {
        return 0;
    }
    const size_t size = byte_writer_size(w);
    bytes_put_u16(w->start + 2,
                  (uint16_t)(size - HEADER_SIZE + ATTRIBUTE_HEADER_SIZE + FINGERPRINT_SIZE));
    bytes_put_u32(fingerprint, crc32(bytes_of(w->start, size)) ^ FINGERPRINT_XOR);
    write_attribute(w, ATTR_FINGERPRINT, bytes_of(fingerprint, sizeof(fingerprint)));
    return w->error ? 0 : byte_writer_size(w);
}

size_t stun_write_request(const struct stun_request *r, struct bytes remote_password, uint8_t *out,
                          size_t capacity)
{
    struct byte_writer w;
    uint8_t number[8];
    byte_writer_init(&w, out, capacity);
    write_header(&w, 0x0001, r->transaction_id);
    write_attribute(&w, ATTR_USERNAME, r->username);
    bytes_put_u32(number, r->priority);
    write_attribute(&w, ATTR_PRIORITY, bytes_of(number, 4));
    bytes_put_u64(number, r->tie_breaker);
    write_attribute(&w, r->is_controlling ? ATTR_ICE_CONTROLLING : ATTR_ICE_CONTROLLED,
                    bytes_of(number, 8));
    if (r->use_candidate) {
        write_attribute(&w, ATTR_USE_CANDIDATE, (struct bytes){0});
    }
    return finish(&w, remote_password);
}

size_t stun_write_success(const struct stun_message *request, const struct endpoint *mapped,
                          struct bytes local_password, uint8_t *out, size_t capacity)
{
    struct byte_writer w;
    uint8_t value[20] = {0, mapped->version == 4 ? FAMILY_IPV4 : FAMILY_IPV6};
    const size_t ip_size = mapped->version == 4 ? 4 : 16;
    byte_writer_init(&w, out, capacity);
    write_header(&w, 0x0101, request->transaction_id);
    if (w.error) {
        return 0;
    }
    bytes_put_u16(value + 2, mapped->port ^ (uint16_t)(MAGIC_COOKIE >> 16));
    xor_address(out, mapped->ip, ip_size, value + 4);
    write_attribute(&w, ATTR_XOR_MAPPED_ADDRESS, bytes_of(value, 4 + ip_size));
    return finish(&w, local_password);
}

static const char *reason_of(enum stun_code code)
{
    switch (code) {
    case STUN_BAD_REQUEST:
        return "Bad Request";
    case STUN_UNAUTHENTICATED:
        return "Unauthenticated";
    case STUN_UNKNOWN_ATTRIBUTE:
        return "Unknown Attribute";
    case STUN_ROLE_CONFLICT:
        return "Role Conflict";
    }
    return "";
}

size_t stun_write_error(const struct stun_message *request, enum stun_code code,
                        struct bytes local_password, uint8_t *out, size_t capacity)
{
    struct byte_writer w, value;
    uint8_t bytes[32];
    byte_writer_init(&w, out, capacity);
    write_header(&w, 0x0111, request->transaction_id);
    byte_writer_init(&value, bytes, sizeof(bytes));
    byte_writer_u16(&value, 0);
    byte_writer_u8(&value, (uint8_t)(code / 100));
    byte_writer_u8(&value, (uint8_t)(code % 100));
    byte_writer_bytes(&value, bytes_of_text(reason_of(code)));
    write_attribute(&w, ATTR_ERROR_CODE, bytes_of(bytes, byte_writer_size(&value)));
    if (code == STUN_UNKNOWN_ATTRIBUTE) {
        byte_writer_init(&value, bytes, sizeof(bytes));
        for (uint8_t i = 0; i < request->n_unknown; i++) {
            byte_writer_u16(&value, request->unknown[i]);
        }
        write_attribute(&w, ATTR_UNKNOWN_ATTRIBUTES, bytes_of(bytes, byte_writer_size(&value)));
    }
    return finish(&w, local_password);
}

void stun_ice_text(const uint8_t *random, size_t n_chars, char *out)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n_chars; i++) {
        out[i] = chars[random[i] & 63];
    }
    out[n_chars] = '\0';
}
