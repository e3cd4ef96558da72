/*
 * Turns `ivl` and `vvp` into servers: LD_PRELOADed, it takes main's place, does once what no design has a part in
 * (the dynamic linker has run; the code generator and the VPI modules are opened here), and then forks one child per
 * job, which goes on into the real main with the command line the server was started with. The parent never reads a
 * byte that a candidate wrote: every child starts from the same pristine image.
 *
 * The compiler's server starts the simulator's (FORK_NEXT) and passes each job on to it after a compilation that
 * ended well, so the host sees one process and one line each way:
 *   job     "CPU\n"                     CPU seconds that the simulation may use
 *   answer  "c CODE\n" or "r CODE\n"    how the compilation failed or how the simulation ended, 128 + signal as in a shell
 *
 * Settings, all in the environment: FORK_STDIN, FORK_LOG (files of a job), FORK_OPEN (shared objects to open, by
 * colons), FORK_MEMORY and FORK_FILE (bytes), FORK_CPU (seconds for a compilation), FORK_WALL (seconds), FORK_FILTER
 * (1: children run behind the system call filter, or the server does not start).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"

typedef int (*Main)(int, char **, char **);
typedef int (*Start)(Main, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

enum { JOBS = 0, ANSWERS = 1, LAST_FD = 15 };

static Main real_main;
static volatile pid_t job;

static void overstayed(int sig) {
  (void)sig;
  if (job > 0) kill(job, SIGKILL);
}

static long number(const char *name) {
  const char *text = getenv(name);
  return text == NULL ? 0 : atol(text);
}

static void limit(int what, rlim_t soft, rlim_t hard) {
  struct rlimit r = {soft, hard};
  if (setrlimit(what, &r) != 0) _exit(127);
}

/* One line without its end; a line that is too long or cut short ends the server, as does the end of input. */
static void read_line(int fd, char *line, size_t size) {
  for (size_t n = 0; n < size; n++) {
    ssize_t got;
    while ((got = read(fd, line + n, 1)) < 0 && errno == EINTR) continue;
    if (got != 1) _exit(0);
    if (line[n] != '\n') continue;
    line[n] = 0;
    return;
  }
  _exit(2);
}

static void say(int fd, const char *text) {
  size_t length = strlen(text);
  while (length > 0) {
    ssize_t put = write(fd, text, length);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) _exit(3);
    text += put;
    length -= put;
  }
}

/* The simulator's server; `link` gets the pipes to it. It dies with this process. */
static void start_next(const char *program, int link[2]) {
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) _exit(4);
  pid_t pid = fork();
  if (pid < 0) _exit(4);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(to[0], JOBS);
    dup2(from[1], ANSWERS);
    unsetenv("FORK_NEXT");
    setenv("FORK_STDIN", "/dev/null", 1);
    setenv("FORK_LOG", "run.log", 1);
    execl(program, "vvp", "-n", "design.vvp", (char *)NULL);
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  link[0] = from[0];
  link[1] = to[1];
}

/* In the child: nothing of the server's but its memory is left, and the limits are set. */
static void become_job(const char *input, int log, rlim_t cpu) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGALRM, SIG_DFL);
  int in = open(input, O_RDONLY | O_NOFOLLOW);
  if (in < 0 || ftruncate(log, 0) != 0 || lseek(log, 0, SEEK_SET) != 0) _exit(127);
  if (dup2(in, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(127);
  for (int fd = 3; fd <= LAST_FD; fd++) close(fd);
  /* Only the soft limit of CPU: SIGXCPU tells a limit from a kill that came from outside. */
  limit(RLIMIT_CPU, cpu, RLIM_INFINITY);
  limit(RLIMIT_AS, number("FORK_MEMORY"), number("FORK_MEMORY"));
  limit(RLIMIT_FSIZE, number("FORK_FILE"), number("FORK_FILE"));
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_NOFILE, 32, 32);
  limit(RLIMIT_NPROC, 0, 0);
  if (number("FORK_FILTER") == 1 && filter_job() != 0) _exit(127);
  clearenv();
}

static int serve(int argc, char **argv, char **envp) {
  (void)envp;
  char line[64], answer[64];
  int link[2] = {-1, -1};
  const char *next = getenv("FORK_NEXT");
  const char *input = getenv("FORK_STDIN");
  char *modules = getenv("FORK_OPEN");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (next != NULL) start_next(next, link);
  int log = open(getenv("FORK_LOG"), O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
  if (log < 0) _exit(5);
  modules = modules == NULL ? NULL : strdup(modules);
  for (char *m = modules == NULL ? NULL : strtok(modules, ":"); m != NULL; m = strtok(NULL, ":")) {
    /* What cannot be opened here is opened by the child, as ever. */
    if (dlopen(m, RTLD_NOW) == NULL) dlopen(m, RTLD_LAZY);
  }
  struct sigaction on_alarm = {.sa_handler = overstayed};
  sigaction(SIGALRM, &on_alarm, NULL);
  if (number("FORK_FILTER") == 1 && filter_server(next != NULL) != 0) _exit(7);

  for (;;) {
    read_line(JOBS, line, sizeof line);
    long cpu = strtol(line, NULL, 10);
    if (cpu <= 0) _exit(2);
    job = fork();
    if (job < 0) _exit(6);
    if (job == 0) {
      become_job(input, log, next == NULL ? cpu : number("FORK_CPU"));
      return real_main(argc, argv, environ);
    }
    int status;
    alarm(number("FORK_WALL"));
    while (waitpid(job, &status, 0) < 0 && errno == EINTR) continue;
    int overdue = alarm(0) == 0;
    job = 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (overdue && code == 128 + SIGKILL) code = 128 + SIGALRM;
    if (next != NULL && code == 0) {
      say(link[1], strcat(line, "\n"));
      read_line(link[0], answer, sizeof answer - 1);
      strcat(answer, "\n");
    } else {
      snprintf(answer, sizeof answer, "%c %d\n", next == NULL ? 'r' : 'c', code);
    }
    say(ANSWERS, answer);
  }
}

int __libc_start_main(Main main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end) {
  Start start = (Start)dlsym(RTLD_NEXT, "__libc_start_main");
  real_main = main;
  return start(getenv("FORK_LOG") == NULL ? main : serve, argc, argv, init, fini, rtld_fini, stack_end);
}
