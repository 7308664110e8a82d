// System calls and constants that Swift cannot see: one typed C function each, no policy.
//
// Every function answers a value >= 0, or the negated errno. `_GNU_SOURCE` is defined in the .c files only: a
// public header that defines it gives Glibc's types a second definition in the clang importer.
// Structures are our own and small, so that no feature macro of libc decides what Swift sees.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// ---- Program start and errno (start.c)
int32_t kernel_argument_count(void);
const char *kernel_argument(int32_t index);
/// The environment entry at `index`, or NULL past the last.
const char *kernel_environment(int32_t index);
/// The `AT_EXECFN` string: the path by which this program was executed.
const char *kernel_executed_path(void);
/// 1 when the program was executed with rights that its caller need not have: a set-user-ID or set-group-ID bit, or file capabilities. Else 0.
int32_t kernel_changed_user(void);
/// Overwrites the arguments and the environment, as /proc/PID/cmdline and /proc/PID/environ show them.
void kernel_blank_arguments(void);
/// 1 when the file that runs as this program can be written by nobody: it is seen through a read-only overlay, or a sealed file in memory.
/// 0 when somebody can; -ENODEV when /proc is not procfs, and nothing that it says is believed; the negative errno of statfs(2).
int32_t kernel_runs_sealed(void);
/// "EPERM" for 1; NULL for an unknown number.
const char *kernel_errno_name(int32_t code);
/// "Operation not permitted" for 1; NULL for an unknown number.
const char *kernel_errno_description(int32_t code);
/// Makes the first `limit` bytes of the heap present and writable in one call (Linux 5.14; nothing happens before).
void kernel_populate_heap(size_t limit);
_Noreturn void kernel_exit(int32_t status);

/// Whether `text` matches the POSIX extended regular expression `pattern`: 0 or 1, -EINVAL for a bad pattern (text.c).
int32_t kernel_matches(const char *text, const char *pattern);

// ---- Files (file.c)
struct kernel_stat {
    uint64_t device, inode, rdev;
    uint32_t mode, links, uid, gid;
    int64_t size, atime_seconds, mtime_seconds, ctime_seconds;
    uint32_t atime_nanoseconds, mtime_nanoseconds, ctime_nanoseconds;
    uint64_t blocks;
};
struct kernel_time { int64_t seconds; int64_t nanoseconds; };

int32_t kernel_openat(int32_t dir, const char *path, int32_t flags, uint32_t mode);
int32_t kernel_openat2(int32_t dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int32_t kernel_close(int32_t fd);
int32_t kernel_close_range(uint32_t first, uint32_t last, uint32_t flags);
int32_t kernel_dup3(int32_t fd, int32_t to, int32_t flags);
/// A close-on-exec duplicate with a number of at least `least`.
int32_t kernel_dup_above(int32_t fd, int32_t least);
int32_t kernel_set_close_on_exec(int32_t fd, int32_t on);
int32_t kernel_get_status_flags(int32_t fd);
int32_t kernel_set_status_flags(int32_t fd, int32_t flags);
int32_t kernel_get_seals(int32_t fd);
int32_t kernel_add_seals(int32_t fd, int32_t seals);
int64_t kernel_read(int32_t fd, void *to, size_t count);
int64_t kernel_pread(int32_t fd, void *to, size_t count, int64_t offset);
int64_t kernel_write(int32_t fd, const void *from, size_t count);
int64_t kernel_seek(int32_t fd, int64_t offset, int32_t whence);
int64_t kernel_sendfile(int32_t to, int32_t from, size_t count);
int32_t kernel_truncate(int32_t fd, int64_t size);
int32_t kernel_sync(int32_t fd);
int32_t kernel_start_writing(int32_t fd, int64_t offset, int64_t count);
int32_t kernel_sync_filesystem(int32_t fd);
int32_t kernel_fstat(int32_t fd, struct kernel_stat *out);
int32_t kernel_fstatat(int32_t dir, const char *path, int32_t flags, struct kernel_stat *out);
/// The file system's magic number.
int64_t kernel_filesystem_type(int32_t fd);
int64_t kernel_filesystem_flags(int32_t fd);
int64_t kernel_readlinkat(int32_t dir, const char *path, char *to, size_t count);
int32_t kernel_mkdirat(int32_t dir, const char *path, uint32_t mode);
int32_t kernel_mknodat(int32_t dir, const char *path, uint32_t mode, uint32_t major, uint32_t minor);
int32_t kernel_symlinkat(const char *target, int32_t dir, const char *path);
int32_t kernel_linkat(int32_t from_dir, const char *from, int32_t dir, const char *path, int32_t flags);
int32_t kernel_unlinkat(int32_t dir, const char *path, int32_t flags);
int32_t kernel_renameat2(int32_t from_dir, const char *from, int32_t dir, const char *to, uint32_t flags);
int32_t kernel_fchownat(int32_t dir, const char *path, uint32_t uid, uint32_t gid, int32_t flags);
int32_t kernel_fchmod(int32_t fd, uint32_t mode);
int32_t kernel_fchmodat(int32_t dir, const char *path, uint32_t mode);
int32_t kernel_faccessat(int32_t dir, const char *path, int32_t mode, int32_t flags);
int32_t kernel_utimensat(int32_t dir, const char *path, struct kernel_time access, struct kernel_time modification, int32_t flags);
/// Sets the times of an open file, without a path.
int32_t kernel_futimens(int32_t fd, struct kernel_time access, struct kernel_time modification);
int32_t kernel_flock(int32_t fd, int32_t operation);
int32_t kernel_memfd_create(const char *name, uint32_t flags);
/// A close-on-exec pipe; with `packets` each read gets what one write wrote, up to PIPE_BUF bytes (pipe(2), O_DIRECT).
int32_t kernel_pipe(int32_t *ends, int32_t packets);
uint32_t kernel_umask(uint32_t mask);
uint32_t kernel_major(uint64_t rdev);
uint32_t kernel_minor(uint64_t rdev);
/// Raw getdents64(2): bytes filled.
int64_t kernel_getdents(int32_t fd, void *to, size_t count);
int64_t kernel_fsetxattr(int32_t fd, const char *name, const void *value, size_t count);
int64_t kernel_lsetxattr(const char *path, const char *name, const void *value, size_t count);
int64_t kernel_fgetxattr(int32_t fd, const char *name, void *to, size_t count);
int64_t kernel_flistxattr(int32_t fd, char *to, size_t count);
int64_t kernel_lgetxattr(const char *path, const char *name, void *to, size_t count);
int64_t kernel_llistxattr(const char *path, char *to, size_t count);
int64_t kernel_listxattrat(int32_t fd, const char *name, char *to, size_t count);
int32_t kernel_fremovexattr(int32_t fd, const char *name);
int32_t kernel_lremovexattr(const char *path, const char *name);
/// FICLONE: shares all blocks of `from` with `to`.
int32_t kernel_clone_file(int32_t to, int32_t from);
int64_t kernel_copy_file_range(int32_t from, int32_t to, size_t count);
/// FS_IOC_ENABLE_VERITY with SHA-256 and blocks of 4 KiB.
int32_t kernel_enable_verity(int32_t fd);
/// FS_IOC_MEASURE_VERITY: 32 bytes to `digest`; -EOVERFLOW when the digest is none of SHA-256.
int32_t kernel_measure_verity(int32_t fd, uint8_t *digest);

// ---- Mounts (mount.c)
int32_t kernel_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data);
int32_t kernel_umount(const char *target, int32_t flags);
int32_t kernel_pivot_root(const char *new_root, const char *put_old);
int32_t kernel_chroot(const char *path);
int32_t kernel_fsopen(const char *type);
int32_t kernel_fsconfig_string(int32_t fs, const char *key, const char *value);
int32_t kernel_fsconfig_flag(int32_t fs, const char *key);
int32_t kernel_fsconfig_create(int32_t fs);
int32_t kernel_fsconfig_reconfigure(int32_t fs);
int32_t kernel_fspick(int32_t mount);
int32_t kernel_fsmount(int32_t fs, uint32_t attributes);
int32_t kernel_open_tree(int32_t dir, const char *path, uint32_t flags);
/// Moves the mount `from` onto the descriptor `to`, without any path.
int32_t kernel_move_mount(int32_t from, int32_t to, const char *name);
int32_t kernel_mount_setattr(int32_t fd, const char *path, uint32_t flags, uint64_t set, uint64_t clear, uint64_t propagation, int32_t userns);

// ---- Processes, namespaces, credentials (process.c)
/// clone3(2) without shared memory: 0 in the child, its pid in the parent. `cgroup` and `pidfd` may be -1 and NULL.
int64_t kernel_clone3(uint64_t flags, int32_t exit_signal, int32_t *pidfd, int32_t cgroup);
/// clone(2) in the same way; the lowest byte of `flags` is the exit signal.
int64_t kernel_clone(uint64_t flags);
/// 1 when `pid` is a child that was not waited for, else 0; it can still be waited for.
int32_t kernel_is_child(int32_t pid);
/// 1 when this process has a child, ended or not.
int32_t kernel_has_children(void);
int32_t kernel_execve(const char *path, const char *const *argv, const char *const *envp);
int32_t kernel_execveat(int32_t fd, const char *const *argv, const char *const *envp);
_Noreturn void kernel_exit_now(int32_t status);
int32_t kernel_getpid(void);
int32_t kernel_getppid(void);
uint32_t kernel_geteuid(void);
uint32_t kernel_getegid(void);
int32_t kernel_kill(int32_t pid, int32_t signal);
int32_t kernel_pidfd_open(int32_t pid);
int32_t kernel_pidfd_send_signal(int32_t pidfd, int32_t signal);
/// Waits for `pid` (-1: any child). Answers the pid, 0 with WNOHANG and nothing to report, or -errno; `status` is the raw wait status.
int32_t kernel_wait(int32_t pid, int32_t options, int32_t *status);
/// The exit status as a shell words it: 0…255, or 128 + signal.
int32_t kernel_exit_status(int32_t wait_status);
int32_t kernel_unshare(uint64_t flags);
int32_t kernel_setns(int32_t fd, int32_t type);
int32_t kernel_ns_type(int32_t fd);
int32_t kernel_setsid(void);
int32_t kernel_sethostname(const char *name, size_t count);
int32_t kernel_setdomainname(const char *name, size_t count);
int32_t kernel_chdir(const char *path);
int32_t kernel_fchdir(int32_t fd);
int32_t kernel_getcwd(char *to, size_t count);
/// Raw system calls: they change the calling thread only, which is the only one.
int32_t kernel_setresuid(uint32_t uid);
int32_t kernel_setresgid(uint32_t gid);
int32_t kernel_setgroups(const uint32_t *groups, size_t count);
int32_t kernel_getgroups(uint32_t *groups, size_t count);
int32_t kernel_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int32_t kernel_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);
int32_t kernel_prctl(int32_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
int32_t kernel_prlimit(int32_t pid, int32_t resource, const uint64_t *soft_and_hard, uint64_t *old_soft_and_hard);
int32_t kernel_personality(uint64_t persona);
int32_t kernel_ioprio_set(int32_t priority);
struct kernel_sched { uint32_t policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; };
int32_t kernel_sched_setattr(int32_t pid, const struct kernel_sched *attributes);
int32_t kernel_sched_setaffinity(int32_t pid, const void *mask, size_t bytes);
int32_t kernel_set_mempolicy(int32_t mode, const uint64_t *nodes, uint64_t bits);
int32_t kernel_join_session_keyring(const char *name);
int32_t kernel_describe_key(int32_t key, char *to, size_t count);
int32_t kernel_set_key_permissions(int32_t key, uint32_t permissions);
int32_t kernel_seccomp(const void *filter, size_t bytes, uint32_t flags);
int32_t kernel_seccomp_flags_known(uint32_t flags);
int32_t kernel_seccomp_action_available(uint32_t action);
int64_t kernel_monotonic_nanoseconds(void);
int64_t kernel_realtime_nanoseconds(void);
void kernel_sleep_nanoseconds(int64_t count);
/// bpf(2) with a zeroed attribute of full size: kernels 6.17 to 7.1 write past a shorter one.
int32_t kernel_bpf_load_device_program(const void *instructions, uint32_t count, char *log, uint32_t log_size);
int32_t kernel_bpf_attach(int32_t cgroup, int32_t program, uint32_t flags, int32_t replaced);
int32_t kernel_bpf_detach(int32_t cgroup, int32_t program);
int32_t kernel_bpf_query(int32_t cgroup, uint32_t *ids, uint32_t capacity);
int32_t kernel_bpf_program_by_id(uint32_t id);

// ---- Signals (process.c)
/// Blocks every signal (`block` 1) or the ones in `mask` only; answers 0.
int32_t kernel_signal_mask_all(void);
int32_t kernel_signal_mask_none(void);
/// Gives every signal its default action, as execve(2) would do for handled ones only.
int32_t kernel_signals_to_default(void);
int32_t kernel_ignore_signal(int32_t signal);
/// 1 when this process ignores the signal.
int32_t kernel_is_ignored(int32_t signal);
/// A close-on-exec, non-blocking signalfd(2) for the signals whose bits are set; bit 0 is signal 1.
int32_t kernel_signalfd(uint64_t signals);
/// The next signal's number from a signalfd and its sender's pid, or -errno.
int32_t kernel_next_signal(int32_t fd, int32_t *sender);

// ---- Sockets, poll (socket.c)
int32_t kernel_socketpair(int32_t type, int32_t *ends);
int32_t kernel_unix_socket(int32_t type);
int32_t kernel_unix_bind(int32_t fd, const char *path);
int32_t kernel_unix_connect(int32_t fd, const char *path);
/// To a socket of the abstract namespace; `name` is without the leading NUL.
int32_t kernel_unix_connect_abstract(int32_t fd, const char *name);
int32_t kernel_listen(int32_t fd, int32_t backlog);
int32_t kernel_accept(int32_t fd);
int32_t kernel_shutdown(int32_t fd, int32_t how);
int32_t kernel_set_timeouts(int32_t fd, int64_t milliseconds);
/// Sends `bytes` with `passed` as SCM_RIGHTS (none when -1).
int64_t kernel_send(int32_t fd, const void *bytes, size_t count, int32_t passed);
/// Sends `bytes` with several descriptors.
int64_t kernel_send_descriptors(int32_t fd, const void *bytes, size_t count, const int32_t *passed, size_t passed_count);
/// Receives bytes and at most one descriptor (-1 when there was none); the descriptor is close-on-exec.
int64_t kernel_receive(int32_t fd, void *to, size_t count, int32_t *passed);
struct kernel_poll { int32_t fd; int16_t events, revents; };
int32_t kernel_poll(struct kernel_poll *entries, size_t count, int32_t milliseconds);
/// A close-on-exec, non-blocking eventfd(2) at 0.
int32_t kernel_eventfd(void);
/// Sets IFF_UP on the loopback device of the current network namespace.
int32_t kernel_loopback_up(void);
/// A netlink socket for routing, of the current network namespace.
int32_t kernel_route_socket(void);
/// The next datagram that comes from the kernel itself; -EMSGSIZE when it does not fit.
int64_t kernel_receive_route(int32_t fd, void *to, size_t count);

// ---- Terminals (terminal.c)
struct kernel_window { uint16_t rows, columns; };
int32_t kernel_is_terminal(int32_t fd);
int32_t kernel_unlock_terminal(int32_t master);
/// The number of the terminal behind a master: N of /dev/pts/N.
int32_t kernel_terminal_number(int32_t master);
/// Opens the other end of `master` without any path (TIOCGPTPEER).
int32_t kernel_terminal_peer(int32_t master, int32_t flags);
int32_t kernel_set_controlling_terminal(int32_t fd);
int32_t kernel_get_window(int32_t fd, struct kernel_window *out);
int32_t kernel_set_window(int32_t fd, struct kernel_window window);
/// Clears ONLCR, so that lines end in "\n".
int32_t kernel_clear_newline_translation(int32_t fd);
#define KERNEL_TERMINAL_SETTINGS_SIZE 64
/// Saves the settings of a terminal into `saved` and makes it raw.
int32_t kernel_make_raw(int32_t fd, void *saved);
int32_t kernel_restore_terminal(int32_t fd, const void *saved);
