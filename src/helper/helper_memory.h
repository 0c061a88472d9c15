/*
 * A helper's memory: its pictures, lent without a copy and given back to it.
 *
 * A picture may outlive who lent it, and the helper. Giving one back is a message on the helper's
 * socket, which may not cut into an access unit that is being sent there: such ones wait.
 *
 * Ownership: counted references; each lent picture holds one.
 * Thread:    the pipeline's; pictures are given back there too.
 * Errors:    -EBADMSG: the message is not of this memory, or points out of it.
 */
#ifndef AVOCET_HELPER_MEMORY_H
#define AVOCET_HELPER_MEMORY_H

#include "helper/helper_protocol.h"
#include "media/picture.h"

struct helper_memory;

/* As the PICTURE message that came with fd says; fd stays the caller's. NULL: it cannot be mapped.
 */
struct helper_memory *helper_memory_create(int fd, const struct helper_message *m, int socket);
/* The helper is gone, or has other memory now: nothing is given back any more. Drops the caller's
 * reference. *m may be NULL. */
void helper_memory_leave(struct helper_memory **m);
/* Part of an access unit has left, or all of it. m may be NULL. */
void helper_memory_set_sending(struct helper_memory *m, bool is_sending);
/* The picture of a PICTURE message; its times are TIME_NONE. memory may be NULL. */
int helper_memory_lend(struct helper_memory *memory, const struct helper_message *m,
                       struct picture **out);

#endif
