/* Records of: u8 sequence step, u8 flags (1 marker, 2 next time stamp), u8 size, payload. */
#include "mux/rtp_h264_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct byte_reader in;
    struct rtp_h264_reader r;
    struct rtp_h264_payload payload = {0};
    byte_reader_init(&in, bytes_of(data, size));
    rtp_h264_reader_init(&r);
    while (byte_reader_left(&in) >= 3) {
        struct packet *out = NULL;
        uint32_t timestamp = 0;
        payload.sequence = (uint16_t)(payload.sequence + byte_reader_u8(&in) % 3);
        const uint8_t flags = byte_reader_u8(&in);
        payload.marker = flags & 1;
        payload.timestamp += (flags & 2) ? 3000 : 0;
        payload.bytes = byte_reader_bytes(&in, byte_reader_u8(&in));
        if (rtp_h264_reader_push(&r, &payload, &out, &timestamp) == 0) {
            packet_unref(&out);
        }
    }
    rtp_h264_reader_finish(&r);
    return 0;
}
