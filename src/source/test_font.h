/*
 * A 5 × 7 pixel font: digits, capital letters (small ones look the same) and : . - / @ _
 *
 * Thread: any; no shared state.
 */
#ifndef AVOCET_SOURCE_TEST_FONT_H
#define AVOCET_SOURCE_TEST_FONT_H

#include <stddef.h>
#include <stdint.h>

enum { TEST_FONT_WIDTH = 5, TEST_FONT_HEIGHT = 7, TEST_FONT_ADVANCE = 6 };

/* TEST_FONT_HEIGHT rows, the leftmost pixel in bit 4; an empty glyph for unknown characters. */
const uint8_t *test_font_glyph(char c);

#endif
