/*
 * Writing ISO base media boxes: begin gives the place that end needs to fill in the size.
 *
 * Thread: any; no shared state.
 * Spec:   ISO/IEC 14496-12 §4.2.
 */
#ifndef AVOCET_MUX_MP4_BOX_H
#define AVOCET_MUX_MP4_BOX_H

#include "base/bytes.h"

enum { MP4_TRACK_ID = 1 };

static inline size_t mp4_box_begin(struct byte_writer *w, const char type[static 4])
{
    const size_t start = byte_writer_size(w);
    byte_writer_u32(w, 0);
    byte_writer_bytes(w, bytes_of(type, 4));
    return start;
}

static inline size_t mp4_box_begin_full(struct byte_writer *w, const char type[static 4],
                                        uint8_t version, uint32_t flags)
{
    const size_t start = mp4_box_begin(w, type);
    byte_writer_u8(w, version);
    byte_writer_u24(w, flags);
    return start;
}

static inline void mp4_box_end(struct byte_writer *w, size_t start)
{
    if (!w->error) {
        bytes_put_u32(w->start + start, (uint32_t)(byte_writer_size(w) - start));
    }
}

#endif
