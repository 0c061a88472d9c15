/*
 * Encodings, and the short list of what flows back against the way of a frame: wishes.
 *
 * Thread: values; copied between threads.
 */
#ifndef AVOCET_MEDIA_WISH_H
#define AVOCET_MEDIA_WISH_H

#include <stdint.h>

enum encoding_id { ENCODING_H264, ENCODING_JPEG, N_ENCODINGS };

/* A set of encodings: bit 1 << enum encoding_id. */
typedef unsigned encoding_set;

enum wish_type { WISH_KEYFRAME, WISH_BITRATE, WISH_CONTROL };

enum { WISH_NAME_SIZE = 48, WISH_VALUE_SIZE = 64 };

struct wish {
    enum wish_type type;
    enum encoding_id encoding; /* WISH_KEYFRAME, WISH_BITRATE */
    int64_t bitrate_bps;       /* WISH_BITRATE */
    char name[WISH_NAME_SIZE]; /* WISH_CONTROL: V4L2's control name and its value as text */
    char value[WISH_VALUE_SIZE];
};

enum producer_can {
    PRODUCER_CAN_KEYFRAME = 1 << 0, /* a wished keyframe comes within a frame */
    PRODUCER_CAN_BITRATE = 1 << 1,
    PRODUCER_NEVER_SLEEPS =
        1 << 2, /* packets go on coming while nothing is wanted: they are kept */
};

#endif
