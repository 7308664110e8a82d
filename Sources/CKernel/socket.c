#define _GNU_SOURCE
#include "internal.h"
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST_DESCRIPTORS 16

int32_t kernel_socketpair(int32_t type, int32_t *ends) { return ANSWER(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends)); }
int32_t kernel_unix_socket(int32_t type) { return ANSWER(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)); }

static int32_t unix_address(const char *path, struct sockaddr_un *out) {
    size_t n = strlen(path);
    if (n >= sizeof out->sun_path) return -ENAMETOOLONG;
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, path, n);
    return 0;
}
int32_t kernel_unix_bind(int32_t fd, const char *path) {
    struct sockaddr_un a;
    int32_t r = unix_address(path, &a);
    return r < 0 ? r : ANSWER(bind(fd, (struct sockaddr *)&a, sizeof a));
}
int32_t kernel_unix_connect(int32_t fd, const char *path) {
    struct sockaddr_un a;
    int32_t r = unix_address(path, &a);
    return r < 0 ? r : ANSWER(connect(fd, (struct sockaddr *)&a, sizeof a));
}
int32_t kernel_unix_connect_abstract(int32_t fd, const char *name) {
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    size_t n = strlen(name);
    if (n >= sizeof a.sun_path) return -ENAMETOOLONG;
    memcpy(a.sun_path + 1, name, n);
    return ANSWER(connect(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)));
}
int32_t kernel_listen(int32_t fd, int32_t backlog) { return ANSWER(listen(fd, backlog)); }
int32_t kernel_accept(int32_t fd) { return ANSWER(accept4(fd, NULL, NULL, SOCK_CLOEXEC)); }
int32_t kernel_shutdown(int32_t fd, int32_t how) { return ANSWER(shutdown(fd, how)); }
int32_t kernel_set_timeouts(int32_t fd, int64_t milliseconds) {
    struct timeval t = { milliseconds / 1000, milliseconds % 1000 * 1000 };
    int32_t r = ANSWER(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t));
    return r < 0 ? r : ANSWER(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
}
int64_t kernel_send_descriptors(int32_t fd, const void *bytes, size_t count, const int32_t *passed, size_t passed_count) {
    union { struct cmsghdr head; char room[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))]; } control;
    struct iovec v = { (void *)bytes, count };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    if (passed_count > MOST_DESCRIPTORS) return -EINVAL;
    if (passed_count) {
        memset(&control, 0, sizeof control);
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(passed_count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(passed_count * sizeof(int));
        memcpy(CMSG_DATA(c), passed, passed_count * sizeof(int));
    }
    return ANSWER(sendmsg(fd, &m, MSG_NOSIGNAL));
}
int64_t kernel_send(int32_t fd, const void *bytes, size_t count, int32_t passed) {
    return kernel_send_descriptors(fd, bytes, count, &passed, passed >= 0 ? 1 : 0);
}
int64_t kernel_receive(int32_t fd, void *to, size_t count, int32_t *passed) {
    union { struct cmsghdr head; char room[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))]; } control;
    struct iovec v = { to, count };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    *passed = -1;
    int64_t r = ANSWER(recvmsg(fd, &m, MSG_CMSG_CLOEXEC));
    if (r < 0) return r;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int received;
            memcpy(&received, CMSG_DATA(c) + i * sizeof(int), sizeof received);
            if (*passed < 0) *passed = received; else close(received);   // a second one was not asked for
        }
    }
    return r;
}
int32_t kernel_poll(struct kernel_poll *entries, size_t count, int32_t milliseconds) {
    _Static_assert(sizeof(struct kernel_poll) == sizeof(struct pollfd), "same layout");
    return ANSWER(poll((struct pollfd *)entries, count, milliseconds));
}
int32_t kernel_eventfd(void) { return ANSWER(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
int32_t kernel_loopback_up(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
    int32_t answer = ANSWER(ioctl(fd, SIOCSIFFLAGS, &r));
    close(fd);
    return answer;
}
int32_t kernel_route_socket(void) { return ANSWER(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)); }
int64_t kernel_receive_route(int32_t fd, void *to, size_t count) {
    for (;;) {
        struct sockaddr_nl from = { 0 };
        socklen_t length = sizeof from;
        int64_t r = ANSWER(recvfrom(fd, to, count, MSG_TRUNC, (struct sockaddr *)&from, &length));
        if (r < 0) return r;
        if (length != sizeof from || from.nl_pid != 0) continue;   // root of the namespace can write to us as well
        return (size_t)r > count ? -EMSGSIZE : r;
    }
}
