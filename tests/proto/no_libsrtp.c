/* Built where libsrtp2's header is missing: the tests that need it are skipped. */
#include "libsrtp.h"

struct oracle *oracle_create(bool is_gcm, const uint8_t *key, bool is_sender)
{
    return NULL;
}

void oracle_destroy(struct oracle *o)
{
}

int oracle_protect(struct oracle *o, uint8_t *packet, size_t *size)
{
    return -1;
}

int oracle_unprotect(struct oracle *o, uint8_t *packet, size_t *size)
{
    return -1;
}

int oracle_protect_rtcp(struct oracle *o, uint8_t *packet, size_t *size)
{
    return -1;
}

int oracle_unprotect_rtcp(struct oracle *o, uint8_t *packet, size_t *size)
{
    return -1;
}
