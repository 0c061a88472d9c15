#include "mux/ws_frame.h"

enum { FIN_BINARY = 0x80 | 0x2, LENGTH_16 = 126, LENGTH_64 = 127 };

void ws_frame_write_header(struct byte_writer *w, size_t payload_size)
{
    byte_writer_u8(w, FIN_BINARY);
    if (payload_size < LENGTH_16) {
        byte_writer_u8(w, (uint8_t)payload_size);
    } else if (payload_size <= UINT16_MAX) {
        byte_writer_u8(w, LENGTH_16);
        byte_writer_u16(w, (uint16_t)payload_size);
    } else {
        byte_writer_u8(w, LENGTH_64);
        byte_writer_u64(w, payload_size);
    }
}
