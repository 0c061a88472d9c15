#include "input_decode.h"

#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>

#include "link.h"

#define HURRY_NS (500 * NS_PER_MS) /* a live input later than that is decoded at keyframes only */

enum { THREADS_MAX = 4 };

int input_decode_open(struct input_decode *d, const struct input *in)
{
    const AVCodecParameters *p = in->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(p->codec_id);
    *d = (struct input_decode){.least_late_ns = TIME_NONE};
    slots_init(&d->slots);
    if (!codec) {
        return AVERROR_DECODER_NOT_FOUND;
    }
    d->decoder = avcodec_alloc_context3(codec);
    d->frame = av_frame_alloc();
    if (!d->decoder || !d->frame) {
        return AVERROR(ENOMEM);
    }
    const int result = avcodec_parameters_to_context(d->decoder, p);
    if (result < 0) {
        return result;
    }
    d->decoder->max_pixels = (int64_t)SLOTS_SIDE_MAX * SLOTS_SIDE_MAX;
    d->decoder->pkt_timebase = in->stream->time_base;
    d->decoder->thread_count = THREADS_MAX;
    /* threads by frames hold pictures back, which only what is paced can bear */
    d->decoder->thread_type = in->is_paced ? FF_THREAD_FRAME | FF_THREAD_SLICE : FF_THREAD_SLICE;
    d->decoder->flags |= in->is_paced ? 0 : AV_CODEC_FLAG_LOW_DELAY;
    return avcodec_open2(d->decoder, codec, NULL);
}

void input_decode_close(struct input_decode *d)
{
    avcodec_free_context(&d->decoder);
    av_frame_free(&d->frame);
    sws_freeContext(d->scaler);
    d->scaler = NULL;
}

/* ---- pictures ---- */

static bool is_full_range(const AVFrame *f)
{
    bool is_jpeg = false;
    (void)slots_pixel_format(f->format, &is_jpeg);
    return is_jpeg || f->color_range == AVCOL_RANGE_JPEG;
}

static int scale(struct input_decode *d, uint8_t *const planes[4], const int strides[4], int width,
                 int height)
{
    const AVFrame *f = d->frame;
    const int *colours = sws_getCoefficients(SWS_CS_ITU601);
    const int range = is_full_range(f);
    d->scaler = sws_getCachedContext(d->scaler, f->width, f->height, f->format, width, height,
                                     AV_PIX_FMT_YUV420P, SWS_BILINEAR, NULL, NULL, NULL);
    if (!d->scaler) {
        return AVERROR(ENOMEM);
    }
    (void)sws_setColorspaceDetails(d->scaler, colours, range, colours, range, 0, 1 << 16, 1 << 16);
    const int n = sws_scale(d->scaler, (const uint8_t *const *)f->data, f->linesize, 0, f->height,
                            planes, strides);
    return n > 0 ? 0 : AVERROR_EXTERNAL;
}

static int fill(struct input_decode *d, const struct helper_message *m, bool is_scaled)
{
    const AVFrame *f = d->frame;
    uint8_t *planes[4];
    int strides[4];
    slots_planes(&d->slots, m, planes, strides);
    if (is_scaled) {
        return scale(d, planes, strides, (int)m->width, (int)m->height);
    }
    av_image_copy(planes, strides, (const uint8_t **)f->data, f->linesize, f->format, f->width,
                  f->height);
    return 0;
}

static int send_picture(struct input_decode *d, const struct input *in)
{
    const AVFrame *f = d->frame;
    const struct input_request *r = &in->request;
    bool is_ours = false;
    const bool is_resized = r->width > 0 && (r->width != f->width || r->height != f->height);
    const bool is_scaled = is_resized || slots_pixel_format(f->format, &is_ours) < 0;
    const int width = is_resized ? r->width : f->width;
    const int height = is_resized ? r->height : f->height;
    struct helper_message m;
    if (width > SLOTS_SIDE_MAX || height > SLOTS_SIDE_MAX) {
        return AVERROR_PATCHWELCOME;
    }
    const int taken = slots_take(&d->slots, is_scaled ? AV_PIX_FMT_YUV420P : f->format, width & ~1,
                                 height & ~1, &m);
    if (taken != 0) {
        return taken < 0 ? AVERROR(ENOMEM) : 0; /* left out: avocet is busy */
    }
    const int result = fill(d, &m, is_scaled);
    m.is_full_range = is_full_range(f);
    m.time_ns = input_time_ns(in, f->best_effort_timestamp);
    if (result == 0 && !slots_send(&d->slots, &m)) {
        return AVERROR_EXIT;
    }
    return result;
}

/* ---- packets ---- */

/* Late is worse than lost: where decoding is slower than the input, whole groups of pictures go. */
static void hurry(struct input_decode *d, const struct input *in, const AVPacket *packet)
{
    const int64_t time_ns = input_time_ns(in, packet->dts);
    if (in->is_paced || time_ns == TIME_NONE) {
        return;
    }
    const int64_t late_ns = time_monotonic_ns() - time_ns;
    if (d->least_late_ns == TIME_NONE || late_ns < d->least_late_ns) {
        d->least_late_ns = late_ns;
    }
    const bool is_late = late_ns - d->least_late_ns > HURRY_NS;
    if (is_late || (packet->flags & AV_PKT_FLAG_KEY)) {
        d->decoder->skip_frame = is_late ? AVDISCARD_NONKEY : AVDISCARD_DEFAULT;
    }
}

int input_decode_packet(struct input_decode *d, const struct input *in, const AVPacket *packet)
{
    hurry(d, in, packet);
    int result = avcodec_send_packet(d->decoder, packet);
    if (result < 0 && result != AVERROR(ENOMEM)) {
        return 0; /* damaged, or before the first keyframe */
    }
    while (result >= 0) {
        result = avcodec_receive_frame(d->decoder, d->frame);
        if (result == 0) {
            result = send_picture(d, in);
            av_frame_unref(d->frame);
        }
    }
    return result == AVERROR(EAGAIN) || result == AVERROR_EOF || result == AVERROR_INVALIDDATA
               ? 0
               : result;
}
