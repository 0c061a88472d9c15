/* Records of: u8 what comes (0..15 ms later), u8 size, datagram. What is pulled goes on as H.264.
 */
#include <assert.h>

#include "base/time.h"
#include "mux/rtp_h264_reader.h"
#include "proto/rtp_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pull_all(struct rtp_order *order, struct rtp_h264_reader *reader, int64_t now_ns)
{
    struct rtp_packet p;
    while (rtp_order_pull(order, now_ns, &p)) {
        const struct rtp_h264_payload payload = {.sequence = p.header.sequence,
                                                 .timestamp = p.header.timestamp,
                                                 .marker = p.header.marker,
                                                 .bytes = p.payload};
        struct packet *out = NULL;
        uint32_t timestamp;
        if (rtp_h264_reader_push(reader, &payload, &out, &timestamp) == 0) {
            packet_unref(&out);
        }
    }
    assert(rtp_order_deadline_ns(order) == TIME_NONE || rtp_order_deadline_ns(order) > now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct byte_reader in;
    struct rtp_order order;
    struct rtp_h264_reader reader;
    int64_t now_ns = 0;
    byte_reader_init(&in, bytes_of(data, size));
    rtp_order_init(&order);
    rtp_h264_reader_init(&reader);
    while (byte_reader_left(&in) >= 2) {
        now_ns += byte_reader_u8(&in) % 16 * NS_PER_MS;
        const struct bytes datagram = byte_reader_bytes(&in, byte_reader_u8(&in));
        (void)rtp_order_push(&order, datagram, now_ns);
        pull_all(&order, &reader, now_ns);
    }
    rtp_h264_reader_finish(&reader);
    rtp_order_finish(&order);
    return 0;
}
