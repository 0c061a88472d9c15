#include "proto/stun.h"
#include "proto/stun_format.h"

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
        if (w->error || !stun_sign(message, key, mac)) {
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
    bytes_put_u32(fingerprint, stun_fingerprint(bytes_of(w->start, size)));
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
    stun_xor_address(out, mapped->ip, ip_size, value + 4);
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
