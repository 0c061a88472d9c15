/*
 * Peers of a TCP source that vanish without a word are noticed within a quarter of a minute.
 *
 * Thread: any; no shared state.
 */
#ifndef AVOCET_SOURCE_KEEPALIVE_H
#define AVOCET_SOURCE_KEEPALIVE_H

enum { KEEPALIVE_IDLE_S = 10, KEEPALIVE_UNANSWERED_MS = 15000 };

void source_set_keepalive(int fd);

#endif
