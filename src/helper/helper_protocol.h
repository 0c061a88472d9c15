/*
 * What the program and its decoding helper say to each other over a stream socket pair: fixed
 * messages in host byte order (both run on one machine, built together), each followed by
 * payload_size bytes.
 *
 *   program                          helper
 *   DECODE + access unit  ────────▶  PICTURE (in shared memory), NOTHING, or ERROR + sentence
 *   RELEASE slot          ────────▶  (no answer)
 *
 * The first PICTURE, and each after a change of size, carries a memfd as ancillary data
 * (SCM_RIGHTS): HELPER_SLOTS pictures of slot_size bytes. A slot belongs to the program from
 * PICTURE until RELEASE; slots of an older memfd need no release. With no free slot the helper
 * answers NOTHING.
 */
#ifndef AVOCET_HELPER_PROTOCOL_H
#define AVOCET_HELPER_PROTOCOL_H

#include <stdint.h>

enum { HELPER_SLOTS = 4, HELPER_SOCKET_FD = 3, HELPER_VERSION = 1, HELPER_SENTENCE_MAX = 200 };

enum helper_message_type {
    HELPER_DECODE = 1,
    HELPER_RELEASE,
    HELPER_PICTURE,
    HELPER_NOTHING,
    HELPER_ERROR,
};

struct helper_message {
    uint32_t version; /* HELPER_VERSION */
    uint32_t type;    /* enum helper_message_type */
    uint32_t payload_size;
    uint32_t generation; /* of the memfd: PICTURE, RELEASE */
    uint32_t slot;       /* PICTURE, RELEASE */
    uint32_t width;      /* PICTURE, and what follows */
    uint32_t height;
    uint32_t pixel_format; /* enum pixel_format */
    uint32_t is_full_range;
    uint32_t offsets[3]; /* of the planes, from the slot's start */
    uint32_t strides[3];
    uint32_t slot_size;
};

#endif
