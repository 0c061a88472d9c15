/*
 * A JPEG made narrower, for snapshots: decoded at the nearest of libjpeg's scales above, averaged
 * down to the exact width, encoded again.
 *
 * Units:     width in pixels; the height follows the aspect. quality 1..100.
 * Ownership: *out is a new reference for the caller.
 * Thread:    any; no shared state. Takes milliseconds: not for the loop thread.
 * Errors:    -EBADMSG not a whole JPEG, -ENOMEM. -ERANGE: width is not below the picture's.
 */
#ifndef AVOCET_CODEC_JPEG_SCALE_H
#define AVOCET_CODEC_JPEG_SCALE_H

#include "base/buf.h"

int jpeg_scale(struct bytes jpeg, int width, int quality, struct buf **out);

#endif
