/*
 * One raw picture in planes, lent by its maker.
 *
 * Planes are borrowed until release is called; the maker may re-use its memory then. A codec that
 * keeps a picture beyond its call takes a reference.
 *
 * Units:     strides and offsets in bytes, sizes in pixels; colour is BT.601 limited range unless
 *            full_range is set.
 * Ownership: picture_ref()/picture_unref() as for packets; the last unref calls release(p).
 * Thread:    references any; made and encoded on the pipeline's thread.
 */
#ifndef AVOCET_MEDIA_PICTURE_H
#define AVOCET_MEDIA_PICTURE_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/option.h"
#include "base/time.h"

enum pixel_format {
    PIXEL_I420, /* Y, U, V planes, chroma halved both ways (V4L2 YU12) */
    PIXEL_I422, /* Y, U, V planes, chroma halved across; what most camera JPEGs hold */
    PIXEL_NV12, /* Y, then interleaved UV */
    PIXEL_YUYV, /* packed Y0 U Y1 V */
    PIXEL_UYVY, /* packed U Y0 V Y1; what many HDMI grabbers send */
    N_PIXEL_FORMATS
};

enum { PICTURE_PLANES_MAX = 3 };

struct picture {
    enum pixel_format format;
    struct picture_size size; /* even numbers */
    const uint8_t *planes[PICTURE_PLANES_MAX];
    int strides[PICTURE_PLANES_MAX];
    bool full_range;                    /* JPEG's 0..255 */
    int64_t capture_ns;                 /* real clock; TIME_NONE unknown */
    int64_t arrival_ns;                 /* monotonic */
    int64_t pts_ns;                     /* monotonic time line */
    unsigned flags;                     /* enum packet_flags: PACKET_DISCONTINUITY */
    void (*release)(struct picture *p); /* frees or recycles p itself */
    void *owner;                        /* the maker's own */
    atomic_uint n_refs;
};

struct picture *picture_ref(struct picture *p);
void picture_unref(struct picture **p);

/* A picture with memory of its own (one allocation, 32-byte aligned rows); NULL without memory. */
struct picture *picture_create(enum pixel_format format, struct picture_size size);
/* Bytes of a tightly packed picture (stride = width, as V4L2 without padding). */
size_t picture_packed_size(enum pixel_format format, struct picture_size size);
/* Both samples of chroma and luma in one plane? */
static inline bool pixel_format_is_packed(enum pixel_format format)
{
    return format == PIXEL_YUYV || format == PIXEL_UYVY;
}

const char *pixel_format_name(enum pixel_format format);

#endif
