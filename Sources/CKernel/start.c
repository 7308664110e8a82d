#define _GNU_SOURCE
#include "CKernel.h"
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

// Embedded Swift has no `CommandLine`; glibc hands the program's arguments to constructors.
static int argument_count;
static char **arguments;

__attribute__((constructor)) static void remember_arguments(int argc, char **argv, char **envp) {
    (void)envp;
    argument_count = argc;
    arguments = argv;
}

int32_t kernel_argument_count(void) { return argument_count; }
const char *kernel_argument(int32_t index) { return index >= 0 && index < argument_count ? arguments[index] : NULL; }
const char *kernel_environment(int32_t index) { return environ ? environ[index] : NULL; }
const char *kernel_executed_path(void) { return (const char *)getauxval(AT_EXECFN); }
const char *kernel_errno_name(int32_t code) { return strerrorname_np(code); }
const char *kernel_errno_description(int32_t code) { return strerrordesc_np(code); }
void kernel_exit(int32_t status) { exit(status); }
