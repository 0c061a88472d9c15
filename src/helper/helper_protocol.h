/*
 * What the program and its helper programs say to each other over a stream socket pair: fixed
 * messages in host byte order (both run on one machine, built together), each followed by
 * payload_size bytes.
 *
 *   program                          avocet-ffmpeg, a decoder
 *   DECODE + access unit  ────────▶  PICTURE (in shared memory), NOTHING, or ERROR + sentence
 *   RELEASE slot          ────────▶  (no answer)
 *
 *   program                          avocet-input, a source
 *   OPEN + texts          ────────▶  OPENED + what it is, or ERROR + sentence, and ends
 *                         ◀────────  UNIT + bytes, PICTURE; at its end ERROR + sentence
 *   RELEASE slot          ────────▶  (no answer)
 *
 * The first PICTURE, and each after a change of size, carries a memfd as ancillary data
 * (SCM_RIGHTS): HELPER_SLOTS pictures of slot_size bytes. A slot belongs to the program from
 * PICTURE until RELEASE; slots of an older memfd need no release. With no free slot the decoder
 * answers NOTHING, and the source leaves the picture out.
 *
 * The texts of OPEN: URL, then "name=value" options (enum helper_input_option says which), each
 * with its NUL. The URL is told here, and not in the arguments, as others can read those.
 */
#ifndef AVOCET_HELPER_PROTOCOL_H
#define AVOCET_HELPER_PROTOCOL_H

#include <stdint.h>

enum { HELPER_SLOTS = 4, HELPER_SOCKET_FD = 3, HELPER_VERSION = 2 };

enum helper_message_type {
    HELPER_DECODE = 1,
    HELPER_RELEASE,
    HELPER_PICTURE,
    HELPER_NOTHING,
    HELPER_ERROR,
    HELPER_OPEN,
    HELPER_OPENED,
    HELPER_UNIT,
};

/* What the bytes of a UNIT are. */
enum helper_unit {
    HELPER_UNIT_H264,       /* a whole access unit, Annex B */
    HELPER_UNIT_H264_BYTES, /* some of an Annex B stream, as they came */
    HELPER_UNIT_JPEG,       /* a whole JPEG */
    N_HELPER_UNITS
};

/* Limits of a UNIT of bytes, of a sentence and of all texts of OPEN. */
enum { HELPER_BYTES_MAX = 1024 * 1024, HELPER_SENTENCE_MAX = 200, HELPER_TEXTS_MAX = 4096 };

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
    uint32_t unit;     /* enum helper_unit: UNIT */
    uint32_t is_lossy; /* UNIT, PICTURE: something before it is missing */
    int64_t time_ns;   /* of an input's UNIT or PICTURE, on its own line; TIME_NONE unknown */
    int32_t rate_num;  /* OPENED: nominal frames per second; 0 unknown */
    int32_t rate_den;
};

#endif
