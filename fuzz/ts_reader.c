/* A transport stream in cuts: u8 size of each, then so many bytes. */
#include "media/packet.h"
#include "mux/ts_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct byte_reader in;
    struct ts_reader r;
    byte_reader_init(&in, bytes_of(data, size));
    ts_reader_init(&r);
    while (byte_reader_left(&in) >= 2) {
        const size_t left = byte_reader_left(&in) - 1;
        const size_t cut = byte_reader_u8(&in);
        struct ts_unit unit;
        ts_reader_push(&r, byte_reader_bytes(&in, cut < left ? cut : left));
        while (ts_reader_pull(&r, &unit) == 0) {
            if (unit.bytes.size == 0 || unit.bytes.size > PACKET_SIZE_MAX) {
                __builtin_trap();
            }
        }
    }
    struct ts_unit last;
    (void)ts_reader_flush(&r, &last);
    ts_reader_finish(&r);
    return 0;
}
