/*
 * The segments of a JPEG: where it ends, its size, whether it brings its Huffman tables.
 *
 * Many UVC cameras leave the Huffman tables of JPEG's annex K out of each picture of their MJPEG;
 * jpeg_huffman_tables is the DHT segment to put before the SOS.
 *
 * Units:     offsets in bytes, sizes in pixels.
 * Ownership: borrows the memory.
 * Thread:    any; no shared state.
 * Errors:    -EBADMSG not a JPEG; -EAGAIN cut short so far, more bytes may make it whole.
 * Spec:      ITU-T T.81, annex B (segments), annex K.3 (tables).
 */
#ifndef AVOCET_BITSTREAM_JPEG_H
#define AVOCET_BITSTREAM_JPEG_H

#include "base/bytes.h"
#include "base/option.h"

struct jpeg_segments {
    struct picture_size size;
    size_t scan_start; /* of the first SOS marker */
    size_t end;        /* behind the EOI marker */
    bool has_huffman_tables;
};

int jpeg_find_segments(struct bytes in, struct jpeg_segments *out);

extern const struct bytes jpeg_huffman_tables;

#endif
