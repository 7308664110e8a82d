// The first instructions of `cale`, before the C library starts: a command that makes a process inside a container is
// executed once more through a read-only view of this binary, so that no container can write the host's file through
// /proc/PID/exe (CVE-2019-5736). Done here, since the C library's start costs as much as the rest of it (its look at the
// processor's caches traps in a virtual machine), and would be paid twice.
//
// Nothing here may need the C library, thread-local storage or relocations: system calls, the initial stack and constant
// strings only. Whatever goes wrong, the program starts as usual, and `SealedExecutable` seals it in another way.
//
// Linked as the entry point of the release forms (Package.swift); elsewhere it is never called.
#define _GNU_SOURCE
#include "CKernel.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PROC_MAGIC 0x9fa0
#define OVERLAY_MAGIC 0x794c7630
#define TMPFS_MAGIC 0x01021994
// Our view has one attribute more than a mount that only happens to be read-only, whose upper layer somebody may write.
#define MARKED_ATTRIBUTES (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NODIRATIME)
// The compiler must not put calls of the C library in place of loops.
#define BARE __attribute__((no_builtin, no_stack_protector))

#if defined(__x86_64__)
// The stack pointer leads to argc, argv, envp and the auxiliary vector; rdx is for the C library.
__asm__(".pushsection .text.cale_entry,\"ax\",@progbits\n"
        ".globl cale_entry\n.hidden cale_entry\n.type cale_entry,@function\n"
        "cale_entry:\n"
        "  xor %ebp, %ebp\n  mov %rsp, %rbx\n  mov %rdx, %r12\n  mov %rsp, %rdi\n  and $-16, %rsp\n"
        "  call cale_seal\n"
        "  mov %rbx, %rsp\n  mov %r12, %rdx\n  jmp _start\n"
        ".size cale_entry, .-cale_entry\n.popsection\n");
static inline long call5(long number, long a, long b, long c, long d, long e) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long answer;
    __asm__ volatile("syscall" : "=a"(answer) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return answer;
}
#elif defined(__aarch64__)
__asm__(".pushsection .text.cale_entry,\"ax\",@progbits\n"
        ".globl cale_entry\n.hidden cale_entry\n.type cale_entry,@function\n"
        "cale_entry:\n"
        "  mov x29, #0\n  mov x30, #0\n  mov x19, sp\n  mov x20, x0\n  mov x0, sp\n"
        "  bl cale_seal\n"
        "  mov sp, x19\n  mov x0, x20\n  b _start\n"
        ".size cale_entry, .-cale_entry\n.popsection\n");
static inline long call5(long number, long a, long b, long c, long d, long e) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
#else
static inline long call5(long number, long a, long b, long c, long d, long e) {
    long answer = syscall(number, a, b, c, d, e);
    return answer < 0 ? -errno : answer;
}
#endif

// The proof is the file that runs, not how it was executed: callers execute by descriptor as well (fexecve(3), sudo with a digest).
BARE int32_t kernel_runs_sealed(void) {
    struct statfs filesystem;
    long answer = call5(SYS_statfs, (long)"/proc", (long)&filesystem, 0, 0, 0);
    if (answer != 0) return (int32_t)answer;
    if (filesystem.f_type != PROC_MAGIC) return -ENODEV;
    if (call5(SYS_statfs, (long)"/proc/self/exe", (long)&filesystem, 0, 0, 0) != 0) return 0;
    if (filesystem.f_type == OVERLAY_MAGIC) {
        const long wanted = ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NODIRATIME;
        return (filesystem.f_flags & wanted) == wanted;
    }
    if (filesystem.f_type != TMPFS_MAGIC) return 0;
    long file = call5(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY | O_CLOEXEC, 0, 0);
    if (file < 0) return 0;
    long seals = call5(SYS_fcntl, file, F_GET_SEALS, 0, 0, 0);
    call5(SYS_close, file, 0, 0, 0, 0);
    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

#if defined(__x86_64__) || defined(__aarch64__)
BARE static int is(const char *text, const char *word) {
    while (*word && *text == *word) text++, word++;
    return *text == *word;
}

/// Whether the command puts a process of this program into a container. A word that is an option's value or an id is taken
/// for a command as well: that costs an execution and harms nothing.
BARE static int enters_container(char **arguments) {
    for (char **argument = arguments + 1; argument[-1] && *argument; argument++)
        if (is(*argument, "run") || is(*argument, "create") || is(*argument, "exec") || is(*argument, "restore")) return 1;
    return 0;
}

/// A detached overlay of `directory` and another one, without an upper layer: no remount makes it writable. -errno.
BARE static long lower_only_overlay(const char *layers) {
    long context = call5(SYS_fsopen, (long)"overlay", FSOPEN_CLOEXEC, 0, 0, 0);
    if (context < 0) return context;
    long mount = call5(SYS_fsconfig, context, FSCONFIG_SET_STRING, (long)"lowerdir", (long)layers, 0);
    if (mount == 0) mount = call5(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
    if (mount == 0) {
        mount = call5(SYS_fsmount, context, FSMOUNT_CLOEXEC, MARKED_ATTRIBUTES, 0, 0);
    }
    call5(SYS_close, context, 0, 0, 0, 0);
    return mount;
}

// The name may lead to another file by now: one that was installed in between has another number or, where that was given again, other times.
BARE static int is_same(const struct stat *one, const struct stat *other) {
    return one->st_ino == other->st_ino && one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec
        && one->st_mtim.tv_nsec == other->st_mtim.tv_nsec && one->st_ctim.tv_sec == other->st_ctim.tv_sec
        && one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

BARE __attribute__((used, visibility("hidden"))) void cale_seal(uintptr_t *stack) {
    long count = (long)stack[0];
    char **arguments = (char **)(stack + 1), **environment = arguments + count + 1;
    char **end = environment;
    while (*end) end++;
    uintptr_t user = 1, real_user = 1;
    for (uintptr_t *entry = (uintptr_t *)(end + 1); entry[0] != AT_NULL; entry += 2) {
        if (entry[0] == AT_EUID) user = entry[1];
        if (entry[0] == AT_UID) real_user = entry[1];
    }
    if (user != 0 || real_user != 0 || count < 2 || !enters_container(arguments) || kernel_runs_sealed() != 0) return;
    char path[4096 + 8];
    long length = call5(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)path, 4096, 0);
    if (length < 2 || length >= 4096 || path[0] != '/') return;
    path[length] = 0;
    char name[256];
    long slash = length - 1;
    while (path[slash] != '/') slash--;
    if (slash == 0 || length - slash > 255) return;
    for (long index = 0; index <= length - slash - 1; index++) name[index] = path[slash + 1 + index];
    // these separate and escape layers
    for (long index = 0; index < slash; index++)
        if (path[index] == ':' || path[index] == '\\' || path[index] == ',') return;
    const char *second = ":/dev";  // an overlay without an upper layer needs two lower ones
    for (long index = 0; index < 6; index++) path[slash + index] = second[index];
    long mount = lower_only_overlay(path);
    if (mount < 0) return;
    long view = call5(SYS_openat, mount, (long)name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, 0);
    call5(SYS_close, mount, 0, 0, 0, 0);
    if (view < 0) return;
    struct stat ours, theirs;
    if (call5(SYS_newfstatat, view, (long)"", (long)&ours, AT_EMPTY_PATH, 0) == 0
        && call5(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/exe", (long)&theirs, 0, 0) == 0 && is_same(&ours, &theirs)) {
        call5(SYS_execveat, view, (long)"", (long)arguments, (long)environment, AT_EMPTY_PATH);
    }
    call5(SYS_close, view, 0, 0, 0, 0);
}
#endif
