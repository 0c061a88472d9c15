/*
 * Cameras by Video for Linux: USB webcams, grabbers, the Raspberry Pi's legacy camera.
 *
 * Time of capture is the driver's time stamp: the end of the frame or the start of its exposure,
 * as the driver has it; without a monotonic one, the moment at which the picture came.
 */
#ifndef AVOCET_SOURCE_V4L2_H
#define AVOCET_SOURCE_V4L2_H

#include "source/source.h"

extern const struct source_type source_v4l2;

/* The URL of the first camera that can be used, "v4l2:/dev/v4l/by-id/…"; false: there is none. */
bool v4l2_first_camera(char *url, size_t size);

#endif
