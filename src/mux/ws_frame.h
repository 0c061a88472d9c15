/*
 * The header of one whole WebSocket message from the server: final, binary, unmasked.
 *
 * Ownership: borrows the writer.
 * Thread:    any; no shared state.
 * Spec:      RFC 6455 §5.2.
 */
#ifndef AVOCET_MUX_WS_FRAME_H
#define AVOCET_MUX_WS_FRAME_H

#include "base/bytes.h"

enum { WS_FRAME_HEADER_SIZE_MAX = 10 };

static inline size_t ws_frame_header_size(size_t payload_size)
{
    return payload_size < 126 ? 2 : payload_size <= UINT16_MAX ? 4 : WS_FRAME_HEADER_SIZE_MAX;
}

void ws_frame_write_header(struct byte_writer *w, size_t payload_size);

#endif
