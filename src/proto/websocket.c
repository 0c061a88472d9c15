#include "proto/websocket.h"

#include <errno.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

/* RFC 6455 §1.3 */
static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

enum { KEY_SIZE = 24, NONCE_SIZE = 16 };

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* One of a comma-separated list of tokens, compared without case. */
static bool has_token(struct bytes list, const char *token)
{
    const size_t size = strlen(token);
    const uint8_t *pos = list.data, *end = list.size > 0 ? list.data + list.size : list.data;
    while (pos < end) {
        const uint8_t *comma = memchr(pos, ',', (size_t)(end - pos));
        const uint8_t *next = comma ? comma : end;
        const uint8_t *last = next;
        while (pos < last && is_space(*pos)) {
            pos++;
        }
        while (last > pos && is_space(last[-1])) {
            last--;
        }
        if ((size_t)(last - pos) == size && strncasecmp((const char *)pos, token, size) == 0) {
            return true;
        }
        pos = next < end ? next + 1 : end;
    }
    return false;
}

/* RFC 6455 §4.2.1 item 5: base64 that decodes to 16 bytes. */
static bool is_key(struct bytes key)
{
    uint8_t nonce[3 * KEY_SIZE / 4];
    if (key.size != KEY_SIZE || key.data[KEY_SIZE - 3] == '=' ||
        memcmp(key.data + KEY_SIZE - 2, "==", 2) != 0) {
        return false;
    }
    return EVP_DecodeBlock(nonce, key.data, KEY_SIZE) == (int)sizeof(nonce);
}

bool websocket_is_wanted(const struct websocket_request *r)
{
    return has_token(r->upgrade, "websocket");
}

int websocket_accept(const struct websocket_request *r, char accept[WEBSOCKET_ACCEPT_SIZE])
{
    if (!r->is_get || !r->is_http_1_1 || !websocket_is_wanted(r) ||
        !has_token(r->connection, "upgrade")) {
        return -EBADMSG;
    }
    if (r->version.size > 0 && !bytes_equal(r->version, bytes_of_text("13"))) {
        return -ENOTSUP;
    }
    if (r->version.size == 0 || !is_key(r->key)) {
        return -EBADMSG;
    }
    uint8_t input[KEY_SIZE + sizeof(GUID) - 1], digest[SHA_DIGEST_LENGTH];
    memcpy(input, r->key.data, KEY_SIZE);
    memcpy(input + KEY_SIZE, GUID, sizeof(GUID) - 1);
    if (!SHA1(input, sizeof(input), digest)) {
        return -EBADMSG;
    }
    EVP_EncodeBlock((uint8_t *)accept, digest, sizeof(digest));
    return 0;
}

size_t websocket_write_header(enum websocket_opcode opcode, uint64_t payload_size,
                              uint8_t out[WEBSOCKET_HEADER_SIZE_MAX])
{
    out[0] = (uint8_t)(0x80 | opcode);
    if (payload_size < 126) {
        out[1] = (uint8_t)payload_size;
        return 2;
    }
    if (payload_size <= UINT16_MAX) {
        out[1] = 126;
        bytes_put_u16(out + 2, (uint16_t)payload_size);
        return 4;
    }
    out[1] = 127;
    bytes_put_u64(out + 2, payload_size);
    return 10;
}
