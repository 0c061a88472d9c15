/*
 * Messages of a helper that sends by itself, one after the other, each with its payload and the
 * descriptor that came with it.
 *
 * The helper parses hostile input: what it says is checked before it is used.
 *
 * Order of calls: init; read any number of times; take the message's payload or leave it; finish.
 *
 * Ownership: borrows the socket. payload is a packet of the caller's once taken (packet_ref());
 *            it and fd are dropped by the next read.
 * Thread:    one owner.
 * Errors:    -EAGAIN no whole message yet, -EPIPE the helper is gone, -EBADMSG nonsense, -ENOMEM;
 *            else what recvmsg(2) said.
 */
#ifndef AVOCET_HELPER_READER_H
#define AVOCET_HELPER_READER_H

#include "helper/helper_protocol.h"
#include "media/packet.h"

struct helper_reader {
    struct helper_message message; /* the newest, whole after read() gave 0 */
    struct packet *payload;        /* NULL: none; size is payload_size */
    int fd;                        /* -1: none */
    /* state */
    size_t n_head;
    size_t n_payload;
    bool is_whole;
};

void helper_reader_init(struct helper_reader *r);
void helper_reader_finish(struct helper_reader *r);
/* Does not wait. */
int helper_reader_read(struct helper_reader *r, int socket);

#endif
