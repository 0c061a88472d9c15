/*
 * Thread: any; no shared state.
 * Spec:   RFC 3629 §4 (no overlong forms, no surrogates, at most U+10FFFF).
 */
#ifndef AVOCET_BASE_UTF8_H
#define AVOCET_BASE_UTF8_H

#include "base/bytes.h"

/* Size of the character that in begins with; 0 when it is none, or cut. */
size_t utf8_character_size(struct bytes in);
bool utf8_is_valid(struct bytes in);

#endif
