/*
 * What every source's read() waits with: its own descriptor, the pipeline's wake-up, a deadline.
 *
 * Units:  deadline_ns monotonic; INT64_MAX: none.
 * Thread: any; no shared state.
 * Errors: -EINTR wake_fd is readable (it goes before the descriptor), -ETIMEDOUT the deadline.
 */
#ifndef AVOCET_SOURCE_WAIT_H
#define AVOCET_SOURCE_WAIT_H

#include <stdint.h>

/* 0 when one of events (or an error or hang-up) is there on fd. fd and wake_fd may be -1. */
int source_wait(int fd, short events, int wake_fd, int64_t deadline_ns);

#endif
