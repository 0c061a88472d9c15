/*
 * Every mux, fed with an access unit: as it comes (a packet not in normal form must be refused or
 * carried, never more) and in normal form. The first byte holds flags and whether times are known.
 */
#include <assert.h>
#include <stdlib.h>

#include "bitstream/h264.h"
#include "mux/mux.h"
#include "mux/rtp_h264.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rtp(const struct buf *b, size_t size_max)
{
    const struct rtp_payloads *head = rtp_payloads_of(b);
    for (uint32_t i = 0; i < head->n_payloads; i++) {
        const struct rtp_payload *p = &head->payloads[i];
        assert(p->size > 0 && p->size <= size_max);
        assert((size_t)p->offset + p->size <= b->size);
        assert(p->marker == (i + 1 == head->n_payloads));
    }
}

static void run(const struct mux_type *type, const struct track *track, const struct packet *p)
{
    void *state = calloc(1, type->state_size + 1);
    if (type->open(state, track) == 0) {
        struct buf *b = NULL;
        if (type->header(state, &b) == 0) {
            buf_unref(&b);
        }
        for (uint32_t sequence = 0; sequence < 2; sequence++) {
            if (type->packet(state, p, sequence, &b) == 0) {
                assert(b->size <= b->capacity);
                if (type == &mux_rtp_h264) {
                    check_rtp(b, RTP_PAYLOAD_SIZE_MAX);
                } else if (type == &mux_rtp_h264_plain) {
                    check_rtp(b, RTP_PAYLOAD_PLAIN_SIZE_MAX);
                }
                buf_unref(&b);
            }
        }
        type->close(state);
    }
    free(state);
}

static void run_all(const struct track *track, const struct packet *p)
{
    static const struct mux_type *const types[] = {
        &mux_annexb,          &mux_mp4,      &mux_ws_mp4, &mux_ws_h264,   &mux_multipart,
        &mux_multipart_plain, &mux_rtp_h264, &mux_ts,     &mux_rtsp_h264, &mux_rtp_h264_plain};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        run(types[i], track, p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct h264_normal n;
    struct packet *normal = NULL;
    h264_normal_init(&n);
    h264_normal_make(&n, bytes_of(data + 1, size - 1), &normal);
    struct packet *raw = packet_create(size);
    memcpy(raw->data, data + 1, size - 1);
    raw->size = size - 1;
    raw->flags = data[0] & (PACKET_KEY | PACKET_DISCONTINUITY);
    raw->pts_ns = data[0] & 4 ? NS_PER_S : TIME_NONE;
    raw->capture_ns = data[0] & 8 ? NS_PER_S : TIME_NONE;
    const struct track jpeg = {.codec = CODEC_MJPEG};
    run_all(&n.track, raw);
    run_all(&jpeg, raw);
    if (normal) {
        normal->pts_ns = raw->pts_ns;
        run_all(&n.track, normal);
    }
    packet_unref(&normal);
    packet_unref(&raw);
    h264_normal_finish(&n);
    return 0;
}
