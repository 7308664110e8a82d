// trace FILE COMMAND…: runs a command by single steps, with all its children, and writes to FILE the address of every
// instruction that begins where no traced process has been before, in the order of its first execution: in hexadecimal,
// relative to where the program is loaded. A process that executes another program is let go. For conformance/bench/order.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char seen[64 << 20];
static unsigned long base, end;

// The program's first mapping to its last; the same for all children, which are copies.
static int find_program(pid_t pid, const char *name) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "r");
    int found = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char *file = strchr(line, '/');
        if (!file || sscanf(line, "%lx-%lx", &from, &to) != 2) continue;
        file[strcspn(file, "\n")] = 0;
        char *last = strrchr(file, '/') + 1;
        if (strcmp(last, name) != 0) continue;
        if (!found) base = from;
        end = to;
        found = 1;
    }
    if (maps) fclose(maps);
    return found;
}

int main(int argc, char **argv) {
    FILE *out = argc < 3 ? NULL : fopen(argv[1], "w");
    if (!out) return 2;
    argv++;
    const char *name = strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1];
    pid_t first = fork();
    if (first == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        fclose(out);
        raise(SIGSTOP);
        execv(argv[1], argv + 1);
        _exit(127);
    }
    int status, answer = 0;
    waitpid(first, &status, 0);
    ptrace(PTRACE_SETOPTIONS, first, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
    ptrace(PTRACE_CONT, first, 0, 0);
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid != first) continue;
            // a container's init may live on: at our end it is let go
            answer = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
            break;
        }
        int deliver = 0, signal = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_EXEC && !find_program(pid, name)) {
            ptrace(PTRACE_DETACH, pid, 0, 0);
            continue;
        }
        struct user_regs_struct registers;
        if (signal == SIGTRAP && ptrace(PTRACE_GETREGS, pid, 0, &registers) == 0) {
            unsigned long offset = registers.rip - base;
            if (registers.rip >= base && registers.rip < end && offset < sizeof seen && !seen[offset]) {
                seen[offset] = 1;
                fprintf(out, "%lx\n", offset);
            }
        } else if (signal != SIGTRAP && signal != SIGSTOP) {
            deliver = signal;
        }
        ptrace(PTRACE_SINGLESTEP, pid, 0, deliver);
    }
    return fclose(out) == 0 ? answer : 1;
}
