#include "codec/jpeg_scale.h"

#include <errno.h>
#include <stdlib.h>

#include "codec/convert.h"
#include "codec/jpeg_planes.h"

/* The smallest of libjpeg's scales that is not below width; its own size when there is none. */
static struct picture_size decoded_size(struct picture_size size, int width)
{
    struct picture_size best = size;
    int n_factors = 0;
    const tjscalingfactor *factors = tjGetScalingFactors(&n_factors);
    for (int i = 0; i < n_factors; i++) {
        const struct picture_size scaled = {TJSCALED(size.width, factors[i]),
                                            TJSCALED(size.height, factors[i])};
        if (scaled.width >= width && scaled.width < best.width) {
            best = scaled;
        }
    }
    return best;
}

static int decode(struct bytes jpeg, int width, struct jpeg_planes *out,
                  struct picture_size *full_size)
{
    tjhandle handle = tjInitDecompress();
    if (!handle) {
        return -ENOMEM;
    }
    int result = jpeg_planes_header(handle, jpeg, out);
    if (result == 0 && width >= out->size.width) {
        result = -ERANGE;
    }
    if (result == 0) {
        *full_size = out->size;
        out->size = decoded_size(out->size, width);
        result = jpeg_planes_alloc(out);
    }
    if (result == 0) {
        result = jpeg_planes_decode(handle, jpeg, out);
    }
    tjDestroy(handle);
    return result;
}

/* Each plane keeps its share, so the subsampling stays what it was. */
static void scale(const struct jpeg_planes *in, const struct jpeg_planes *out)
{
    for (int i = 0; i < JPEG_PLANES; i++) {
        const struct picture_size from = jpeg_planes_size(in, i);
        const struct picture_size to = jpeg_planes_size(out, i);
        if (to.width > 0) {
            convert_scale_plane(
                &(struct convert_plane){in->data[i], in->strides[i], from.width, from.height},
                &(struct convert_plane){out->data[i], out->strides[i], to.width, to.height});
        }
    }
}

static int encode(const struct jpeg_planes *p, int quality, struct buf **out)
{
    tjhandle handle = tjInitCompress();
    const unsigned char *planes[JPEG_PLANES] = {p->data[0], p->data[1], p->data[2]};
    unsigned char *jpeg = NULL;
    unsigned long size = 0;
    int result = -ENOMEM;
    if (handle && tjCompressFromYUVPlanes(handle, planes, p->size.width, p->strides, p->size.height,
                                          p->subsampling, &jpeg, &size, quality, 0) == 0) {
        struct buf *copy = buf_copy(bytes_of(jpeg, size));
        if (copy) {
            *out = copy;
            result = 0;
        }
    }
    tjFree(jpeg);
    if (handle) {
        tjDestroy(handle);
    }
    return result;
}

int jpeg_scale(struct bytes jpeg, int width, int quality, struct buf **out)
{
    struct jpeg_planes decoded = {0};
    struct picture_size full_size = {0};
    int result = decode(jpeg, width, &decoded, &full_size);
    if (result == 0) {
        const int height =
            (int)(((int64_t)full_size.height * width + full_size.width / 2) / full_size.width);
        struct jpeg_planes scaled = {
            .size = {width, height > 0 ? height : 1},
            .subsampling = decoded.subsampling,
        };
        result = jpeg_planes_alloc(&scaled);
        if (result == 0) {
            scale(&decoded, &scaled);
            result = encode(&scaled, quality, out);
        }
        free(scaled.data[0]);
    }
    free(decoded.data[0]);
    return result;
}
