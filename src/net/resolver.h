/*
 * A host's address, looked up in a thread of its own that nobody waits for: a slow name server
 * holds up neither the loop, nor its workers, nor the end of the program.
 *
 * Ownership: resolver_start() gives what resolver_cancel() takes back; on_done() ends it, too.
 * Thread:    loop only; on_done() comes from the loop.
 * Errors:    of start: -EAGAIN RESOLVER_THREADS_MAX are looking already, or no thread could be
 *            started; -ENOMEM.
 */
#ifndef AVOCET_NET_RESOLVER_H
#define AVOCET_NET_RESOLVER_H

#include "net/address.h"
#include "net/loop.h"

enum { RESOLVER_THREADS_MAX = 16, RESOLVER_HOST_SIZE = 256 };

struct resolver;

/* failure: of getaddrinfo(), 0: address is there, with port 0. */
typedef void resolver_done(void *arg, int failure, const struct address *address);

int resolver_start(struct resolver **out, struct loop *loop, const char *host,
                   resolver_done *on_done, void *arg);
/* on_done() will not be called. NULL is fine. */
void resolver_cancel(struct resolver *r);

#endif
