/*
 * A helper's end of the link to avocet, src/helper/helper_protocol.h.
 *
 * Errors: false: the other end is gone.
 */
#ifndef AVOCET_HELPERS_LINK_H
#define AVOCET_HELPERS_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/helper_protocol.h"

/* Waits. */
bool link_read(void *out, size_t size);
/* The message, its payload, and a descriptor when fd >= 0. Waits. */
bool link_send(struct helper_message *m, const void *payload, size_t size, int fd);
/* Cut at HELPER_SENTENCE_MAX. */
bool link_send_error(const char *sentence);

#endif
