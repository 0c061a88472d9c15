/*
 * A helper program as a process: found, started with one end of a socket pair as descriptor
 * HELPER_SOCKET_FD, ended.
 *
 * Ownership: the caller's are the process and the socket.
 * Thread:    any; a helper dies with the thread that started it.
 */
#ifndef AVOCET_HELPER_PROGRAM_H
#define AVOCET_HELPER_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { HELPER_PATH_SIZE = 512 };

/* Path of the helper program: in $AVOCET_HELPER_DIR, else beside our own program, else where it was
 * installed; false: not there. */
bool helper_program_path(const char *name, char *out, size_t size);
/* -ENOENT: it is not there; else what fork or socketpair said. */
int helper_program_start(const char *name, pid_t *pid, int *socket);
/* Waits until then for it to end by itself, as it does when its socket is closed, and kills it. */
void helper_program_end(pid_t pid, int64_t until_ns);

#endif
