// fault [-o LOG] [-j PID] [-k ROLE:NUMBER:COUNT | -f ROLE:NUMBER:COUNT:ERRNO] -- PROGRAM ARGUMENT…
//
// Runs a program with all its children and looks at each of their system calls. Without -k and -f it writes them to LOG:
// "ROLE NUMBER COUNT ANSWER TEXT" a line, where ROLE is "0" for the program, "0.1" for the first process or thread that it makes,
// "0.1.2" for the second of that one, and "j" for the process PID of -j, which waits in a system call already; COUNT tells the calls of
// one number in one role apart, and TEXT is the path that the call names, or "-".
//   -k  kills ROLE as it enters its COUNTth call with NUMBER (from 1 on): the call is not made.
//   -f  lets that call fail with ERRNO without making it; close is made all the same, since Linux closes whatever it answers.
// The last line of LOG is "hit" or "missed", when there was something to do. The exit status is the program's.
//
// Only what descends from the program, and PID, is traced. A process that executes another program is let go, and so is everybody when
// the program has ended; when the tracer itself is killed, all traced processes end.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 512, NUMBERS = 512 };

struct process {
    pid_t pid;
    char role[64];           // empty until its parent's event tells who it is
    int children, held, counts[NUMBERS];
    long number;             // of the call that it is in
    int failing;             // the errno with which that call ends
    char text[256];
};

static struct process processes[PROCESSES];
static FILE *out;
static struct { int kind; char role[64]; int number, count, error, done; } goal;

static struct process *find(pid_t pid)
{
    for (int i = 0; i < PROCESSES; i++) if (processes[i].pid == pid) return &processes[i];
    for (int i = 0; i < PROCESSES; i++) if (processes[i].pid == 0) {
        memset(&processes[i], 0, sizeof processes[i]);
        processes[i].pid = pid;
        processes[i].number = -1;
        return &processes[i];
    }
    fprintf(stderr, "fault: too many processes\n");
    exit(125);
}

// The argument that is a path, or -1.
static int path_argument(long number)
{
    switch (number) {
#ifdef SYS_open
    case SYS_open: case SYS_mkdir: case SYS_unlink: case SYS_rmdir: case SYS_chmod: case SYS_chown: case SYS_readlink: case SYS_access: case SYS_stat:
    case SYS_lstat:
#endif
    case SYS_execve: case SYS_chdir: case SYS_chroot: case SYS_umount2: case SYS_statfs: case SYS_fsopen: return 0;
    case SYS_mount: case SYS_openat: case SYS_openat2: case SYS_mkdirat: case SYS_mknodat: case SYS_unlinkat: case SYS_renameat: case SYS_renameat2:
    case SYS_fchmodat: case SYS_fchownat: case SYS_readlinkat: case SYS_faccessat: case SYS_faccessat2: case SYS_newfstatat: case SYS_statx:
    case SYS_open_tree: case SYS_mount_setattr: case SYS_execveat: case SYS_symlinkat: case SYS_linkat: return 1;
    default: return -1;
    }
}

static void read_text(struct process *p, unsigned long address)
{
    struct iovec mine = { p->text, sizeof p->text - 1 }, theirs = { (void *)address, sizeof p->text - 1 };
    ssize_t count = process_vm_readv(p->pid, &mine, 1, &theirs, 1, 0);
    if (count <= 0) {  // the text may end at the end of a page
        theirs.iov_len = mine.iov_len = 4096 - (address & 4095) < sizeof p->text ? 4096 - (address & 4095) : sizeof p->text - 1;
        count = process_vm_readv(p->pid, &mine, 1, &theirs, 1, 0);
    }
    p->text[count > 0 ? count : 0] = 0;
    for (char *c = p->text; *c; c++) if (*c <= ' ') *c = '?';
}

static void skip_call(pid_t pid)
{
#if defined(__x86_64__)
    ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1L);
#elif defined(__aarch64__)
    int none = -1;
    struct iovec io = { &none, sizeof none };
    ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &io);
#else
#error "how a system call is skipped is not known for this architecture"
#endif
}

static void set_answer(pid_t pid, long answer)
{
#if defined(__x86_64__)
    ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), answer);
#else
    struct user_regs_struct registers;
    struct iovec io = { &registers, sizeof registers };
    ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io);
    registers.regs[0] = answer;
    ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io);
#endif
}

static void enter(struct process *p, long number, const uint64_t *arguments)
{
    p->number = number;
    p->failing = 0;
    strcpy(p->text, "-");
    int argument = path_argument(number);
    if (out && argument >= 0 && arguments[argument]) read_text(p, arguments[argument]);
    if (!p->text[0]) strcpy(p->text, "-");
    if (number < 0 || number >= NUMBERS) return;
    int count = ++p->counts[number];
    if (goal.done || !goal.kind || number != goal.number || count != goal.count || strcmp(p->role, goal.role)) return;
    goal.done = 1;
    if (goal.kind == 'k') {
        skip_call(p->pid);
        kill(p->pid, SIGKILL);
    } else {
        p->failing = goal.error;
        if (number != SYS_close) skip_call(p->pid);
    }
}

static void leave(struct process *p, long answer)
{
    if (p->failing) set_answer(p->pid, answer = -p->failing);
    if (out && p->number >= 0 && p->number < NUMBERS)
        fprintf(out, "%s %ld %d %ld %s\n", p->role, p->number, p->counts[p->number], answer, p->text);
    p->number = -1;
    p->failing = 0;
}

static void go_on(struct process *p, int signal) { ptrace(PTRACE_SYSCALL, p->pid, 0, signal); }

static void adopt(struct process *parent, pid_t pid)
{
    struct process *child = find(pid);
    snprintf(child->role, sizeof child->role, "%.48s.%d", parent->role, ++parent->children);
    if (child->held) go_on(child, 0);
    child->held = 0;
}

// When the program has ended, everybody else lives on without us. Those that end instead are waited for, in whatever order: the first process of a
// pid namespace does not end before its others are.
static void let_go(void)
{
    int status, left = 0;
    for (int i = 0; i < PROCESSES; i++) {
        struct process *p = &processes[i];
        if (!p->pid) continue;
        if (p->held) { ptrace(PTRACE_DETACH, p->pid, 0, 0); p->pid = 0; continue; }
        ptrace(PTRACE_INTERRUPT, p->pid, 0, 0);
        left++;
    }
    for (pid_t pid; left && (pid = waitpid(-1, &status, __WALL)) > 0;) {
        struct process *p = find(pid);
        int known = p->role[0] != 0;  // a child of theirs is attached as it is made
        if (WIFSTOPPED(status)) {
            int signal = WSTOPSIG(status);
            ptrace(PTRACE_DETACH, pid, 0, status >> 16 || signal == SIGTRAP || signal == (SIGTRAP | 0x80) ? 0 : signal);
        }
        p->pid = 0;
        left -= known;
    }
}

static void stopped(struct process *p, int status, pid_t first)
{
    int signal = WSTOPSIG(status), event = status >> 16;
    unsigned long message = 0;
    switch (event) {
    case PTRACE_EVENT_FORK: case PTRACE_EVENT_VFORK: case PTRACE_EVENT_CLONE:
        ptrace(PTRACE_GETEVENTMSG, p->pid, 0, &message);
        adopt(p, message);
        break;
    case PTRACE_EVENT_EXEC:
        // the program may execute itself again; everybody else becomes a program that is no business of ours
        if (p->pid != first) {
            ptrace(PTRACE_DETACH, p->pid, 0, 0);
            p->pid = 0;
            return;
        }
        break;
    case PTRACE_EVENT_STOP:
        if (!p->role[0]) { p->held = 1; return; }
        if (signal != SIGTRAP) { ptrace(PTRACE_LISTEN, p->pid, 0, 0); return; }
        break;
    case 0:
        if (signal == (SIGTRAP | 0x80)) {
            struct __ptrace_syscall_info info;
            if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof info, &info) > 0) {
                if (info.op == PTRACE_SYSCALL_INFO_ENTRY) enter(p, info.entry.nr, info.entry.args);
                else if (info.op == PTRACE_SYSCALL_INFO_EXIT) leave(p, info.exit.rval);
            }
        } else {
            // the kernel spares the first process of a pid namespace that is traced, and it would fault again and again
            if (signal == SIGSEGV || signal == SIGILL || signal == SIGBUS || signal == SIGFPE) kill(p->pid, SIGKILL);
            go_on(p, signal);
            return;
        }
    }
    go_on(p, 0);
}

static int parse(int kind, const char *text)
{
    goal.kind = kind;
    return kind == 'k' ? sscanf(text, "%63[^:]:%d:%d", goal.role, &goal.number, &goal.count) != 3
                       : sscanf(text, "%63[^:]:%d:%d:%d", goal.role, &goal.number, &goal.count, &goal.error) != 4;
}

int main(int argc, char **argv)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    const char *log = NULL;
    pid_t joined = 0;
    for (int option; (option = getopt(argc, argv, "+o:j:k:f:")) != -1;)
        if (option == 'o') log = optarg;
        else if (option == 'j') joined = atoi(optarg);
        else if (option == '?' || parse(option, optarg)) return 125;
    int ready[2];
    if (optind >= argc || pipe2(ready, O_CLOEXEC)) return 125;
    pid_t first = fork();
    if (first == 0) {
        char byte;
        if (read(ready[0], &byte, 1) != 1) _exit(125);
        execv(argv[optind], argv + optind);
        perror("fault: exec");
        _exit(127);
    }
    // the program must not inherit the log
    if (log && !(out = fopen(log, "we"))) return 125;
    if (ptrace(PTRACE_SEIZE, first, 0, options)) { perror("fault: ptrace"); return 125; }
    strcpy(find(first)->role, "0");
    if (joined) {
        int status;
        if (ptrace(PTRACE_SEIZE, joined, 0, options)) { perror("fault: ptrace"); return 125; }
        ptrace(PTRACE_INTERRUPT, joined, 0, 0);
        waitpid(joined, &status, __WALL);
        strcpy(find(joined)->role, "j");
        go_on(find(joined), 0);
    }
    if (write(ready[1], "x", 1) != 1) return 125;
    int status, answer = 125, started = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
        struct process *p = find(pid);
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            p->pid = 0;
            if (pid != first) continue;
            answer = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            break;
        }
        // until it is executed, the first process is a copy of this program
        if (!started && pid == first) {
            started = status >> 16 == PTRACE_EVENT_EXEC;
            ptrace(started ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, 0);
            continue;
        }
        stopped(p, status, first);
    }
    let_go();
    if (out && goal.kind) fprintf(out, goal.done ? "hit\n" : "missed\n");
    if (out && fclose(out)) return 125;
    return answer;
}
