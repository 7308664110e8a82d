#define _GNU_SOURCE
#include "CKernel.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

// Embedded Swift has no `CommandLine`; glibc hands the program's arguments to constructors.
static int argument_count;
static char **arguments;

__attribute__((constructor)) static void remember_arguments(int argc, char **argv, char **envp) {
    (void)envp;
    argument_count = argc;
    arguments = argv;
}

// Ignored by the caller, as a shell's `trap "" CHLD` does, it would make the kernel reap our children, and nobody could wait for them.
__attribute__((constructor)) static void await_children(void) { signal(SIGCHLD, SIG_DFL); }

// A closed standard stream would become whatever is opened next, such as a directory of the host, which the container's program
// could reach as /proc/self/fd/0 (as in CVE-2024-21626). Opened the wrong way round, so that using it still is EBADF.
__attribute__((constructor)) static void open_standard_streams(void) {
    for (int stream = 0; stream <= 2; stream++)
        if (fcntl(stream, F_GETFD) < 0 && errno == EBADF && open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY) != stream) _exit(1);
}

// The heap begins in the page of the first block.
static char *heap_start;
__attribute__((constructor)) static void remember_heap(void) {
    void *block = malloc(1);
    heap_start = (char *)((uintptr_t)block & ~(uintptr_t)4095);
    free(block);
}

void kernel_populate_heap(size_t limit) {
    char *end = sbrk(0);
    if (end == (char *)-1 || end <= heap_start) return;
    size_t size = (size_t)(end - heap_start);
    madvise(heap_start, size < limit ? size : limit, 23);  // MADV_POPULATE_WRITE
}

int32_t kernel_argument_count(void) { return argument_count; }
const char *kernel_argument(int32_t index) { return index >= 0 && index < argument_count ? arguments[index] : NULL; }
const char *kernel_environment(int32_t index) { return environ ? environ[index] : NULL; }
const char *kernel_executed_path(void) { return (const char *)getauxval(AT_EXECFN); }
int32_t kernel_changed_user(void) {
    if (getauxval(AT_UID) != getauxval(AT_EUID) || getauxval(AT_GID) != getauxval(AT_EGID)) return 1;
    // security modules say "secure" as well when an execution changes the domain, which gives nobody a right
    return getauxval(AT_SECURE) && getxattr("/proc/self/exe", "security.capability", NULL, 0) > 0;
}

static void blank(char *text) { memset(text, 0, strlen(text)); }
void kernel_blank_arguments(void) {
    for (int index = 0; index < argument_count; index++) blank(arguments[index]);
    for (char **entry = environ; entry && *entry; entry++) blank(*entry);
}
const char *kernel_errno_name(int32_t code) { return strerrorname_np(code); }
const char *kernel_errno_description(int32_t code) { return strerrordesc_np(code); }
void kernel_exit(int32_t status) { exit(status); }
