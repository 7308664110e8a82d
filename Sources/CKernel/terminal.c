#define _GNU_SOURCE
#include "internal.h"
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

_Static_assert(sizeof(struct termios) <= KERNEL_TERMINAL_SETTINGS_SIZE, "the buffer for saved settings is too small");

int32_t kernel_is_terminal(int32_t fd) {
    struct termios t;
    return tcgetattr(fd, &t) == 0;
}
int32_t kernel_unlock_terminal(int32_t master) {
    int unlocked = 0;
    return ANSWER(ioctl(master, TIOCSPTLCK, &unlocked));
}
int32_t kernel_terminal_number(int32_t master) {
    unsigned number = 0;
    int32_t r = ANSWER(ioctl(master, TIOCGPTN, &number));
    return r < 0 ? r : (int32_t)number;
}
int32_t kernel_terminal_peer(int32_t master, int32_t flags) { return ANSWER(ioctl(master, TIOCGPTPEER, flags)); }
int32_t kernel_set_controlling_terminal(int32_t fd) { return ANSWER(ioctl(fd, TIOCSCTTY, 0)); }
int32_t kernel_get_window(int32_t fd, struct kernel_window *out) {
    struct winsize w;
    int32_t r = ANSWER(ioctl(fd, TIOCGWINSZ, &w));
    if (r == 0) *out = (struct kernel_window){ w.ws_row, w.ws_col };
    return r;
}
int32_t kernel_set_window(int32_t fd, struct kernel_window window) {
    struct winsize w = { .ws_row = window.rows, .ws_col = window.columns };
    return ANSWER(ioctl(fd, TIOCSWINSZ, &w));
}
int32_t kernel_clear_newline_translation(int32_t fd) {
    struct termios t;
    int32_t r = ANSWER(tcgetattr(fd, &t));
    if (r < 0) return r;
    t.c_oflag &= ~(tcflag_t)ONLCR;
    return ANSWER(tcsetattr(fd, TCSANOW, &t));
}
int32_t kernel_make_raw(int32_t fd, void *saved) {
    struct termios t;
    int32_t r = ANSWER(tcgetattr(fd, &t));
    if (r < 0) return r;
    memcpy(saved, &t, sizeof t);
    cfmakeraw(&t);
    t.c_oflag |= OPOST;  // lines that end in a plain newline still begin at the left
    return ANSWER(tcsetattr(fd, TCSANOW, &t));
}
int32_t kernel_restore_terminal(int32_t fd, const void *saved) {
    struct termios t;
    memcpy(&t, saved, sizeof t);
    return ANSWER(tcsetattr(fd, TCSANOW, &t));
}
