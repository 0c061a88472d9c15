/*
 * Raw H.264 for endless HTTP answers and TCP: each access unit begun by a delimiter.
 *
 * The delimiter of the next access unit goes out right behind each one: a parser at the other end
 * sees the end of an access unit only at the start code of what follows, which would otherwise
 * come a frame later.
 *
 * Spec: H.264 §7.3.2.4 (access unit delimiter), Annex B.
 */
#include <errno.h>

#include "mux/mux.h"

/* primary_pic_type 7: slices of any type; then the stop bit */
static const uint8_t delimiter[] = {0, 0, 0, 1, 0x09, 0xf0};

static int annexb_open(void *state, const struct track *track)
{
    return track->codec == CODEC_H264 ? 0 : -ENOTSUP;
}

static int annexb_header(void *state, struct buf **out)
{
    struct buf *b = buf_copy(bytes_of(delimiter, sizeof(delimiter)));
    if (!b) {
        return -ENOMEM;
    }
    *out = b;
    return 0;
}

static int annexb_packet(void *state, const struct packet *packet, uint32_t sequence,
                         struct buf **out)
{
    if (packet->size == 0) {
        return -EBADMSG;
    }
    struct buf *b = buf_create(packet->size + sizeof(delimiter));
    if (!b) {
        return -ENOMEM;
    }
    memcpy(b->data, packet->data, packet->size);
    memcpy(b->data + packet->size, delimiter, sizeof(delimiter));
    b->size = b->capacity;
    *out = b;
    return 0;
}

static void annexb_close(void *state)
{
}

const struct mux_type mux_annexb = {
    .name = "annexb",
    .mime = "video/h264",
    .open = annexb_open,
    .header = annexb_header,
    .packet = annexb_packet,
    .close = annexb_close,
};
