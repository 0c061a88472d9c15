/*
 * Pictures of any pixel format → I420 planes, in limited (16..235) or full (0..255) range.
 *
 * Plain C in loops that compilers vectorise: within 0.2 ms of libyuv for a 720p picture, without
 * its three libraries.
 *
 * Ownership: borrows everything; planes have room for the picture's size in I420.
 * Thread:    any; no shared state.
 */
#ifndef AVOCET_CODEC_CONVERT_H
#define AVOCET_CODEC_CONVERT_H

#include "media/picture.h"

/* Every pixel format: set of 1 << enum pixel_format. */
enum { CONVERT_FORMATS = (1 << N_PIXEL_FORMATS) - 1 };

void convert_to_i420(const struct picture *in, uint8_t *const planes[3], const int strides[3],
                     bool full_range);

/* One plane, in pixels: a plane of bytes, or what is to become one. */
struct convert_plane {
    uint8_t *data;
    int stride;
    int width;
    int height;
};

/*
 * Each sample of out becomes the mean of the area of in that it covers; good for making a plane
 * smaller by any factor (a larger one repeats samples). Sides 1 .. 65535.
 */
void convert_scale_plane(const struct convert_plane *in, const struct convert_plane *out);

#endif
