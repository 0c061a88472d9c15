#include "codec/jpeg_planes.h"

#include <errno.h>
#include <stdlib.h>

/*
 * libjpeg goes on after nonsense with grey blocks and a warning. A lost picture is better than
 * those, but stray bytes between segments, which many webcams send in each picture, harm nothing.
 * TurboJPEG tells warnings apart by their text only.
 */
static bool is_harmless(tjhandle handle)
{
    return tjGetErrorCode(handle) == TJERR_WARNING &&
           strstr(tjGetErrorStr2(handle), "extraneous bytes before marker") != NULL;
}

int jpeg_planes_header(tjhandle handle, struct bytes jpeg, struct jpeg_planes *out)
{
    int width = 0;
    int height = 0;
    int subsampling = 0;
    int colour_space = 0;
    if (tjDecompressHeader3(handle, jpeg.data, jpeg.size, &width, &height, &subsampling,
                            &colour_space) < 0 &&
        !is_harmless(handle)) {
        return -EBADMSG;
    }
    if (width <= 0) { /* tables only */
        return -EBADMSG;
    }
    if (subsampling < 0 || (colour_space != TJCS_YCbCr && colour_space != TJCS_GRAY) ||
        width < JPEG_SIDE_MIN || height < JPEG_SIDE_MIN || width > JPEG_SIDE_MAX ||
        height > JPEG_SIDE_MAX) {
        return -ENOTSUP;
    }
    *out = (struct jpeg_planes){.size = {width, height}, .subsampling = subsampling};
    return 0;
}

struct picture_size jpeg_planes_size(const struct jpeg_planes *p, int i)
{
    if (i > 0 && p->subsampling == TJSAMP_GRAY) {
        return (struct picture_size){0};
    }
    return (struct picture_size){tjPlaneWidth(i, p->size.width, p->subsampling),
                                 tjPlaneHeight(i, p->size.height, p->subsampling)};
}

int jpeg_planes_alloc(struct jpeg_planes *p)
{
    size_t sizes[JPEG_PLANES];
    size_t total = 0;
    for (int i = 0; i < JPEG_PLANES; i++) {
        const struct picture_size size = jpeg_planes_size(p, i);
        p->strides[i] = size.width;
        sizes[i] = (size_t)size.width * (size_t)size.height;
        total += sizes[i];
    }
    uint8_t *memory = malloc(total);
    if (!memory) {
        return -ENOMEM;
    }
    p->data[0] = memory;
    p->data[1] = memory + sizes[0];
    p->data[2] = memory + sizes[0] + sizes[1];
    return 0;
}

static bool has_end_marker(struct bytes jpeg)
{
    for (size_t i = jpeg.size; i >= 2; i--) {
        if (jpeg.data[i - 2] == 0xff && jpeg.data[i - 1] == 0xd9) {
            return true;
        }
    }
    return false;
}

int jpeg_planes_decode(tjhandle handle, struct bytes jpeg, const struct jpeg_planes *out)
{
    unsigned char *planes[JPEG_PLANES] = {out->data[0], out->data[1], out->data[2]};
    int strides[JPEG_PLANES] = {out->strides[0], out->strides[1], out->strides[2]};
    if (!has_end_marker(jpeg)) {
        return -EBADMSG;
    }
    if (tjDecompressToYUVPlanes(handle, jpeg.data, jpeg.size, planes, out->size.width, strides,
                                out->size.height, TJFLAG_LIMITSCANS) < 0 &&
        !is_harmless(handle)) {
        return -EBADMSG;
    }
    return 0;
}
