#include "source/jpeg_stream.h"

#include <errno.h>
#include <stdlib.h>

#include "bitstream/jpeg.h"

enum { CAPACITY_MIN = 64 * 1024 };

void jpeg_stream_finish(struct jpeg_stream *s)
{
    free(s->data);
    *s = (struct jpeg_stream){0};
}

void jpeg_stream_reset(struct jpeg_stream *s)
{
    s->size = 0;
}

static void drop(struct jpeg_stream *s, size_t size)
{
    s->size -= size;
    memmove(s->data, s->data + size, s->size);
}

int jpeg_stream_push(struct jpeg_stream *s, struct bytes in)
{
    if (s->size + in.size > PACKET_SIZE_MAX) {
        s->size = 0; /* no JPEG; pull finds the next one */
    }
    if (s->size + in.size > s->capacity) {
        size_t capacity = s->capacity > 0 ? s->capacity : CAPACITY_MIN;
        while (capacity < s->size + in.size) {
            capacity *= 2;
        }
        uint8_t *data = realloc(s->data, capacity);
        if (!data) {
            return -ENOMEM;
        }
        s->data = data;
        s->capacity = capacity;
    }
    if (in.size > 0) {
        memcpy(s->data + s->size, in.data, in.size);
        s->size += in.size;
    }
    return 0;
}

static struct packet *make_packet(struct bytes jpeg, const struct jpeg_segments *segments)
{
    const struct bytes tables =
        segments->has_huffman_tables ? (struct bytes){0} : jpeg_huffman_tables;
    struct packet *packet = packet_create(segments->end + tables.size);
    if (!packet) {
        return NULL;
    }
    struct byte_writer w;
    byte_writer_init(&w, packet->data, packet->capacity);
    byte_writer_bytes(&w, bytes_of(jpeg.data, segments->scan_start));
    byte_writer_bytes(&w, tables);
    byte_writer_bytes(
        &w, bytes_of(jpeg.data + segments->scan_start, segments->end - segments->scan_start));
    packet->size = byte_writer_size(&w);
    packet->flags = PACKET_KEY;
    return packet;
}

static int packet_of(struct bytes in, struct packet **out, struct picture_size *size, size_t *end)
{
    struct jpeg_segments segments;
    const int result = jpeg_find_segments(in, &segments);
    if (result < 0) {
        return result;
    }
    struct packet *packet = make_packet(in, &segments);
    if (!packet) {
        return -ENOMEM;
    }
    *out = packet;
    *size = segments.size;
    *end = segments.end;
    return 0;
}

int jpeg_stream_packet(struct bytes in, struct packet **out, struct picture_size *size)
{
    size_t end = 0;
    const int result = packet_of(in, out, size, &end);
    return result == -EAGAIN ? -EBADMSG : result;
}

/* Up to what may be a start of image marker. */
static void skip_to_start(struct jpeg_stream *s, size_t from)
{
    for (size_t i = from; i < s->size; i++) {
        if (s->data[i] == 0xff && (i + 1 == s->size || s->data[i + 1] == 0xd8)) {
            drop(s, i);
            return;
        }
    }
    s->size = 0;
}

int jpeg_stream_pull(struct jpeg_stream *s, struct packet **out, struct picture_size *size)
{
    skip_to_start(s, 0);
    for (;;) {
        size_t end = 0;
        const int result = packet_of(bytes_of(s->data, s->size), out, size, &end);
        if (result == 0) {
            drop(s, end);
        }
        if (result != -EBADMSG) {
            return result;
        }
        skip_to_start(s, 2);
    }
}
