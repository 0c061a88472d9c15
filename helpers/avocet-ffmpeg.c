/*
 * avocet-ffmpeg: decodes H.264 for avocet, in a process of its own that may touch nothing else.
 *
 * Started by avocet with one end of a socket pair as descriptor 3 (src/helper/helper_protocol.h);
 * ends when the other end closes. Reads access units, writes pictures into shared memory. After
 * start-up the process gives up opening files, sockets and programs (seccomp), and is limited in
 * memory.
 */
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "link.h"
#include "media/packet.h"
#include "sandbox.h"
#include "slots.h"

struct helper {
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    uint8_t *input; /* PACKET_SIZE_MAX at most, grown */
    size_t input_capacity;
    struct slots slots;
};

static bool send_nothing(void)
{
    struct helper_message m = {.type = HELPER_NOTHING};
    return link_send(&m, NULL, 0, -1);
}

static bool send_picture(struct helper *h)
{
    const AVFrame *frame = h->frame;
    bool is_full_range = false;
    struct helper_message m;
    if (slots_pixel_format(frame->format, &is_full_range) < 0) {
        return link_send_error(
            "the H.264 has a pixel format that is not handled: 8-bit 4:2:0 or 4:2:2 is");
    }
    if (frame->width > SLOTS_SIDE_MAX || frame->height > SLOTS_SIDE_MAX) {
        return link_send_error("the H.264 picture is larger than 8192 pixels on a side");
    }
    const int taken = slots_take(&h->slots, frame->format, frame->width, frame->height, &m);
    if (taken != 0) {
        return taken < 0 ? link_send_error("out of memory for decoded pictures") : send_nothing();
    }
    uint8_t *planes[4];
    int strides[4];
    slots_planes(&h->slots, &m, planes, strides);
    av_image_copy(planes, strides, (const uint8_t **)frame->data, frame->linesize, frame->format,
                  frame->width, frame->height);
    m.is_full_range = m.is_full_range || frame->color_range == AVCOL_RANGE_JPEG;
    return slots_send(&h->slots, &m);
}

static bool read_input(struct helper *h, size_t size)
{
    const size_t needed = size + AV_INPUT_BUFFER_PADDING_SIZE;
    if (needed > h->input_capacity) {
        uint8_t *grown = realloc(h->input, needed);
        if (!grown) {
            return false;
        }
        h->input = grown;
        h->input_capacity = needed;
    }
    memset(h->input + size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    return link_read(h->input, size);
}

static bool decode(struct helper *h, size_t size)
{
    if (size > PACKET_SIZE_MAX || !read_input(h, size)) {
        return false;
    }
    h->packet->data = h->input;
    h->packet->size = (int)size;
    int result = avcodec_send_packet(h->decoder, h->packet);
    if (result == 0) {
        result = avcodec_receive_frame(h->decoder, h->frame);
    }
    if (result < 0) {
        return send_nothing(); /* damaged, or before the first keyframe */
    }
    const bool is_sent = send_picture(h);
    av_frame_unref(h->frame);
    return is_sent;
}

static bool open_decoder(struct helper *h)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
    h->decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    h->packet = av_packet_alloc();
    h->frame = av_frame_alloc();
    if (!h->decoder || !h->packet || !h->frame) {
        return false;
    }
    h->decoder->thread_count = 1; /* frame threads would hold pictures back */
    h->decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
    h->decoder->flags2 |= AV_CODEC_FLAG2_FAST;
    av_log_set_level(AV_LOG_QUIET);
    return avcodec_open2(h->decoder, codec, NULL) == 0;
}

int main(void)
{
    struct helper h = {0};
    struct helper_message m;
    slots_init(&h.slots);
    prctl(PR_SET_PDEATHSIG, 9 /* SIGKILL */);
    if (!open_decoder(&h) || !sandbox_enter_closed()) {
        link_send_error("the helper program cannot start its decoder or its sandbox");
        return 1;
    }
    while (link_read(&m, sizeof(m)) && m.version == HELPER_VERSION) {
        if (m.type == HELPER_RELEASE) {
            slots_release(&h.slots, &m);
        } else if (m.type != HELPER_DECODE || !decode(&h, m.payload_size)) {
            break;
        }
    }
    return 0;
}
