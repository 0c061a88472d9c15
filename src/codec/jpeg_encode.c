#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/convert.h"
#include "codec/jpeg.h"
#include "codec/jpeg_planes.h"

enum { DEFAULT_QUALITY = 80 };

struct jpeg_encoder {
    tjhandle handle;
    struct track track;
    int quality;
    struct picture *scratch; /* I420 of full range for other pictures; NULL until needed */
    uint8_t *buffer;         /* the worst case; only what is written is ever resident */
    size_t capacity;
};

static int open_failed(struct option_error *error, const char *reason)
{
    snprintf(error->sentence, sizeof(error->sentence), "jpeg: cannot encode, %.150s", reason);
    return -ENOMEM;
}

static int jpeg_encoder_open(void *state, const struct encoder_params *params,
                             struct option_error *error)
{
    struct jpeg_encoder *e = state;
    *e = (struct jpeg_encoder){
        .handle = tjInitCompress(),
        .quality = params->quality > 0 ? params->quality : DEFAULT_QUALITY,
        .track = {.codec = CODEC_MJPEG,
                  .size = params->size,
                  .rate = params->rate,
                  .codec_string = "mjpeg"},
    };
    if (!e->handle) {
        return open_failed(error, tjGetErrorStr2(NULL));
    }
    e->capacity = tjBufSize(params->size.width, params->size.height, TJSAMP_422);
    if (e->capacity == (size_t)-1) {
        return open_failed(error, tjGetErrorStr2(NULL));
    }
    e->buffer = malloc(e->capacity);
    return e->buffer ? 0 : open_failed(error, "no memory");
}

static const struct track *jpeg_encoder_track(const void *state)
{
    return &((const struct jpeg_encoder *)state)->track;
}

/* JPEG is full range; planes of that are taken as they are, anything else is converted first. */
static struct picture *to_planes(struct jpeg_encoder *e, struct picture *p)
{
    if (p->full_range && (p->format == PIXEL_I420 || p->format == PIXEL_I422)) {
        return p;
    }
    if (!e->scratch) {
        e->scratch = picture_create(PIXEL_I420, p->size);
    }
    if (e->scratch) {
        uint8_t *planes[PICTURE_PLANES_MAX];
        for (int i = 0; i < PICTURE_PLANES_MAX; i++) {
            planes[i] = (uint8_t *)(uintptr_t)e->scratch->planes[i];
        }
        convert_to_i420(p, planes, e->scratch->strides, true);
    }
    return e->scratch;
}

static int compress(struct jpeg_encoder *e, const struct picture *p, unsigned long *size)
{
    const unsigned char *planes[PICTURE_PLANES_MAX] = {p->planes[0], p->planes[1], p->planes[2]};
    unsigned char *buffer = e->buffer;
    *size = e->capacity;
    return tjCompressFromYUVPlanes(e->handle, planes, p->size.width, p->strides, p->size.height,
                                   p->format == PIXEL_I422 ? TJSAMP_422 : TJSAMP_420, &buffer, size,
                                   e->quality, TJFLAG_NOREALLOC);
}

static int encode_failed(struct option_error *error, int code, const char *reason)
{
    snprintf(error->sentence, sizeof(error->sentence), "jpeg: encoding failed, %.150s", reason);
    return code;
}

static int jpeg_encoder_encode(void *state, struct picture *picture, bool force_key,
                               struct packet **out, struct option_error *error)
{
    struct jpeg_encoder *e = state;
    if (picture->size.width != e->track.size.width ||
        picture->size.height != e->track.size.height) {
        return encode_failed(error, -EINVAL, "the picture has another size than the encoder");
    }
    const struct picture *planes = to_planes(e, picture);
    if (!planes) {
        return encode_failed(error, -ENOMEM, "no memory");
    }
    unsigned long size = 0;
    if (compress(e, planes, &size) < 0) {
        return encode_failed(error, -EIO, tjGetErrorStr2(e->handle));
    }
    struct packet *packet = packet_create(size);
    if (!packet) {
        return encode_failed(error, -ENOMEM, "no memory");
    }
    memcpy(packet->data, e->buffer, size);
    packet->size = size;
    packet->capture_ns = picture->capture_ns;
    packet->arrival_ns = picture->arrival_ns;
    packet->pts_ns = picture->pts_ns;
    packet->encoded_ns = time_monotonic_ns();
    packet->flags = PACKET_KEY | (picture->flags & PACKET_DISCONTINUITY);
    *out = packet;
    return 0;
}

static void jpeg_encoder_close(void *state)
{
    struct jpeg_encoder *e = state;
    if (e->handle) {
        tjDestroy(e->handle);
        e->handle = NULL;
    }
    picture_unref(&e->scratch);
    free(e->buffer);
    e->buffer = NULL;
    track_finish(&e->track);
}

const struct encoder_type encoder_jpeg = {
    .name = "jpeg",
    .summary = "JPEG pictures by libjpeg-turbo",
    .makes = ENCODING_JPEG,
    .formats = CONVERT_FORMATS,
    .can = PRODUCER_CAN_KEYFRAME,
    .state_size = sizeof(struct jpeg_encoder),
    .open = jpeg_encoder_open,
    .track = jpeg_encoder_track,
    .encode = jpeg_encoder_encode,
    .close = jpeg_encoder_close,
};
