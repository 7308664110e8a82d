// deny NAME=ERRNO... -- PROGRAM ARGUMENT...
// Runs a program for which some system calls fail with an errno, as on a kernel that is older or behind a stricter filter.
// The filter is inherited by everything that the program starts.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct { const char *name; int number; } calls[] = {
    { "openat2", SYS_openat2 }, { "clone3", SYS_clone3 }, { "close_range", SYS_close_range }, { "open_tree", SYS_open_tree },
    { "move_mount", SYS_move_mount }, { "fsopen", SYS_fsopen }, { "fsconfig", SYS_fsconfig }, { "fsmount", SYS_fsmount },
    { "mount_setattr", SYS_mount_setattr }, { "pidfd_open", SYS_pidfd_open }, { "pidfd_send_signal", SYS_pidfd_send_signal },
    { "memfd_create", SYS_memfd_create }, { "execveat", SYS_execveat }, { "add_key", SYS_add_key }, { "keyctl", SYS_keyctl },
    { "seccomp", SYS_seccomp }, { "bpf", SYS_bpf }, { "statx", SYS_statx }, { "setgroups", SYS_setgroups }, { "mknodat", SYS_mknodat },
    { "sched_setattr", SYS_sched_setattr }, { "ioprio_set", SYS_ioprio_set }, { "pivot_root", SYS_pivot_root }, { "madvise", SYS_madvise },
};
static const struct { const char *name; int number; } errors[] = { { "ENOSYS", ENOSYS }, { "EPERM", EPERM }, { "EINVAL", EINVAL } };

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the architecture's AUDIT_ARCH is not known here"
#endif

int main(int argc, char **argv)
{
    struct sock_filter filter[128] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    unsigned short count = 4;
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--"); i++) {
        char *equals = strchr(argv[i], '=');
        int number = -1, error = -1;
        if (equals) {
            for (size_t k = 0; k < sizeof calls / sizeof *calls; k++)
                if (strlen(calls[k].name) == (size_t)(equals - argv[i]) && !strncmp(calls[k].name, argv[i], equals - argv[i])) number = calls[k].number;
            for (size_t k = 0; k < sizeof errors / sizeof *errors; k++) if (!strcmp(errors[k].name, equals + 1)) error = errors[k].number;
        }
        if (number < 0 || error < 0 || count > 120) { fprintf(stderr, "deny: %s: not CALL=ERRNO, or not known here\n", argv[i]); return 125; }
        filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
        filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
    }
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    if (i + 1 >= argc) { fprintf(stderr, "deny: no program\n"); return 125; }
    struct sock_fprog program = { count, filter };
    if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) { perror("deny: no_new_privs"); return 125; }
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) { perror("deny: seccomp"); return 125; }
    execv(argv[i + 1], argv + i + 1);
    perror("deny: exec");
    return 125;
}
