#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/convert.h"
#include "codec/jpeg.h"
#include "codec/jpeg_planes.h"
#include "media/picture_pool.h"

enum { N_PICTURES = 4, CHROMA_NEUTRAL = 128 };

struct jpeg_decoder {
    tjhandle handle;
    struct picture_pool *pool;  /* of the newest format and size */
    struct jpeg_planes scratch; /* for subsamplings that no pixel format has; data[0] owns */
};

static int jpeg_decoder_open(void *state, const struct log *log, struct option_error *error)
{
    struct jpeg_decoder *d = state;
    *d = (struct jpeg_decoder){.handle = tjInitDecompress()};
    if (!d->handle) {
        snprintf(error->sentence, sizeof(error->sentence), "jpeg: %s", tjGetErrorStr2(NULL));
        return -ENOMEM;
    }
    return 0;
}

static int even_up(int value)
{
    return (value + 1) & ~1;
}

/* With room for what an odd size is padded to; the pool is made anew when the camera changes. */
static struct picture *take_picture(struct jpeg_decoder *d, const struct jpeg_planes *header)
{
    const enum pixel_format format = header->subsampling == TJSAMP_422 ? PIXEL_I422 : PIXEL_I420;
    const struct picture_size size = {even_up(header->size.width), even_up(header->size.height)};
    if (!picture_pool_fits(d->pool, format, size)) {
        picture_pool_drop(&d->pool);
        d->pool = picture_pool_create(format, size, N_PICTURES);
    }
    return d->pool ? picture_pool_take(d->pool, NULL) : NULL;
}

static void fill_chroma(struct picture *p)
{
    for (int i = 1; i < PICTURE_PLANES_MAX; i++) {
        memset((uint8_t *)(uintptr_t)p->planes[i], CHROMA_NEUTRAL,
               (size_t)p->strides[i] * (size_t)(p->size.height / 2));
    }
}

static int decode_straight(struct jpeg_decoder *d, struct bytes jpeg, struct jpeg_planes *header,
                           struct picture *p)
{
    for (int i = 0; i < JPEG_PLANES; i++) {
        header->data[i] = (uint8_t *)(uintptr_t)p->planes[i];
        header->strides[i] = p->strides[i];
    }
    if (header->subsampling == TJSAMP_GRAY) {
        fill_chroma(p);
    }
    return jpeg_planes_decode(d->handle, jpeg, header);
}

static int prepare_scratch(struct jpeg_decoder *d, const struct jpeg_planes *header)
{
    struct jpeg_planes *s = &d->scratch;
    if (s->data[0] && s->subsampling == header->subsampling &&
        s->size.width == header->size.width && s->size.height == header->size.height) {
        return 0;
    }
    free(s->data[0]);
    *s = *header;
    return jpeg_planes_alloc(s);
}

/* 4:4:4, 4:4:0 and 4:1:1: decode beside, then make the chroma 4:2:0. */
static int decode_other(struct jpeg_decoder *d, struct bytes jpeg, const struct jpeg_planes *header,
                        struct picture *p)
{
    int result = prepare_scratch(d, header);
    if (result == 0) {
        result = jpeg_planes_decode(d->handle, jpeg, &d->scratch);
    }
    for (int i = 0; i < JPEG_PLANES && result == 0; i++) {
        const struct picture_size in_size = jpeg_planes_size(header, i);
        const struct convert_plane in = {d->scratch.data[i], d->scratch.strides[i], in_size.width,
                                         in_size.height};
        const struct convert_plane out = {(uint8_t *)(uintptr_t)p->planes[i], p->strides[i],
                                          i == 0 ? in.width : p->size.width / 2,
                                          i == 0 ? in.height : p->size.height / 2};
        if (i > 0) {
            convert_scale_plane(&in, &out);
            continue;
        }
        for (int y = 0; y < p->size.height && y < in.height; y++) {
            const int width = in.width < p->size.width ? in.width : p->size.width;
            memcpy(out.data + (ptrdiff_t)y * out.stride, in.data + (ptrdiff_t)y * in.stride,
                   (size_t)width);
        }
    }
    return result;
}

static bool is_straight(int subsampling)
{
    return subsampling == TJSAMP_420 || subsampling == TJSAMP_422 || subsampling == TJSAMP_GRAY;
}

static int decode_failed(struct jpeg_decoder *d, int code, struct option_error *error)
{
    const char *reason = code == -EAGAIN ? "all pictures are in use" : tjGetErrorStr2(d->handle);
    snprintf(error->sentence, sizeof(error->sentence), "jpeg: cannot decode a picture, %.150s",
             code == -ENOTSUP ? "its colours or size are not supported" : reason);
    if (code == -EBADMSG) {
        /* TurboJPEG 2 leaves a handle in the middle of the header that it could not read. */
        tjhandle fresh = tjInitDecompress();
        if (fresh) {
            tjDestroy(d->handle);
            d->handle = fresh;
        }
    }
    return code;
}

static int jpeg_decoder_decode(void *state, const struct packet *packet, const struct track *track,
                               struct picture **out, struct option_error *error)
{
    struct jpeg_decoder *d = state;
    struct jpeg_planes header;
    int result = jpeg_planes_header(d->handle, packet_bytes(packet), &header);
    struct picture *p = result == 0 ? take_picture(d, &header) : NULL;
    if (result == 0 && !p) {
        result = d->pool ? -EAGAIN : -ENOMEM;
    } else if (result == 0) {
        result = is_straight(header.subsampling)
                     ? decode_straight(d, packet_bytes(packet), &header, p)
                     : decode_other(d, packet_bytes(packet), &header, p);
    }
    if (result < 0) {
        picture_unref(&p);
        return decode_failed(d, result, error);
    }
    p->size = (struct picture_size){header.size.width & ~1, header.size.height & ~1};
    p->full_range = true;
    p->capture_ns = packet->capture_ns;
    p->arrival_ns = packet->arrival_ns;
    p->pts_ns = packet->pts_ns;
    p->flags = packet->flags & PACKET_DISCONTINUITY;
    *out = p;
    return 0;
}

static void jpeg_decoder_close(void *state)
{
    struct jpeg_decoder *d = state;
    if (d->handle) {
        tjDestroy(d->handle);
        d->handle = NULL;
    }
    picture_pool_drop(&d->pool);
    free(d->scratch.data[0]);
    d->scratch = (struct jpeg_planes){0};
}

const struct decoder_type decoder_jpeg = {
    .name = "jpeg",
    .summary = "JPEG pictures by libjpeg-turbo",
    .takes = CODEC_MJPEG,
    .state_size = sizeof(struct jpeg_decoder),
    .open = jpeg_decoder_open,
    .decode = jpeg_decoder_decode,
    .close = jpeg_decoder_close,
};
