// Takes terminals from a console socket, with the command line of runc's program of that name: throws away what they say (--mode null), or prints
// what the first one says (single). In C, because the tests wait for it.
#define _GNU_SOURCE
#include <err.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int receive(int connection) {
    char data[4096], control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {data, sizeof data};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header;
    int descriptor = -1;
    if (recvmsg(connection, &message, 0) > 0 && (header = CMSG_FIRSTHDR(&message)) && header->cmsg_type == SCM_RIGHTS)
        memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    close(connection);
    return descriptor;
}

static void drain(int descriptor, int to) {
    char data[4096];
    ssize_t count;
    while ((count = read(descriptor, data, sizeof data)) > 0)
        if (to >= 0 && write(to, data, count) != count)
            return;
}

static void *throw_away(void *terminal) {
    drain((int)(intptr_t)terminal, -1);
    close((int)(intptr_t)terminal);
    return NULL;
}

int main(int count, char **arguments) {
    const char *pid_file = NULL, *path = NULL;
    int single = 1;
    for (int at = 1; at < count; at++) {
        if (!strcmp(arguments[at], "--pid-file") && at + 1 < count)
            pid_file = arguments[++at];
        else if ((!strcmp(arguments[at], "--mode") || !strcmp(arguments[at], "-m")) && at + 1 < count)
            single = strcmp(arguments[++at], "null") != 0;
        else if (arguments[at][0] != '-')
            path = arguments[at];
    }
    for (int number = 3; number < 256; number++)
        close(number); // the tests' own: bats waits until nobody has them any more, and a test that fails leaves this program behind
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof address.sun_path)
        errx(1, "one path of a socket");
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 64))
        err(1, "%s", path);
    FILE *file = pid_file ? fopen(pid_file, "w") : NULL;
    if (file && (fprintf(file, "%d\n", getpid()) < 0 || fclose(file)))
        err(1, "%s", pid_file);
    for (;;) {
        int terminal = receive(accept(listener, NULL, NULL));
        if (terminal >= 0 && single) {
            drain(terminal, 1);
            return 0;
        }
        pthread_t thread;
        if (terminal >= 0 && pthread_create(&thread, NULL, throw_away, (void *)(intptr_t)terminal) == 0)
            pthread_detach(thread);
    }
}
