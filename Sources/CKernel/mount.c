#define _GNU_SOURCE
#include "internal.h"
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc 2.36 declares the new mount calls in <sys/mount.h>, older ones do not, and <linux/mount.h> collides with it:
// the raw numbers and the kernel's own constants are the portable way.
#define EMPTY_PATH_SOURCE 0x04u  // MOVE_MOUNT_F_EMPTY_PATH
#define EMPTY_PATH_BOTH 0x44u    // and MOVE_MOUNT_T_EMPTY_PATH
struct attributes { uint64_t set, clear, propagation, userns; };

int32_t kernel_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data) {
    return ANSWER(mount(source, target, type, flags, data));
}
int32_t kernel_umount(const char *target, int32_t flags) { return ANSWER(umount2(target, flags)); }
int32_t kernel_pivot_root(const char *new_root, const char *put_old) { return ANSWER((int32_t)syscall(SYS_pivot_root, new_root, put_old)); }
int32_t kernel_chroot(const char *path) { return ANSWER(chroot(path)); }
int32_t kernel_fsopen(const char *type) { return ANSWER((int32_t)syscall(SYS_fsopen, type, 1)); }
int32_t kernel_fsconfig_string(int32_t fs, const char *key, const char *value) { return ANSWER((int32_t)syscall(SYS_fsconfig, fs, 1, key, value, 0)); }
int32_t kernel_fsconfig_flag(int32_t fs, const char *key) { return ANSWER((int32_t)syscall(SYS_fsconfig, fs, 0, key, NULL, 0)); }
int32_t kernel_fsconfig_create(int32_t fs) { return ANSWER((int32_t)syscall(SYS_fsconfig, fs, 6, NULL, NULL, 0)); }
int32_t kernel_fsconfig_reconfigure(int32_t fs) { return ANSWER((int32_t)syscall(SYS_fsconfig, fs, 7, NULL, NULL, 0)); }
int32_t kernel_fspick(int32_t mount) { return ANSWER((int32_t)syscall(SYS_fspick, mount, "", 0x9)); }  // FSPICK_CLOEXEC | FSPICK_EMPTY_PATH
int32_t kernel_fsmount(int32_t fs, uint32_t attributes) { return ANSWER((int32_t)syscall(SYS_fsmount, fs, 1, attributes)); }
int32_t kernel_open_tree(int32_t dir, const char *path, uint32_t flags) { return ANSWER((int32_t)syscall(SYS_open_tree, dir, path, flags)); }
int32_t kernel_move_mount(int32_t from, int32_t to, const char *name) {
    return ANSWER((int32_t)syscall(SYS_move_mount, from, "", to, name, *name ? EMPTY_PATH_SOURCE : EMPTY_PATH_BOTH));
}
int32_t kernel_mount_setattr(int32_t fd, const char *path, uint32_t flags, uint64_t set, uint64_t clear, uint64_t propagation, int32_t userns) {
    struct attributes a = { set, clear, propagation, userns >= 0 ? (uint64_t)userns : 0 };
    return ANSWER((int32_t)syscall(SYS_mount_setattr, fd, path, flags, &a, sizeof a));
}
