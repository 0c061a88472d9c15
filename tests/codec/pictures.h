/* What the codec tests share: test pictures in every pixel format, and H.264 decoded again. */
#ifndef AVOCET_TESTS_CODEC_PICTURES_H
#define AVOCET_TESTS_CODEC_PICTURES_H

#include <stdlib.h>

#include "codec/convert.h"
#include "media/timecode.h"
#include "source/test_picture.h"

#define PICTURES_EPOCH_NS (INT64_C(1790000000123) * NS_PER_MS)

static inline uint8_t *writable(const struct picture *p, int plane)
{
    return (uint8_t *)(uintptr_t)p->planes[plane];
}

/* Frame n of a test source at 30 frames per second, in I420. */
static inline struct picture *pictures_draw(struct test_picture *t, int64_t n)
{
    struct picture *p = picture_create(PIXEL_I420, t->size);
    const int64_t elapsed_ns = n * NS_PER_S / 30;
    const struct test_moment moment = {
        .capture_ns = PICTURES_EPOCH_NS + elapsed_ns,
        .elapsed_ns = elapsed_ns,
        .frame = (uint64_t)n,
    };
    t->is_drawn[0] = false; /* memory of its own each time */
    test_picture_draw(t, p, 0, &moment);
    p->capture_ns = moment.capture_ns;
    p->arrival_ns = p->pts_ns = elapsed_ns;
    return p;
}

/* The same picture in another format, sample by sample. */
static inline struct picture *pictures_convert(const struct picture *in, enum pixel_format format)
{
    struct picture *p = picture_create(format, in->size);
    for (int y = 0; y < in->size.height; y++) {
        for (int x = 0; x < in->size.width; x++) {
            const uint8_t luma = in->planes[0][y * in->strides[0] + x];
            const uint8_t u = in->planes[1][y / 2 * in->strides[1] + x / 2];
            const uint8_t v = in->planes[2][y / 2 * in->strides[2] + x / 2];
            uint8_t *row = writable(p, 0) + y * p->strides[0];
            const int chroma_y = format == PIXEL_I422 ? y : y / 2;
            if (pixel_format_is_packed(format)) {
                const int at = 2 * x + (format == PIXEL_UYVY);
                row[at] = luma;
                row[at ^ 1] = x % 2 == 0 ? u : v;
                continue;
            }
            row[x] = luma;
            if (format == PIXEL_NV12) {
                writable(p, 1)[chroma_y * p->strides[1] + x] = x % 2 == 0 ? u : v;
            } else {
                writable(p, 1)[chroma_y * p->strides[1] + x / 2] = u;
                writable(p, 2)[chroma_y * p->strides[2] + x / 2] = v;
            }
        }
    }
    p->capture_ns = in->capture_ns;
    p->arrival_ns = in->arrival_ns;
    p->pts_ns = in->pts_ns;
    return p;
}

static inline double pictures_mean(const struct picture *p, int plane, int x0, int y0, int n)
{
    double sum = 0;
    for (int y = 0; y < n; y++) {
        for (int x = 0; x < n; x++) {
            sum += p->planes[plane][(y0 + y) * p->strides[plane] + x0 + x];
        }
    }
    return sum / (n * n);
}

#endif
