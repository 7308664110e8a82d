// Runs commands, separated by "," arguments, one after the other, and says what they cost together with everything that
// they left behind: "wall-microseconds cpu-microseconds max-rss-KiB".
//
// Small and static on purpose: a child's max-rss counts what its parent had at the time of the fork. It is a subreaper, so
// that a container's init, which outlives `create`, is counted; before the last command it waits until nothing else runs.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void run(char **command) {
    pid_t pid = vfork();
    if (pid == 0) {
        execv(command[0], command);
        _exit(127);
    }
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "measure: %s %s: status %d\n", command[0], command[1] ? command[1] : "", status);
        exit(1);
    }
}

int main(int argc, char **argv) {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    long long start = now();
    for (int i = 1; i < argc;) {
        int end = i;
        while (end < argc && strcmp(argv[end], ",") != 0) end++;
        int last = end >= argc;
        argv[end] = NULL;
        if (last && i > 1) while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {}
        run(argv + i);
        i = end + 1;
    }
    long long wall = now() - start;
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {}
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    long long cpu = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
    printf("%lld %lld %ld\n", wall, cpu, u.ru_maxrss);
    return 0;
}
