/*
 * Raw H.264 or MPEG-TS that a writer brings, tcp-listen:[ADDRESS:]PORT: the other way round than
 * tcp://, for `raspivid -o tcp://…`, `nc`, and the far end of an `ssh -R` tunnel.
 *
 * One writer at a time; the next one waits in the kernel until the first has gone. Without ADDRESS
 * only this machine can connect.
 *
 * Thread: the pipeline's.
 */
#ifndef AVOCET_SOURCE_TCP_LISTEN_H
#define AVOCET_SOURCE_TCP_LISTEN_H

#include "source/source.h"

extern const struct source_type source_tcp_listen;

#endif
