/*
 * libsrtp2 as an oracle, behind names of our own: it has srtp_protect() too, so it is opened at
 * run time. One session for each direction.
 */
#ifndef AVOCET_TESTS_PROTO_LIBSRTP_H
#define AVOCET_TESTS_PROTO_LIBSRTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oracle;
/* NULL when the library is not there. key: master key and salt in one. */
struct oracle *oracle_create(bool is_gcm, const uint8_t *key, bool is_sender);
void oracle_destroy(struct oracle *o);
/* In place; 0 or libsrtp's error. */
int oracle_protect(struct oracle *o, uint8_t *packet, size_t *size);
int oracle_unprotect(struct oracle *o, uint8_t *packet, size_t *size);
int oracle_protect_rtcp(struct oracle *o, uint8_t *packet, size_t *size);
int oracle_unprotect_rtcp(struct oracle *o, uint8_t *packet, size_t *size);

#endif
