/*
 * Motion JPEG as multipart/x-mixed-replace, in two ways.
 *
 * A browser shows a part when the next one begins, so mux_multipart sends the next part's boundary
 * and headers right behind each picture. Nothing is known of that next picture then, hence neither
 * Content-Length nor X-Timestamp. mux_multipart_plain sends both, before each picture, for programs
 * that read one part after the other.
 *
 * Spec: RFC 2046 §5.1.1 (boundaries).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "mux/mux.h"

#define BOUNDARY "boundarydonotcross" /* what mjpg-streamer's clients have seen for years */
#define PART     "--" BOUNDARY "\r\nContent-Type: image/jpeg\r\n"
#define MIME     "multipart/x-mixed-replace;boundary=" BOUNDARY

enum { PLAIN_HEADER_SIZE_MAX = 160 };

static int multipart_open(void *state, const struct track *track)
{
    return track->codec == CODEC_MJPEG ? 0 : -ENOTSUP;
}

static void multipart_close(void *state)
{
}

static int write_part(struct bytes before, const struct packet *packet, struct bytes behind,
                      struct buf **out)
{
    if (packet->size == 0) {
        return -EBADMSG;
    }
    struct buf *b = buf_create(before.size + packet->size + behind.size);
    if (!b) {
        return -ENOMEM;
    }
    struct byte_writer w;
    byte_writer_init(&w, b->data, b->capacity);
    byte_writer_bytes(&w, before);
    byte_writer_bytes(&w, packet_bytes(packet));
    byte_writer_bytes(&w, behind);
    b->size = byte_writer_size(&w);
    *out = b;
    return 0;
}

static int multipart_header(void *state, struct buf **out)
{
    struct buf *b = buf_copy(bytes_of_text(PART "\r\n"));
    if (!b) {
        return -ENOMEM;
    }
    *out = b;
    return 0;
}

static int multipart_packet(void *state, const struct packet *packet, uint32_t sequence,
                            struct buf **out)
{
    return write_part((struct bytes){0}, packet, bytes_of_text("\r\n" PART "\r\n"), out);
}

static int plain_header(void *state, struct buf **out)
{
    *out = NULL;
    return 0;
}

static int plain_packet(void *state, const struct packet *packet, uint32_t sequence,
                        struct buf **out)
{
    const int64_t time_us = packet->capture_ns > 0 ? packet->capture_ns / NS_PER_US : 0;
    char header[PLAIN_HEADER_SIZE_MAX];
    const int length =
        snprintf(header, sizeof(header),
                 PART "Content-Length: %zu\r\nX-Timestamp: %" PRId64 ".%06" PRId64 "\r\n\r\n",
                 packet->size, time_us / 1000000, time_us % 1000000);
    return write_part(bytes_of(header, (size_t)length), packet, bytes_of_text("\r\n"), out);
}

const struct mux_type mux_multipart = {
    .name = "multipart",
    .mime = MIME,
    .open = multipart_open,
    .header = multipart_header,
    .packet = multipart_packet,
    .close = multipart_close,
};

const struct mux_type mux_multipart_plain = {
    .name = "multipart-plain",
    .mime = MIME,
    .open = multipart_open,
    .header = plain_header,
    .packet = plain_packet,
    .close = multipart_close,
};
