/* Compound RTCP: reading ends, and what it says of lost packets can be written and read again. */
#include <assert.h>

#include "proto/rtcp.h"

enum { LOST_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read_nack(const uint16_t *lost, unsigned n_lost)
{
    uint8_t out[12 + 4 * LOST_MAX];
    struct byte_writer w;
    struct rtcp_reader r;
    unsigned n = 0;
    byte_writer_init(&w, out, sizeof(out));
    rtcp_write_nack(&w, 1, 2, lost, n_lost);
    assert(!w.error);
    rtcp_reader_init(&r, bytes_of(out, byte_writer_size(&w)));
    for (struct rtcp_item item; rtcp_reader_next(&r, &item);) {
        assert(item.type == RTCP_NACK && item.media_ssrc == 2);
        n++;
    }
    assert(!r.error && n <= n_lost);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtcp_reader r;
    uint16_t lost[LOST_MAX];
    unsigned n_lost = 0;
    size_t n_items = 0;
    rtcp_reader_init(&r, bytes_of(data, size));
    for (struct rtcp_item item; rtcp_reader_next(&r, &item); n_items++) {
        if (item.type == RTCP_NACK && n_lost < LOST_MAX) {
            lost[n_lost++] = item.sequence;
        }
        if (item.type == RTCP_REPORT_BLOCK) {
            rtcp_round_trip_ns(item.block.jitter, item.block.lsr, item.block.dlsr);
        }
    }
    assert(n_items <= 5 * size); /* at most 17 from 4 bytes */
    write_and_read_nack(lost, n_lost);
    return 0;
}
