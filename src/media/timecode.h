/*
 * The machine-readable time strip of the test picture: the capture time as 48 black and white
 * blocks, so that anyone who decodes the picture knows how old it is.
 *
 *   ┌──┬────────────────────── 40 bits ──────────────────────┬──── 8 bits ────┬──┐
 *   │2b│ capture time in ms since 1970, modulo 2^40, MSB first │ CRC-8 of those │2b│  2b high
 *   └──┴─────────────────────────────────────────────────────┴────────────────┴──┘
 *
 * A block is b = width / 52 pixels (rounded down) wide and 2b high; the first one begins at x = 2b,
 * y = 0. A one is white (luma 235), a zero and the margins black (16), chroma neutral. The CRC has
 * the polynomial x^8 + x^2 + x + 1 (0x07), begins at 0 and covers the five bytes of the time. A bit
 * is one when the mean luma of the middle half of its block, both ways, is 128 or more. A time of 0
 * is no time (a black picture).
 *
 * Units:     milliseconds since 1970 (real clock); strides in bytes.
 * Ownership: borrows the planes.
 * Thread:    any; no shared state.
 * Errors:    -ENOTSUP when the picture is too small for a strip, -EBADMSG when the CRC is wrong.
 */
#ifndef AVOCET_MEDIA_TIMECODE_H
#define AVOCET_MEDIA_TIMECODE_H

#include <stdint.h>

#include "base/option.h"

#define TIMECODE_MODULUS_MS (INT64_C(1) << 40)

/* Height of the strip in a picture of this size; 0 when it has no room for one. */
int timecode_height(struct picture_size size);
/* Into the planes of an I420 picture; nothing when there is no room. */
void timecode_draw(uint8_t *const planes[3], const int strides[3], struct picture_size size,
                   int64_t capture_ms);
/* From a luma plane; *capture_ms is modulo TIMECODE_MODULUS_MS. */
int timecode_read(const uint8_t *luma, int stride, struct picture_size size, int64_t *capture_ms);
/* The time nearest to now_ms that the strip can have meant. */
int64_t timecode_expand(int64_t capture_ms, int64_t now_ms);

#endif
