import Diagnostics
import Testing

@Suite struct ErrnoTests {
    @Test func names() {
        #expect(Errno(1).name == "EPERM" && Errno(1).explanation == "Operation not permitted")
        #expect(Errno(11).name == "EAGAIN", "EWOULDBLOCK has the same number")
        #expect(Errno(95).name == "EOPNOTSUPP" || Errno(95).name == "ENOTSUP")
        #expect(Errno(4711).name == "errno 4711" && Errno(4711).explanation == "unknown error")
        #expect(Errno(-1).name == "errno -1" && Errno(-1).explanation == "unknown error")
        #expect(Errno(133).name == "EHWPOISON", "the last number of Linux")
    }

    @Test("the constants carry the names they are called by", arguments: [
        (Errno.notPermitted, "EPERM"), (.noEntry, "ENOENT"), (.noProcess, "ESRCH"), (.interrupted, "EINTR"), (.inputOutput, "EIO"),
        (.noDeviceOrAddress, "ENXIO"), (.badDescriptor, "EBADF"), (.noChild, "ECHILD"), (.tryAgain, "EAGAIN"), (.noMemory, "ENOMEM"),
        (.accessDenied, "EACCES"), (.busy, "EBUSY"), (.exists, "EEXIST"), (.crossDevice, "EXDEV"), (.noDevice, "ENODEV"),
        (.notDirectory, "ENOTDIR"), (.isDirectory, "EISDIR"), (.invalid, "EINVAL"), (.notTerminal, "ENOTTY"), (.textBusy, "ETXTBSY"),
        (.tooLarge, "EFBIG"), (.noSpace, "ENOSPC"), (.readOnlyFilesystem, "EROFS"), (.brokenPipe, "EPIPE"), (.outOfRange, "ERANGE"),
        (.nameTooLong, "ENAMETOOLONG"), (.noSystemCall, "ENOSYS"), (.notEmpty, "ENOTEMPTY"), (.tooManyLinks, "ELOOP"), (.noData, "ENODATA"),
        (.notExecutable, "ENOEXEC"), (.overflow, "EOVERFLOW"), (.connectionRefused, "ECONNREFUSED"), (.timedOut, "ETIMEDOUT"),
        (.quotaExceeded, "EDQUOT"), (.stale, "ESTALE"),
    ])
    func constants(errno: Errno, name: String) { #expect(errno.name == name) }
}
