#include "helper/helper_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "helper/helper_protocol.h"

#ifndef AVOCET_HELPER_DIR
#define AVOCET_HELPER_DIR "/usr/libexec/avocet"
#endif

enum { END_POLL_MS = 5 };

bool helper_program_path(const char *name, char *out, size_t size)
{
    const char *folder = getenv("AVOCET_HELPER_DIR");
    if (folder) {
        snprintf(out, size, "%s/%s", folder, name);
        return access(out, X_OK) == 0;
    }
    char self[HELPER_PATH_SIZE];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n > 0) {
        self[n] = '\0';
        char *slash = strrchr(self, '/');
        if (slash) {
            *slash = '\0';
            snprintf(out, size, "%s/%s", self, name);
            if (access(out, X_OK) == 0) {
                return true;
            }
        }
    }
    snprintf(out, size, "%s/%s", AVOCET_HELPER_DIR, name);
    return access(out, X_OK) == 0;
}

/* Between fork and exec: only async-signal-safe calls. */
static void become(const char *path, const char *name, int socket)
{
    if (socket == HELPER_SOCKET_FD) {
        fcntl(socket, F_SETFD, 0);
    } else {
        dup2(socket, HELPER_SOCKET_FD);
    }
    execl(path, name, (char *)NULL);
    _exit(127);
}

int helper_program_start(const char *name, pid_t *pid, int *socket)
{
    char path[HELPER_PATH_SIZE];
    int ends[2];
    if (!helper_program_path(name, path, sizeof(path))) {
        return -ENOENT;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return -errno;
    }
    const pid_t child = fork();
    if (child == 0) {
        become(path, name, ends[1]);
    }
    const int error = errno;
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return -error;
    }
    *pid = child;
    *socket = ends[0];
    return 0;
}

void helper_program_end(pid_t pid, int64_t until_ns)
{
    const struct timespec pause = {.tv_nsec = END_POLL_MS * NS_PER_MS};
    while (time_monotonic_ns() < until_ns) {
        if (waitpid(pid, NULL, WNOHANG) != 0) {
            return;
        }
        nanosleep(&pause, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
