#include "proto/stun_format.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "proto/stun.h"

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

uint32_t stun_fingerprint(struct bytes message)
{
    return crc32(message) ^ FINGERPRINT_XOR;
}

bool stun_sign(struct bytes message, struct bytes key, uint8_t out[INTEGRITY_SIZE])
{
    uint8_t copy[STUN_MESSAGE_SIZE_MAX];
    unsigned size = 0;
    if (message.size > sizeof(copy) || key.size > INT16_MAX) {
        return false;
    }
    memcpy(copy, message.data, message.size);
    bytes_put_u16(copy + 2,
                  (uint16_t)(message.size - HEADER_SIZE + ATTRIBUTE_HEADER_SIZE + INTEGRITY_SIZE));
    const void *some_key = key.data ? key.data : copy; /* NULL would mean "the last one" */
    return HMAC(EVP_sha1(), some_key, (int)key.size, copy, message.size, out, &size);
}

void stun_xor_address(const uint8_t *message, const uint8_t *in, size_t size, uint8_t *out)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = in[i] ^ message[4 + i];
    }
}
