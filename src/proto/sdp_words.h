/*
 * Cutting lines of SDP into words. Used by the sdp files.
 *
 * Ownership: borrows the text.
 * Thread:    any; no shared state.
 */
#ifndef AVOCET_PROTO_SDP_WORDS_H
#define AVOCET_PROTO_SDP_WORDS_H

#include "base/bytes.h"

/* The same without regard to case. */
bool sdp_is_text(struct bytes b, const char *text);
/* What comes before the separator, which is taken too; the whole rest when there is none. */
struct bytes sdp_cut(struct bytes *rest, char separator);
/* The next word between spaces; size 0 at the end. */
struct bytes sdp_cut_word(struct bytes *rest);
/* Without spaces and tabs at both ends. */
struct bytes sdp_trim(struct bytes b);
/* Decimal digits only, at most max; out is untouched when false. */
bool sdp_parse_number(struct bytes text, uint32_t max, uint32_t *out);

#endif
