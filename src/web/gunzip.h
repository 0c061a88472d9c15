/*
 * Unpack one gzip member: the embedded files of the page are kept packed only, and a client that
 * does not take gzip (curl, a test) is rare.
 *
 * Units:     bytes.
 * Ownership: borrows in; writes out[0 .. out_size).
 * Thread:    any; no state.
 * Errors:    -EBADMSG unless in is gzip of exactly out_size bytes; the CRC is not checked.
 * Spec:      RFC 1952 §2.3 (gzip), RFC 1951 §3.2 (deflate).
 */
#ifndef AVOCET_WEB_GUNZIP_H
#define AVOCET_WEB_GUNZIP_H

#include "base/bytes.h"

int gunzip(struct bytes in, uint8_t *out, size_t out_size);

#endif
