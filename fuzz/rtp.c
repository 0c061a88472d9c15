/* RTP packets with header extensions of both forms; what is read is written and read again. */
#include <assert.h>

#include "proto/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rtp_extension_ids ids = {
        .playout_delay = 5, .abs_send_time = 3, .abs_capture_time = 7, .mid = 4};
    struct rtp_packet p, back, original;
    struct rtp_extensions e, again;
    const struct bytes in = bytes_of(data, size);
    if (rtp_parse(in, &p) < 0) {
        return 0;
    }
    assert(rtp_measure_header(in) == p.header_size && p.header_size + p.payload.size <= size);
    rtp_restore_rtx(&p, 1, 2, &original);
    rtp_read_extensions(&p, &ids, &e);
    uint8_t out[RTP_HEADER_SIZE_MAX];
    const size_t header_size = rtp_write_header(&p.header, &ids, &e, out);
    assert(header_size <= sizeof(out) && rtp_parse(bytes_of(out, header_size), &back) == 0);
    assert(back.header_size == header_size && back.header.ssrc == p.header.ssrc);
    rtp_read_extensions(&back, &ids, &again);
    assert(again.has_playout_delay == e.has_playout_delay);
    assert(again.playout_max_ms == e.playout_max_ms && again.abs_send_time == e.abs_send_time);
    assert(again.abs_capture_ntp == e.abs_capture_ntp);
    return 0;
}
