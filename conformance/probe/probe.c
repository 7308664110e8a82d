// Runs inside a container and says in one JSON object what it sees of itself. Static, without a shell or /proc where the kernel
// has a call for it, so that what it says does not depend on the mounts of the container. What is right is judged outside.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static const char *separator = "";

static void quote(const char *text, size_t length)
{
    putchar('"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = text[i];
        if (c == '"' || c == '\\') printf("\\%c", c);
        else if (c < 0x20 || c > 0x7e) printf("\\u%04x", c);
        else putchar(c);
    }
    putchar('"');
}

static void key(const char *name) { printf("%s\n\"%s\": ", separator, name); separator = ","; }
static void number(const char *name, long long value) { key(name); printf("%lld", value); }
static void string(const char *name, const char *value) { key(name); quote(value, strlen(value)); }

static void strings(const char *name, char **list)
{
    key(name);
    putchar('[');
    for (int i = 0; list[i]; i++) { if (i) putchar(','); quote(list[i], strlen(list[i])); }
    putchar(']');
}

// The text of a file, or null.
static void file(const char *name, const char *path)
{
    key(name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) { printf("null"); return; }
    static char text[1 << 20];
    size_t length = 0;
    ssize_t count;
    while (length < sizeof text && (count = read(fd, text + length, sizeof text - length)) > 0) length += count;
    close(fd);
    quote(text, length);
}

static void identity(void)
{
    uid_t ids[3];
    gid_t groups[3], list[256];
    getresuid(&ids[0], &ids[1], &ids[2]);
    getresgid(&groups[0], &groups[1], &groups[2]);
    key("uids"); printf("[%u, %u, %u]", ids[0], ids[1], ids[2]);
    key("gids"); printf("[%u, %u, %u]", groups[0], groups[1], groups[2]);
    int count = getgroups(256, list);
    key("groups");
    putchar('[');
    for (int i = 0; i < count; i++) printf(i ? ", %u" : "%u", list[i]);
    putchar(']');
    mode_t mask = umask(0);
    umask(mask);
    number("umask", mask);
    number("pid", getpid());
    number("pgid", getpgid(0));
    number("sid", getsid(0));
}

static void capabilities(void)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { 0 };
    syscall(SYS_capget, &header, data);
    uint64_t bounding = 0, ambient = 0;
    for (int i = 0; i < 64; i++) {
        if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) bounding |= 1ULL << i;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1) ambient |= 1ULL << i;
    }
    key("capabilities");
    printf("{\"effective\": %llu, \"permitted\": %llu, \"inheritable\": %llu, \"bounding\": %llu, \"ambient\": %llu}",
           data[0].effective | (unsigned long long)data[1].effective << 32, data[0].permitted | (unsigned long long)data[1].permitted << 32,
           data[0].inheritable | (unsigned long long)data[1].inheritable << 32, (unsigned long long)bounding, (unsigned long long)ambient);
    number("noNewPrivileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    number("seccomp", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
    number("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    number("securebits", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
    number("personality", personality(0xffffffff));
}

static void scheduling(void)
{
    struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; uint32_t min, max; } s = { 0 };
    syscall(SYS_sched_getattr, 0, &s, sizeof s, 0);
    key("scheduler");
    printf("{\"policy\": %u, \"flags\": %llu, \"nice\": %d, \"priority\": %u, \"runtime\": %llu, \"deadline\": %llu, \"period\": %llu}", s.policy,
           (unsigned long long)s.flags, s.nice, s.priority, (unsigned long long)s.runtime, (unsigned long long)s.deadline, (unsigned long long)s.period);
    number("ioprio", syscall(SYS_ioprio_get, 1, 0));
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    key("cpus");
    putchar('[');
    for (int i = 0, first = 1; i < CPU_SETSIZE; i++) if (CPU_ISSET(i, &set)) { printf(first ? "%d" : ", %d", i); first = 0; }
    putchar(']');
    int mode = 0;
    unsigned long nodes[16] = { 0 };
    long result = syscall(SYS_get_mempolicy, &mode, nodes, sizeof nodes * 8, 0, 0);
    key("memoryPolicy");
    if (result < 0) printf("null"); else printf("{\"mode\": %d, \"nodes\": %lu}", mode, nodes[0]);
}

static void limits(void)
{
    static const char *names[] = { "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING",
                                   "MSGQUEUE", "NICE", "RTPRIO", "RTTIME" };
    key("rlimits");
    putchar('{');
    for (int i = 0; i < 16; i++) {
        struct rlimit limit;
        getrlimit(i, &limit);
        printf("%s\"RLIMIT_%s\": [%llu, %llu]", i ? ", " : "", names[i], (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
    }
    putchar('}');
}

static void descriptors(void)
{
    key("descriptors");
    putchar('{');
    for (int fd = 0, first = 1; fd < 1024; fd++) {
        struct stat status;
        if (fstat(fd, &status)) continue;
        printf("%s\"%d\": {\"mode\": %u, \"rdev\": %llu, \"uid\": %u}", first ? "" : ", ", fd, status.st_mode, (unsigned long long)status.st_rdev, status.st_uid);
        first = 0;
    }
    putchar('}');
    struct winsize size;
    key("terminal");
    if (ioctl(0, TIOCGWINSZ, &size)) printf("null"); else printf("[%u, %u]", size.ws_row, size.ws_col);
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, 0, &blocked);
    key("blockedSignals");
    putchar('[');
    for (int i = 1, first = 1; i < 65; i++) if (sigismember(&blocked, i) == 1) { printf(first ? "%d" : ", %d", i); first = 0; }
    putchar(']');
    key("ignoredSignals");
    putchar('[');
    for (int i = 1, first = 1; i < 65; i++) {
        struct sigaction action;
        if (sigaction(i, 0, &action) == 0 && action.sa_handler == SIG_IGN) { printf(first ? "%d" : ", %d", i); first = 0; }
    }
    putchar(']');
}

static void clocks(void)
{
    struct timespec monotonic, boottime;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_BOOTTIME, &boottime);
    key("monotonic"); printf("%lld.%09ld", (long long)monotonic.tv_sec, monotonic.tv_nsec);
    key("boottime"); printf("%lld.%09ld", (long long)boottime.tv_sec, boottime.tv_nsec);
}

int main(int argc, char **argv)
{
    (void)argc;
    putchar('{');
    // first, before this program opens anything
    descriptors();
    strings("args", argv);
    strings("env", environ);
    char directory[4096] = "";
    if (!getcwd(directory, sizeof directory)) directory[0] = 0;
    string("cwd", directory);
    identity();
    capabilities();
    scheduling();
    limits();
    clocks();
    struct utsname name;
    uname(&name);
    string("hostname", name.nodename);
    string("domainname", name.domainname);
    string("machine", name.machine);
    key("namespaces");
    static const char *kinds[] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" };
    putchar('{');
    for (int i = 0; i < 8; i++) {
        char path[64], link[64];
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
        ssize_t length = readlink(path, link, sizeof link);
        printf("%s\"%s\": ", i ? ", " : "", kinds[i]);
        if (length < 0) printf("null"); else quote(link, length);
    }
    putchar('}');
    file("mountinfo", "/proc/self/mountinfo");
    file("cgroup", "/proc/self/cgroup");
    file("oomScoreAdj", "/proc/self/oom_score_adj");
    file("uidMap", "/proc/self/uid_map");
    file("gidMap", "/proc/self/gid_map");
    printf("\n}\n");
    return 0;
}
