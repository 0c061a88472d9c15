#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#if HAVE_SECCOMP
#include <seccomp.h>
#endif

enum { CLOSED_FILES_MAX = 16, OPEN_FILES_MAX = 256 };

#define CLOSED_MEMORY_MAX ((rlim_t)1 << 30)
#define OPEN_MEMORY_MAX   ((rlim_t)3 << 30)

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

/* The flags are argument `at` of the call. */
static void forbid_writing(scmp_filter_ctx filter, int call, unsigned at)
{
    static const int flags[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    for (size_t i = 0; filter && i < sizeof(flags) / sizeof(flags[0]); i++) {
        (void)seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
                               SCMP_CMP(at, SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
    }
}

static bool forbid_much(void)
{
    static const int forbidden[] = {
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(ptrace),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(pidfd_getfd),
        SCMP_SYS(kill),
        SCMP_SYS(creat),
        SCMP_SYS(openat2),
        SCMP_SYS(unlink),
        SCMP_SYS(unlinkat),
        SCMP_SYS(rename),
        SCMP_SYS(renameat),
        SCMP_SYS(renameat2),
        SCMP_SYS(link),
        SCMP_SYS(linkat),
        SCMP_SYS(symlink),
        SCMP_SYS(symlinkat),
        SCMP_SYS(mkdir),
        SCMP_SYS(mkdirat),
        SCMP_SYS(rmdir),
        SCMP_SYS(mknod),
        SCMP_SYS(mknodat),
        SCMP_SYS(truncate),
        SCMP_SYS(chmod),
        SCMP_SYS(fchmod),
        SCMP_SYS(fchmodat),
        SCMP_SYS(chown),
        SCMP_SYS(fchown),
        SCMP_SYS(lchown),
        SCMP_SYS(fchownat),
        SCMP_SYS(setxattr),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),
        SCMP_SYS(unshare),
        SCMP_SYS(setns),
        SCMP_SYS(bpf),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(keyctl),
        SCMP_SYS(add_key),
        SCMP_SYS(request_key),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    add_all(filter, SCMP_ACT_ERRNO(EPERM), forbidden, sizeof(forbidden) / sizeof(forbidden[0]));
    forbid_writing(filter, SCMP_SYS(open), 1);
    forbid_writing(filter, SCMP_SYS(openat), 2);
    return load(filter);
}
#else
static bool allow_little(void)
{
    return true;
}

static bool forbid_much(void)
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

bool sandbox_enter_open(void)
{
    limit(RLIMIT_CORE, 0); /* the URL with its password is in memory */
    limit(RLIMIT_NOFILE, OPEN_FILES_MAX);
#if !AVOCET_SANITIZED
    limit(RLIMIT_AS, OPEN_MEMORY_MAX);
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           forbid_much();
#else
    return true;
#endif
}
