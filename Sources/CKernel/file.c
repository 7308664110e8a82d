#define _GNU_SOURCE
#include "internal.h"
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

int32_t kernel_openat(int32_t dir, const char *path, int32_t flags, uint32_t mode) { return ANSWER(openat(dir, path, flags, mode)); }
int32_t kernel_openat2(int32_t dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };
    return ANSWER((int32_t)syscall(SYS_openat2, dir, path, &how, sizeof how));
}
int32_t kernel_close(int32_t fd) { return ANSWER(close(fd)); }
int32_t kernel_close_range(uint32_t first, uint32_t last, uint32_t flags) { return ANSWER((int32_t)syscall(SYS_close_range, first, last, flags)); }
int32_t kernel_dup3(int32_t fd, int32_t to, int32_t flags) { return ANSWER(dup3(fd, to, flags)); }
int32_t kernel_dup_above(int32_t fd, int32_t least) { return ANSWER(fcntl(fd, F_DUPFD_CLOEXEC, least)); }
int32_t kernel_set_close_on_exec(int32_t fd, int32_t on) { return ANSWER(fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0)); }
int32_t kernel_get_status_flags(int32_t fd) { return ANSWER(fcntl(fd, F_GETFL)); }
int32_t kernel_set_status_flags(int32_t fd, int32_t flags) { return ANSWER(fcntl(fd, F_SETFL, flags)); }
int32_t kernel_get_seals(int32_t fd) { return ANSWER(fcntl(fd, F_GET_SEALS)); }
int32_t kernel_add_seals(int32_t fd, int32_t seals) { return ANSWER(fcntl(fd, F_ADD_SEALS, seals)); }
int64_t kernel_read(int32_t fd, void *to, size_t count) { return ANSWER(read(fd, to, count)); }
int64_t kernel_pread(int32_t fd, void *to, size_t count, int64_t offset) { return ANSWER(pread(fd, to, count, offset)); }
int64_t kernel_write(int32_t fd, const void *from, size_t count) { return ANSWER(write(fd, from, count)); }
int64_t kernel_seek(int32_t fd, int64_t offset, int32_t whence) { return ANSWER(lseek(fd, offset, whence)); }
int64_t kernel_sendfile(int32_t to, int32_t from, size_t count) { return ANSWER(sendfile(to, from, NULL, count)); }
int32_t kernel_truncate(int32_t fd, int64_t size) { return ANSWER(ftruncate(fd, size)); }
int32_t kernel_sync(int32_t fd) { return ANSWER(fsync(fd)); }
int32_t kernel_start_writing(int32_t fd, int64_t offset, int64_t count) { return ANSWER(sync_file_range(fd, offset, count, SYNC_FILE_RANGE_WRITE)); }
int32_t kernel_sync_filesystem(int32_t fd) { return ANSWER(syncfs(fd)); }

static void copy_stat(const struct stat *from, struct kernel_stat *to) {
    *to = (struct kernel_stat){
        .device = from->st_dev, .inode = from->st_ino, .rdev = from->st_rdev,
        .mode = from->st_mode, .links = (uint32_t)from->st_nlink, .uid = from->st_uid, .gid = from->st_gid,
        .size = from->st_size, .blocks = (uint64_t)from->st_blocks,
        .atime_seconds = from->st_atim.tv_sec, .atime_nanoseconds = (uint32_t)from->st_atim.tv_nsec,
        .mtime_seconds = from->st_mtim.tv_sec, .mtime_nanoseconds = (uint32_t)from->st_mtim.tv_nsec,
        .ctime_seconds = from->st_ctim.tv_sec, .ctime_nanoseconds = (uint32_t)from->st_ctim.tv_nsec,
    };
}
int32_t kernel_fstat(int32_t fd, struct kernel_stat *out) {
    struct stat st;
    int32_t r = ANSWER(fstat(fd, &st));
    if (r == 0) copy_stat(&st, out);
    return r;
}
int32_t kernel_fstatat(int32_t dir, const char *path, int32_t flags, struct kernel_stat *out) {
    struct stat st;
    int32_t r = ANSWER(fstatat(dir, path, &st, flags));
    if (r == 0) copy_stat(&st, out);
    return r;
}
int64_t kernel_filesystem_type(int32_t fd) {
    struct statfs fs;
    int32_t r = ANSWER(fstatfs(fd, &fs));
    return r < 0 ? r : (int64_t)(uint32_t)fs.f_type;
}
int64_t kernel_filesystem_flags(int32_t fd) {
    struct statfs fs;
    int32_t r = ANSWER(fstatfs(fd, &fs));
    return r < 0 ? r : (int64_t)fs.f_flags;
}
int64_t kernel_readlinkat(int32_t dir, const char *path, char *to, size_t count) { return ANSWER(readlinkat(dir, path, to, count)); }
int32_t kernel_mkdirat(int32_t dir, const char *path, uint32_t mode) { return ANSWER(mkdirat(dir, path, mode)); }
int32_t kernel_mknodat(int32_t dir, const char *path, uint32_t mode, uint32_t major, uint32_t minor) {
    return ANSWER(mknodat(dir, path, mode, makedev(major, minor)));
}
int32_t kernel_symlinkat(const char *target, int32_t dir, const char *path) { return ANSWER(symlinkat(target, dir, path)); }
int32_t kernel_linkat(int32_t from_dir, const char *from, int32_t dir, const char *path, int32_t flags) { return ANSWER(linkat(from_dir, from, dir, path, flags)); }
int32_t kernel_unlinkat(int32_t dir, const char *path, int32_t flags) { return ANSWER(unlinkat(dir, path, flags)); }
int32_t kernel_renameat2(int32_t from_dir, const char *from, int32_t dir, const char *to, uint32_t flags) { return ANSWER(renameat2(from_dir, from, dir, to, flags)); }
int32_t kernel_fchownat(int32_t dir, const char *path, uint32_t uid, uint32_t gid, int32_t flags) { return ANSWER(fchownat(dir, path, uid, gid, flags)); }
int32_t kernel_fchmod(int32_t fd, uint32_t mode) { return ANSWER(fchmod(fd, mode)); }
int32_t kernel_fchmodat(int32_t dir, const char *path, uint32_t mode) { return ANSWER(fchmodat(dir, path, mode, 0)); }
int32_t kernel_faccessat(int32_t dir, const char *path, int32_t mode, int32_t flags) { return ANSWER(faccessat(dir, path, mode, flags)); }
int32_t kernel_utimensat(int32_t dir, const char *path, struct kernel_time access, struct kernel_time modification, int32_t flags) {
    struct timespec times[2] = { { access.seconds, access.nanoseconds }, { modification.seconds, modification.nanoseconds } };
    return ANSWER(utimensat(dir, path, times, flags));
}
int32_t kernel_futimens(int32_t fd, struct kernel_time access, struct kernel_time modification) {
    struct timespec times[2] = { { access.seconds, access.nanoseconds }, { modification.seconds, modification.nanoseconds } };
    return ANSWER(futimens(fd, times));
}
int32_t kernel_flock(int32_t fd, int32_t operation) { return ANSWER(flock(fd, operation)); }
int32_t kernel_memfd_create(const char *name, uint32_t flags) { return ANSWER(memfd_create(name, flags)); }
int32_t kernel_pipe(int32_t *ends, int32_t packets) { return ANSWER(pipe2(ends, O_CLOEXEC | (packets ? O_DIRECT : 0))); }
uint32_t kernel_umask(uint32_t mask) { return umask(mask); }
uint32_t kernel_major(uint64_t rdev) { return major(rdev); }
uint32_t kernel_minor(uint64_t rdev) { return minor(rdev); }
int64_t kernel_getdents(int32_t fd, void *to, size_t count) { return ANSWER(syscall(SYS_getdents64, fd, to, count)); }
int64_t kernel_fsetxattr(int32_t fd, const char *name, const void *value, size_t count) { return ANSWER(fsetxattr(fd, name, value, count, 0)); }
int64_t kernel_lsetxattr(const char *path, const char *name, const void *value, size_t count) { return ANSWER(lsetxattr(path, name, value, count, 0)); }
int64_t kernel_fgetxattr(int32_t fd, const char *name, void *to, size_t count) { return ANSWER(fgetxattr(fd, name, to, count)); }
int64_t kernel_flistxattr(int32_t fd, char *to, size_t count) { return ANSWER(flistxattr(fd, to, count)); }
int64_t kernel_lgetxattr(const char *path, const char *name, void *to, size_t count) { return ANSWER(lgetxattr(path, name, to, count)); }
int64_t kernel_llistxattr(const char *path, char *to, size_t count) { return ANSWER(llistxattr(path, to, count)); }
// Linux 6.13; no C library has it yet
int64_t kernel_listxattrat(int32_t fd, const char *name, char *to, size_t count) { return ANSWER(syscall(465, fd, name, AT_SYMLINK_NOFOLLOW, to, count)); }
int32_t kernel_fremovexattr(int32_t fd, const char *name) { return ANSWER(fremovexattr(fd, name)); }
int32_t kernel_lremovexattr(const char *path, const char *name) { return ANSWER(lremovexattr(path, name)); }
int32_t kernel_clone_file(int32_t to, int32_t from) { return ANSWER(ioctl(to, FICLONE, from)); }
int64_t kernel_copy_file_range(int32_t from, int32_t to, size_t count) { return ANSWER(copy_file_range(from, NULL, to, NULL, count, 0)); }
int32_t kernel_enable_verity(int32_t fd) {
    struct fsverity_enable_arg how = { .version = 1, .hash_algorithm = FS_VERITY_HASH_ALG_SHA256, .block_size = 4096 };
    return ANSWER(ioctl(fd, FS_IOC_ENABLE_VERITY, &how));
}
int32_t kernel_measure_verity(int32_t fd, uint8_t *digest) {
    union { struct fsverity_digest header; uint8_t bytes[sizeof(struct fsverity_digest) + 32]; } measured = { .header.digest_size = 32 };
    int32_t r = ANSWER(ioctl(fd, FS_IOC_MEASURE_VERITY, &measured));
    if (r < 0) return r;
    if (measured.header.digest_algorithm != FS_VERITY_HASH_ALG_SHA256 || measured.header.digest_size != 32) return -EOVERFLOW;
    memcpy(digest, measured.bytes + sizeof measured.header, 32);
    return 0;
}
