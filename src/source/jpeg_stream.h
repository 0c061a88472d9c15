/*
 * JPEGs → packets that every reader can decode (Huffman tables put in where a camera left them
 * out), one at a time or as a stream of them, one behind the other.
 *
 * Packets are keys; their times are the caller's to set.
 *
 * Ownership: pushed bytes are copied; packets are the caller's.
 * Thread:    one owner.
 * Errors:    -EAGAIN no whole picture yet; -ENOMEM; -EBADMSG no whole JPEG.
 * Limits:    what is larger than PACKET_SIZE_MAX is skipped.
 */
#ifndef AVOCET_SOURCE_JPEG_STREAM_H
#define AVOCET_SOURCE_JPEG_STREAM_H

#include "base/option.h"
#include "media/packet.h"

struct jpeg_stream {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

void jpeg_stream_finish(struct jpeg_stream *s);
/* Forget what is there. */
void jpeg_stream_reset(struct jpeg_stream *s);
int jpeg_stream_push(struct jpeg_stream *s, struct bytes in);
int jpeg_stream_pull(struct jpeg_stream *s, struct packet **out, struct picture_size *size);

/* The one JPEG at the beginning of in, which may be followed by padding. */
int jpeg_stream_packet(struct bytes in, struct packet **out, struct picture_size *size);

#endif
