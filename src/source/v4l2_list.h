/*
 * The cameras of this machine, by names that stay the same.
 *
 * Thread: any; no shared state.
 */
#ifndef AVOCET_SOURCE_V4L2_LIST_H
#define AVOCET_SOURCE_V4L2_LIST_H

#include "source/source.h"

/* For source_type.list(): every /dev/videoN in the order of N; 0 or -errno. */
int v4l2_list(void (*each)(const struct source_device *device, void *arg), void *arg);

#endif
