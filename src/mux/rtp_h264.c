#include "mux/rtp_h264.h"

#include <errno.h>

#include "bitstream/h264_nal.h"
#include "mux/mux.h"

enum {
    TIMESCALE = 90000,
    STAP_NALS_MAX = 16,
    STAP_HEADER_SIZE = 1,
    STAP_LENGTH_SIZE = 2,
    FU_HEADER_SIZE = 2,
    FU_START = 0x80,
    FU_END = 0x40,
    SINGLE_NAL_TYPE_MAX = 23,
};

/*
 * Runs over an access unit twice, the same way: first it only counts (out is NULL), then it writes.
 * SPS, PPS and SEI of a key picture wait in `stap` until something else comes.
 */
struct cutter {
    size_t size_max; /* of a payload */
    struct rtp_payload *payloads;
    uint8_t *out;
    size_t offset; /* of the next payload in the buffer */
    uint32_t n_payloads;
    struct bytes stap[STAP_NALS_MAX];
    unsigned n_stap;
    size_t stap_size;
};

uint32_t rtp_h264_timestamp(int64_t pts_ns)
{
    return (uint32_t)time_rescale(pts_ns, TIMESCALE, NS_PER_S);
}

/* Account for one payload; its memory, or NULL while counting. */
static uint8_t *add_payload(struct cutter *c, size_t size)
{
    uint8_t *at = c->out ? c->out + c->offset : NULL;
    if (at) {
        c->payloads[c->n_payloads] =
            (struct rtp_payload){.offset = (uint32_t)c->offset, .size = (uint16_t)size};
    }
    c->n_payloads++;
    c->offset += size;
    return at;
}

/* RFC 6184 §5.6 */
static void add_single(struct cutter *c, struct bytes nal)
{
    uint8_t *at = add_payload(c, nal.size);
    if (at) {
        memcpy(at, nal.data, nal.size);
    }
}

/*
 * RFC 6184 §5.8: of equal size but for the last one.
 *
 *   |F|NRI|  28  |S|E|R| type |  fragment ...
 */
static void add_fragments(struct cutter *c, struct bytes nal)
{
    const struct bytes body = bytes_of(nal.data + 1, nal.size - 1);
    const size_t n_fragments =
        (body.size + c->size_max - FU_HEADER_SIZE - 1) / (c->size_max - FU_HEADER_SIZE);
    const size_t usual = (body.size + n_fragments - 1) / n_fragments;
    for (size_t done = 0; done < body.size;) {
        const size_t left = body.size - done;
        const size_t size = left < usual ? left : usual;
        uint8_t *at = add_payload(c, FU_HEADER_SIZE + size);
        if (at) {
            at[0] = (uint8_t)((nal.data[0] & 0xe0) | H264_NAL_FU_A);
            at[1] = (uint8_t)((nal.data[0] & 0x1f) | (done == 0 ? FU_START : 0) |
                              (size == left ? FU_END : 0));
            memcpy(at + FU_HEADER_SIZE, body.data + done, size);
        }
        done += size;
    }
}

/*
 * RFC 6184 §5.7.1: F and NRI are the highest of those within.
 *
 *   |F|NRI|  24  | u16 size | NAL unit | u16 size | NAL unit ...
 */
static void write_stap(const struct cutter *c, uint8_t *at)
{
    struct byte_writer w;
    byte_writer_init(&w, at, c->stap_size);
    uint8_t nri = 0;
    for (unsigned i = 0; i < c->n_stap; i++) {
        const uint8_t its = c->stap[i].data[0] & 0x60;
        nri = its > nri ? its : nri;
    }
    byte_writer_u8(&w, nri | H264_NAL_STAP_A);
    for (unsigned i = 0; i < c->n_stap; i++) {
        byte_writer_u16(&w, (uint16_t)c->stap[i].size);
        byte_writer_bytes(&w, c->stap[i]);
    }
}

static void flush_stap(struct cutter *c)
{
    if (c->n_stap == 1) {
        add_single(c, c->stap[0]);
    } else if (c->n_stap > 1) {
        uint8_t *at = add_payload(c, c->stap_size);
        if (at) {
            write_stap(c, at);
        }
    }
    c->n_stap = 0;
    c->stap_size = STAP_HEADER_SIZE;
}

static bool is_dropped(unsigned type)
{
    return type == 0 || type == H264_NAL_AUD || type == H264_NAL_END_OF_SEQUENCE ||
           type == H264_NAL_END_OF_STREAM || type == H264_NAL_FILLER || type > SINGLE_NAL_TYPE_MAX;
}

static bool is_aggregated(const struct cutter *c, struct bytes nal, bool is_key)
{
    const unsigned type = h264_nal_type(nal);
    return is_key && (type == H264_NAL_SPS || type == H264_NAL_PPS || type == H264_NAL_SEI) &&
           STAP_HEADER_SIZE + STAP_LENGTH_SIZE + nal.size <= c->size_max;
}

static void add_nal(struct cutter *c, struct bytes nal, bool is_key)
{
    if (!is_aggregated(c, nal, is_key)) {
        flush_stap(c);
        if (nal.size <= c->size_max) {
            add_single(c, nal);
        } else {
            add_fragments(c, nal);
        }
        return;
    }
    if (c->n_stap == STAP_NALS_MAX || c->stap_size + STAP_LENGTH_SIZE + nal.size > c->size_max) {
        flush_stap(c);
    }
    c->stap[c->n_stap++] = nal;
    c->stap_size += STAP_LENGTH_SIZE + nal.size;
}

static void cut(struct cutter *c, const struct packet *packet)
{
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, packet_bytes(packet)); h264_nal_next(&it, &nal);) {
        if (!is_dropped(h264_nal_type(nal))) {
            add_nal(c, nal, packet_is_key(packet));
        }
    }
    flush_stap(c);
}

static int rtp_h264_open(void *state, const struct track *track)
{
    return track->codec == CODEC_H264 ? 0 : -ENOTSUP;
}

static int rtp_h264_header(void *state, struct buf **out)
{
    *out = NULL;
    return 0;
}

static int cut_packet(const struct packet *packet, size_t size_max, struct buf **out)
{
    struct cutter count = {.size_max = size_max, .stap_size = STAP_HEADER_SIZE};
    cut(&count, packet);
    if (count.n_payloads == 0 || packet->pts_ns == TIME_NONE) {
        return -EBADMSG;
    }
    const size_t head_size =
        sizeof(struct rtp_payloads) + count.n_payloads * sizeof(struct rtp_payload);
    struct buf *b = buf_create(head_size + count.offset);
    if (!b) {
        return -ENOMEM;
    }
    struct rtp_payloads *head = (struct rtp_payloads *)(void *)b->data;
    head->timestamp = rtp_h264_timestamp(packet->pts_ns);
    head->n_payloads = count.n_payloads;
    struct cutter write = {.size_max = size_max,
                           .payloads = head->payloads,
                           .out = b->data,
                           .offset = head_size,
                           .stap_size = STAP_HEADER_SIZE};
    cut(&write, packet);
    head->payloads[head->n_payloads - 1].marker = true;
    b->size = write.offset;
    *out = b;
    return 0;
}

static int rtp_h264_packet(void *state, const struct packet *packet, uint32_t sequence,
                           struct buf **out)
{
    return cut_packet(packet, RTP_PAYLOAD_SIZE_MAX, out);
}

static int plain_packet(void *state, const struct packet *packet, uint32_t sequence,
                        struct buf **out)
{
    return cut_packet(packet, RTP_PAYLOAD_PLAIN_SIZE_MAX, out);
}

static void rtp_h264_close(void *state)
{
}

const struct mux_type mux_rtp_h264 = {
    .name = "rtp-h264",
    .open = rtp_h264_open,
    .header = rtp_h264_header,
    .packet = rtp_h264_packet,
    .close = rtp_h264_close,
};

const struct mux_type mux_rtp_h264_plain = {
    .name = "rtp-h264-plain",
    .open = rtp_h264_open,
    .header = rtp_h264_header,
    .packet = plain_packet,
    .close = rtp_h264_close,
};
