/*
 * System calls, in two layers. `filter_server` is laid once and inherited by every job: memory, own files, own end,
 * and what a server needs; all else (sockets, other programs, mounts, tracing, keys) fails with "no such call", and a
 * simulator's server and its jobs open files to read only (their output goes to a descriptor that is open already).
 * `filter_job` takes from a job what only its server needed: new processes and signals. The second is laid for every
 * job, so it is short: the kernel runs a new filter once for each call number.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#define FILTER_ARCH 0 /* matches nothing: the first call after the filter ends the process, and the canary tells */
#endif

#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define FAIL(code) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (code))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define MAY(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), ALLOW
#define MAY_NOT(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), FAIL(EPERM)
/* Reading always; writing too when this is a compilation. The flags are argument `n`. */
#define MAY_OPEN(call, n)                                                                     \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 4), LOAD(args[n]),                      \
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, writes ? 0 : O_ACCMODE | O_CREAT | O_TRUNC, 1, 0), \
      ALLOW, FAIL(EACCES)

static int lay(struct sock_filter *program, size_t length) {
  struct sock_fprog all = {length, program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all);
}

static int filter_server(int writes) {
  struct sock_filter program[] = {
      LOAD(arch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      LOAD(nr),
      MAY(read), MAY(write), MAY(readv), MAY(writev), MAY(pread64), MAY(pwrite64), MAY(lseek), MAY(close),
      MAY(brk), MAY(mmap), MAY(munmap), MAY(mremap), MAY(mprotect), MAY(madvise), MAY(futex),
      MAY(fstat), MAY(newfstatat), MAY(faccessat), MAY(readlinkat), MAY(getcwd), MAY(ioctl), MAY(fcntl),
      MAY(rt_sigaction), MAY(rt_sigprocmask), MAY(rt_sigreturn), MAY(sigaltstack), MAY(restart_syscall),
      MAY(getpid), MAY(gettid), MAY(tgkill), MAY(getrusage), MAY(times), MAY(uname), MAY(sysinfo),
      MAY(clock_gettime), MAY(gettimeofday), MAY(getrandom), MAY(exit), MAY(exit_group),
      /* the server's, and a job's on its way to main */
      MAY(clone), MAY(wait4), MAY(kill), MAY(setitimer), MAY(prctl), MAY(prlimit64), MAY(ftruncate), MAY(dup3),
      MAY(set_robust_list), MAY(rseq),
#ifdef __NR_stat
      MAY(stat), MAY(lstat), MAY(access), MAY(readlink), MAY(time), MAY(alarm), MAY(dup2), MAY(setrlimit),
      MAY_OPEN(open, 1),
#endif
      MAY_OPEN(openat, 2),
      FAIL(ENOSYS),
  };
  return lay(program, sizeof program / sizeof *program);
}

static int filter_job(void) {
  struct sock_filter program[] = {
      LOAD(nr), MAY_NOT(clone), MAY_NOT(kill), MAY_NOT(ftruncate), MAY_NOT(prlimit64), ALLOW,
  };
  return lay(program, sizeof program / sizeof *program);
}
