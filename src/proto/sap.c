#include "proto/sap.h"

enum {
    VERSION_1 = 0x20,
    IS_IPV6 = 0x10,
    IS_DELETION = 0x04,
    IPV6_SCOPE = 0x0f,
};

static const char payload_type[] = "application/sdp"; /* with its NUL on the wire */

/* FNV-1a: another one for another description (RFC 2974 §6, message identifier hash). */
static uint16_t hash_of(struct bytes sdp)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sdp.size; i++) {
        hash = (hash ^ sdp.data[i]) * 16777619u;
    }
    const uint16_t folded = (uint16_t)(hash >> 16 ^ hash);
    return folded != 0 ? folded : 1; /* 0 says that there is none */
}

/*
 *   | V=1 A R T E C | auth len | msg id hash | originating source | payload type | 0 | payload |
 */
void sap_write(struct byte_writer *w, bool is_deletion, const struct endpoint *origin,
               struct bytes sdp)
{
    const bool is_v6 = origin->version == 6;
    byte_writer_u8(w,
                   (uint8_t)(VERSION_1 | (is_v6 ? IS_IPV6 : 0) | (is_deletion ? IS_DELETION : 0)));
    byte_writer_u8(w, 0);
    byte_writer_u16(w, hash_of(sdp));
    byte_writer_bytes(w, bytes_of(origin->ip, is_v6 ? 16 : 4));
    byte_writer_bytes(w, bytes_of(payload_type, sizeof(payload_type)));
    byte_writer_bytes(w, sdp);
}

/* RFC 2974 §3: the highest address of the scope, or the global one. */
static const struct {
    uint8_t network[4];
    unsigned n_bits;
    uint8_t group[4];
} scopes[] = {
    {{224, 0, 0, 0}, 24, {224, 0, 0, 255}},
    {{239, 255, 0, 0}, 16, {239, 255, 255, 255}},
    {{239, 192, 0, 0}, 14, {239, 195, 255, 255}},
    {{0, 0, 0, 0}, 0, {224, 2, 127, 254}},
};

static void find_v4(const uint8_t *session, uint8_t *out)
{
    const uint32_t ip = bytes_get_u32(session);
    size_t i = 0;
    while (scopes[i].n_bits > 0 &&
           (ip ^ bytes_get_u32(scopes[i].network)) >> (32 - scopes[i].n_bits) != 0) {
        i++;
    }
    memcpy(out, scopes[i].group, sizeof(scopes[i].group));
}

/* FF0X::2:7FFE, X the scope of the session. */
static void find_v6(const uint8_t *session, uint8_t *out)
{
    static const uint8_t group[16] = {0xff, [13] = 0x02, [14] = 0x7f, [15] = 0xfe};
    memcpy(out, group, sizeof(group));
    out[1] = session[1] & IPV6_SCOPE;
}

void sap_find_group(const struct endpoint *session, struct endpoint *out)
{
    *out = (struct endpoint){.port = SAP_PORT, .version = session->version};
    (session->version == 6 ? find_v6 : find_v4)(session->ip, out->ip);
}
