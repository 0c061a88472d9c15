/*
 * What is common to the users of TurboJPEG: reading a JPEG's header and its planes.
 *
 * Ownership: borrows everything.
 * Thread:    one per handle.
 * Errors:    -EBADMSG not a JPEG, not a whole one, or nonsense in it; -ENOTSUP a colour space other
 *            than YCbCr and grey, or a size out of bounds.
 */
#ifndef AVOCET_CODEC_JPEG_PLANES_H
#define AVOCET_CODEC_JPEG_PLANES_H

#include <turbojpeg.h>

#include "base/bytes.h"
#include "base/option.h"

enum { JPEG_PLANES = 3, JPEG_SIDE_MIN = 16, JPEG_SIDE_MAX = 8192 };

struct jpeg_planes {
    struct picture_size size;
    int subsampling; /* enum TJSAMP */
    uint8_t *data[JPEG_PLANES];
    int strides[JPEG_PLANES];
};

/* Fill size and subsampling. */
int jpeg_planes_header(tjhandle handle, struct bytes jpeg, struct jpeg_planes *out);
/*
 * Decode into out's planes, which have room for tjPlaneWidth() × tjPlaneHeight() of out's size and
 * subsampling; a size below the JPEG's own is one of libjpeg's scales.
 */
int jpeg_planes_decode(tjhandle handle, struct bytes jpeg, const struct jpeg_planes *out);
/* Width and height of plane i; 0 when there is none. */
struct picture_size jpeg_planes_size(const struct jpeg_planes *p, int i);
/* One allocation for all planes, which data[0] owns (free()): 0 or -ENOMEM. */
int jpeg_planes_alloc(struct jpeg_planes *p);

#endif
