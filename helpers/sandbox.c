#include "sandbox.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#if HAVE_SECCOMP
#include <seccomp.h>
#endif

enum { CLOSED_MEMORY_MAX = 1024 * 1024 * 1024, CLOSED_FILES_MAX = 16 };

#if HAVE_SECCOMP
static bool load(scmp_filter_ctx filter)
{
    const bool is_good = filter && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return is_good;
}

/* Numbers that this machine does not have are refused by the library: harmless. */
static void add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
    for (size_t i = 0; filter && i < n; i++) {
        (void)seccomp_rule_add(filter, action, calls[i], 0);
    }
}

static bool allow_little(void)
{
    static const int allowed[] = {
        SCMP_SYS(read),
        SCMP_SYS(write),
        SCMP_SYS(recvmsg),
        SCMP_SYS(sendmsg),
        SCMP_SYS(mmap),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(mprotect),
        SCMP_SYS(madvise),
        SCMP_SYS(brk),
        SCMP_SYS(futex),
        SCMP_SYS(memfd_create),
        SCMP_SYS(ftruncate),
        SCMP_SYS(close),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(getrandom),
        SCMP_SYS(sched_yield),
        SCMP_SYS(mmap2),
        SCMP_SYS(ftruncate64),
        SCMP_SYS(clock_gettime64),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(tgkill),
    };

    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    add_all(filter, SCMP_ACT_ALLOW, allowed, sizeof(allowed) / sizeof(allowed[0]));
    return load(filter);
}
#else
static bool allow_little(void)
{
    return true;
}
#endif

static void limit(int resource, rlim_t value)
{
    const struct rlimit l = {.rlim_cur = value, .rlim_max = value};
    setrlimit(resource, &l);
}

bool sandbox_enter_closed(void)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, CLOSED_FILES_MAX);
#if !AVOCET_SANITIZED
    limit(RLIMIT_AS, CLOSED_MEMORY_MAX);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && allow_little();
#else
    return true; /* the sanitizers' run-time needs more calls and address space */
#endif
}
