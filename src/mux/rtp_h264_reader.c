#include "mux/rtp_h264_reader.h"

#include <errno.h>

enum {
    NAL_IDR = 5,
    NAL_SPS = 7,
    NAL_STAP_A = 24,
    NAL_FU_A = 28,
    FU_START = 0x80,
    FU_END = 0x40,
    FIRST_CAPACITY = 32 * 1024,
};

void rtp_h264_reader_init(struct rtp_h264_reader *r)
{
    *r = (struct rtp_h264_reader){.is_discontinuity = true};
}

void rtp_h264_reader_finish(struct rtp_h264_reader *r)
{
    packet_unref(&r->collected);
}

static int reserve(struct rtp_h264_reader *r, size_t more)
{
    const size_t needed = (r->collected ? r->collected->size : 0) + more;
    if (r->collected && needed <= r->collected->capacity) {
        return 0;
    }
    if (needed > PACKET_SIZE_MAX) {
        return -EMSGSIZE;
    }
    size_t capacity = r->collected ? r->collected->capacity : FIRST_CAPACITY;
    while (capacity < needed) {
        capacity *= 2;
    }
    struct packet *grown = packet_create(capacity < PACKET_SIZE_MAX ? capacity : PACKET_SIZE_MAX);
    if (!grown) {
        return -ENOMEM;
    }
    if (r->collected) {
        memcpy(grown->data, r->collected->data, r->collected->size);
        grown->size = r->collected->size;
        grown->flags = r->collected->flags;
    }
    packet_unref(&r->collected);
    r->collected = grown;
    return 0;
}

static int append(struct rtp_h264_reader *r, struct bytes in)
{
    const int result = reserve(r, in.size);
    if (result == 0 && in.size > 0) {
        memcpy(r->collected->data + r->collected->size, in.data, in.size);
        r->collected->size += in.size;
    }
    return result;
}

/* Start code and NAL unit header byte. */
static int begin_nal(struct rtp_h264_reader *r, uint8_t header)
{
    const uint8_t start[5] = {0, 0, 0, 1, header};
    const int result = append(r, bytes_of(start, sizeof(start)));
    if (result == 0 && (header & 0x1f) == NAL_IDR) {
        r->collected->flags |= PACKET_KEY;
    }
    return result;
}

static int push_nal(struct rtp_h264_reader *r, struct bytes nal)
{
    const int result = begin_nal(r, nal.data[0]);
    return result < 0 ? result : append(r, bytes_of(nal.data + 1, nal.size - 1));
}

static int push_stap_a(struct rtp_h264_reader *r, struct bytes payload)
{
    struct byte_reader in;
    byte_reader_init(&in, bytes_of(payload.data + 1, payload.size - 1));
    while (byte_reader_left(&in) > 0) {
        const struct bytes nal = byte_reader_bytes(&in, byte_reader_u16(&in));
        if (in.error || nal.size == 0) {
            return -EBADMSG;
        }
        const int result = push_nal(r, nal);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static int push_fu_a(struct rtp_h264_reader *r, struct bytes payload)
{
    if (payload.size < 3) {
        return -EBADMSG;
    }
    const uint8_t indicator = payload.data[0];
    const uint8_t header = payload.data[1];
    int result = 0;
    if (header & FU_START) {
        result = begin_nal(r, (uint8_t)((indicator & 0xe0) | (header & 0x1f)));
        r->is_in_fragment = true;
    } else if (!r->is_in_fragment) {
        return -EBADMSG; /* its start was lost or never was */
    }
    r->is_in_fragment = (header & FU_END) == 0;
    return result < 0 ? result : append(r, bytes_of(payload.data + 2, payload.size - 2));
}

static int push_payload(struct rtp_h264_reader *r, struct bytes payload)
{
    if (payload.size < 2) {
        return -EBADMSG;
    }
    const unsigned type = payload.data[0] & 0x1f;
    if (type == NAL_STAP_A) {
        return push_stap_a(r, payload);
    }
    if (type == NAL_FU_A) {
        return push_fu_a(r, payload);
    }
    return type >= 1 && type <= 23 ? push_nal(r, payload) : -EBADMSG;
}

static void drop_collected(struct rtp_h264_reader *r)
{
    packet_unref(&r->collected);
    r->is_damaged = false;
    r->is_in_fragment = false;
}

static int take(struct rtp_h264_reader *r, struct packet **out, uint32_t *timestamp)
{
    if (r->is_damaged || !r->collected) {
        r->is_discontinuity = true;
        drop_collected(r);
        return -EAGAIN;
    }
    if (r->is_discontinuity) {
        r->collected->flags |= PACKET_DISCONTINUITY;
    }
    *out = r->collected;
    *timestamp = r->timestamp;
    r->collected = NULL;
    r->is_discontinuity = false;
    r->is_in_fragment = false;
    return 0;
}

/* With parameter sets first: nothing of its access unit is missing before it. */
static bool begins_keyframe(struct bytes payload)
{
    const size_t at = payload.size > 0 && (payload.data[0] & 0x1f) == NAL_STAP_A ? 3 : 0;
    return payload.size > at && (payload.data[at] & 0x1f) == NAL_SPS;
}

static void note_gap(struct rtp_h264_reader *r, struct bytes payload)
{
    if (begins_keyframe(payload)) {
        drop_collected(r);
        r->is_discontinuity = true;
    } else {
        r->is_damaged = true;
    }
}

int rtp_h264_reader_push(struct rtp_h264_reader *r, const struct rtp_h264_payload *payload,
                         struct packet **out, uint32_t *timestamp)
{
    const bool is_gap = r->is_started && payload->sequence != r->next_sequence;
    if (r->collected && payload->timestamp != r->timestamp) {
        r->is_discontinuity = true; /* its marker was lost */
        drop_collected(r);
    }
    if (is_gap) {
        note_gap(r, payload->bytes);
    }
    r->is_started = true;
    r->next_sequence = (uint16_t)(payload->sequence + 1);
    r->timestamp = payload->timestamp;
    const int result = push_payload(r, payload->bytes);
    if (result < 0) {
        r->is_damaged = true;
    }
    if (payload->marker) {
        const int taken = take(r, out, timestamp);
        return result < 0 ? result : taken;
    }
    return result < 0 ? result : -EAGAIN;
}
