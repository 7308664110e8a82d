#define _GNU_SOURCE
#include "internal.h"
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t kernel_clone3(uint64_t flags, int32_t exit_signal, int32_t *pidfd, int32_t cgroup) {
    struct clone_args a = {
        .flags = flags | (pidfd ? CLONE_PIDFD : 0) | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = (uint64_t)exit_signal,
        .cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
    };
    return ANSWER(syscall(SYS_clone3, &a, sizeof a));
}
// Every argument after the flags is 0 in whatever order an architecture has them.
int64_t kernel_clone(uint64_t flags) { return ANSWER(syscall(SYS_clone, flags, 0, 0, 0, 0)); }
int32_t kernel_execve(const char *path, const char *const *argv, const char *const *envp) {
    return ANSWER(execve(path, (char *const *)argv, (char *const *)envp));
}
int32_t kernel_execveat(int32_t fd, const char *const *argv, const char *const *envp) {
    return ANSWER((int32_t)syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH));
}
void kernel_exit_now(int32_t status) { _exit(status); }
// glibc's getpid() is a plain system call, but fork-like raw clones make any cache suspect.
int32_t kernel_getpid(void) { return (int32_t)syscall(SYS_getpid); }
int32_t kernel_getppid(void) { return (int32_t)syscall(SYS_getppid); }
uint32_t kernel_geteuid(void) { return geteuid(); }
uint32_t kernel_getegid(void) { return getegid(); }
int32_t kernel_kill(int32_t pid, int32_t signal) { return ANSWER(kill(pid, signal)); }
int32_t kernel_pidfd_open(int32_t pid) { return ANSWER((int32_t)syscall(SYS_pidfd_open, pid, 0)); }
int32_t kernel_pidfd_send_signal(int32_t pidfd, int32_t signal) { return ANSWER((int32_t)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0)); }
int32_t kernel_wait(int32_t pid, int32_t options, int32_t *status) { return ANSWER(waitpid(pid, status, options | __WALL)); }
int32_t kernel_is_child(int32_t pid) {
    siginfo_t info;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}
int32_t kernel_has_children(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}
int32_t kernel_exit_status(int32_t s) { return WIFEXITED(s) ? WEXITSTATUS(s) : 128 + WTERMSIG(s); }
int32_t kernel_unshare(uint64_t flags) { return ANSWER((int32_t)syscall(SYS_unshare, flags)); }
int32_t kernel_setns(int32_t fd, int32_t type) { return ANSWER(setns(fd, type)); }
int32_t kernel_ns_type(int32_t fd) { return ANSWER(ioctl(fd, NS_GET_NSTYPE)); }
int32_t kernel_setsid(void) { return ANSWER(setsid()); }
int32_t kernel_sethostname(const char *name, size_t count) { return ANSWER(sethostname(name, count)); }
int32_t kernel_setdomainname(const char *name, size_t count) { return ANSWER(setdomainname(name, count)); }
int32_t kernel_chdir(const char *path) { return ANSWER(chdir(path)); }
int32_t kernel_fchdir(int32_t fd) { return ANSWER(fchdir(fd)); }
int32_t kernel_getcwd(char *to, size_t count) { return ANSWER((int32_t)syscall(SYS_getcwd, to, count)); }
int32_t kernel_setresuid(uint32_t uid) { return ANSWER((int32_t)syscall(SYS_setresuid, uid, uid, uid)); }
int32_t kernel_setresgid(uint32_t gid) { return ANSWER((int32_t)syscall(SYS_setresgid, gid, gid, gid)); }
int32_t kernel_setgroups(const uint32_t *groups, size_t count) { return ANSWER((int32_t)syscall(SYS_setgroups, count, groups)); }
int32_t kernel_getgroups(uint32_t *groups, size_t count) { return ANSWER((int32_t)syscall(SYS_getgroups, count, groups)); }
int32_t kernel_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2] = {
        { (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
        { (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32) },
    };
    return ANSWER((int32_t)syscall(SYS_capset, &h, d));
}
int32_t kernel_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable) {
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];
    int32_t r = ANSWER((int32_t)syscall(SYS_capget, &h, d));
    if (r < 0) return r;
    *effective = d[0].effective | (uint64_t)d[1].effective << 32;
    *permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
    *inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
    return 0;
}
int32_t kernel_prctl(int32_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d) { return ANSWER(prctl(operation, a, b, c, d)); }
int32_t kernel_prlimit(int32_t pid, int32_t resource, const uint64_t *new_limit, uint64_t *old_limit) {
    return ANSWER((int32_t)syscall(SYS_prlimit64, pid, resource, new_limit, old_limit));
}
int32_t kernel_personality(uint64_t persona) { return ANSWER(personality(persona)); }
int32_t kernel_ioprio_set(int32_t priority) { return ANSWER((int32_t)syscall(SYS_ioprio_set, 1, 0, priority)); }
int32_t kernel_sched_setattr(int32_t pid, const struct kernel_sched *s) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } a = { sizeof a, s->policy, s->flags, s->nice, s->priority, s->runtime, s->deadline, s->period };
    return ANSWER((int32_t)syscall(SYS_sched_setattr, pid, &a, 0));
}
int32_t kernel_sched_setaffinity(int32_t pid, const void *mask, size_t bytes) { return ANSWER((int32_t)syscall(SYS_sched_setaffinity, pid, bytes, mask)); }
int32_t kernel_set_mempolicy(int32_t mode, const uint64_t *nodes, uint64_t bits) { return ANSWER((int32_t)syscall(SYS_set_mempolicy, mode, nodes, bits)); }
int32_t kernel_join_session_keyring(const char *name) { return ANSWER((int32_t)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name)); }
int32_t kernel_describe_key(int32_t key, char *to, size_t count) { return ANSWER((int32_t)syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, to, count)); }
int32_t kernel_set_key_permissions(int32_t key, uint32_t permissions) { return ANSWER((int32_t)syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions)); }
int32_t kernel_seccomp(const void *filter, size_t bytes, uint32_t flags) {
    struct sock_fprog p = { .len = (unsigned short)(bytes / sizeof(struct sock_filter)), .filter = (struct sock_filter *)filter };
    return ANSWER((int32_t)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p));
}
// A null filter is looked at after the flags: EFAULT says that they are known.
int32_t kernel_seccomp_flags_known(uint32_t flags) {
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, (void *)0) == -1 && errno == EFAULT;
}
int32_t kernel_seccomp_action_available(uint32_t action) { return ANSWER((int32_t)syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)); }

static int64_t nanoseconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
int64_t kernel_monotonic_nanoseconds(void) { return nanoseconds(CLOCK_MONOTONIC); }
int64_t kernel_realtime_nanoseconds(void) { return nanoseconds(CLOCK_REALTIME); }
void kernel_sleep_nanoseconds(int64_t count) {
    struct timespec t = { count / 1000000000, count % 1000000000 };
    nanosleep(&t, NULL);
}

static int32_t bpf_call(int command, union bpf_attr *attributes) { return ANSWER((int32_t)syscall(SYS_bpf, command, attributes, sizeof *attributes)); }
int32_t kernel_bpf_load_device_program(const void *instructions, uint32_t count, char *log, uint32_t log_size) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    a.insns = (uint64_t)(uintptr_t)instructions;
    a.insn_cnt = count;
    a.license = (uint64_t)(uintptr_t)"Apache-2.0";
    a.log_buf = (uint64_t)(uintptr_t)log;
    a.log_size = log_size;
    a.log_level = log_size ? 1 : 0;
    return bpf_call(BPF_PROG_LOAD, &a);
}
int32_t kernel_bpf_attach(int32_t cgroup, int32_t program, uint32_t flags, int32_t replaced) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.target_fd = (uint32_t)cgroup;
    a.attach_bpf_fd = (uint32_t)program;
    a.attach_type = BPF_CGROUP_DEVICE;
    a.attach_flags = flags;
    if (replaced >= 0) a.replace_bpf_fd = (uint32_t)replaced;
    return bpf_call(BPF_PROG_ATTACH, &a);
}
int32_t kernel_bpf_detach(int32_t cgroup, int32_t program) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.target_fd = (uint32_t)cgroup;
    a.attach_bpf_fd = (uint32_t)program;
    a.attach_type = BPF_CGROUP_DEVICE;
    return bpf_call(BPF_PROG_DETACH, &a);
}
int32_t kernel_bpf_query(int32_t cgroup, uint32_t *ids, uint32_t capacity) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.query.target_fd = (uint32_t)cgroup;
    a.query.attach_type = BPF_CGROUP_DEVICE;
    a.query.prog_ids = (uint64_t)(uintptr_t)ids;
    a.query.prog_cnt = capacity;
    int32_t r = bpf_call(BPF_PROG_QUERY, &a);
    return r < 0 ? r : (int32_t)a.query.prog_cnt;
}
int32_t kernel_bpf_program_by_id(uint32_t id) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.prog_id = id;
    return bpf_call(BPF_PROG_GET_FD_BY_ID, &a);
}

int32_t kernel_signal_mask_all(void) {
    sigset_t set;
    sigfillset(&set);
    return ANSWER(sigprocmask(SIG_SETMASK, &set, NULL));
}
int32_t kernel_signal_mask_none(void) {
    sigset_t set;
    sigemptyset(&set);
    return ANSWER(sigprocmask(SIG_SETMASK, &set, NULL));
}
int32_t kernel_signals_to_default(void) {
    // Only ignored signals survive execve(2): a caller that ignores SIGPIPE must not make the container do so.
    for (int s = 1; s < NSIG; s++) {
        struct sigaction now;
        if (sigaction(s, NULL, &now) == 0 && now.sa_handler == SIG_IGN) signal(s, SIG_DFL);
    }
    return 0;
}
int32_t kernel_ignore_signal(int32_t s) { return signal(s, SIG_IGN) == SIG_ERR ? -errno : 0; }
int32_t kernel_is_ignored(int32_t s) {
    struct sigaction now;
    return sigaction(s, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}
int32_t kernel_signalfd(uint64_t signals) {
    sigset_t set;
    sigemptyset(&set);
    for (int s = 1; s < NSIG; s++)
        if (signals >> (s - 1) & 1) sigaddset(&set, s);
    return ANSWER(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}
int32_t kernel_next_signal(int32_t fd, int32_t *sender) {
    struct signalfd_siginfo info;
    ssize_t r = read(fd, &info, sizeof info);
    if (r < 0) return -errno;
    if (r != sizeof info) return -EIO;
    *sender = (int32_t)info.ssi_pid;
    return (int32_t)info.ssi_signo;
}
