import CKernel

/// An error number of the kernel.
///
/// Source: errno(3).
package struct Errno: Error, Hashable, Sendable {
    package let code: Int32
    package init(_ code: Int32) { self.code = code }

    /// "EPERM"; "errno 4711" for a number that libc does not know.
    package var name: String {
        guard let text = unsafe kernel_errno_name(code) else { return "errno \(code)" }
        return unsafe String(cString: text)
    }

    /// "Operation not permitted"; "unknown error" for a number that libc does not know.
    package var explanation: String {
        guard let text = unsafe kernel_errno_description(code) else { return "unknown error" }
        return unsafe String(cString: text)
    }
}

extension Errno {
    package static var domain: Errno { Errno(EDOM) }
    package static var notPermitted: Errno { Errno(EPERM) }
    package static var noEntry: Errno { Errno(ENOENT) }
    package static var noProcess: Errno { Errno(ESRCH) }
    package static var interrupted: Errno { Errno(EINTR) }
    package static var inputOutput: Errno { Errno(EIO) }
    package static var noDeviceOrAddress: Errno { Errno(ENXIO) }
    package static var badDescriptor: Errno { Errno(EBADF) }
    package static var noChild: Errno { Errno(ECHILD) }
    package static var tryAgain: Errno { Errno(EAGAIN) }
    package static var noMemory: Errno { Errno(ENOMEM) }
    package static var accessDenied: Errno { Errno(EACCES) }
    package static var busy: Errno { Errno(EBUSY) }
    package static var exists: Errno { Errno(EEXIST) }
    package static var crossDevice: Errno { Errno(EXDEV) }
    package static var noDevice: Errno { Errno(ENODEV) }
    package static var notDirectory: Errno { Errno(ENOTDIR) }
    package static var isDirectory: Errno { Errno(EISDIR) }
    package static var invalid: Errno { Errno(EINVAL) }
    package static var notTerminal: Errno { Errno(ENOTTY) }
    package static var textBusy: Errno { Errno(ETXTBSY) }
    package static var tooLarge: Errno { Errno(EFBIG) }
    package static var noSpace: Errno { Errno(ENOSPC) }
    package static var readOnlyFilesystem: Errno { Errno(EROFS) }
    package static var brokenPipe: Errno { Errno(EPIPE) }
    package static var outOfRange: Errno { Errno(ERANGE) }
    package static var nameTooLong: Errno { Errno(ENAMETOOLONG) }
    package static var noSystemCall: Errno { Errno(ENOSYS) }
    package static var notEmpty: Errno { Errno(ENOTEMPTY) }
    package static var tooManyLinks: Errno { Errno(ELOOP) }
    package static var noData: Errno { Errno(ENODATA) }
    package static var notExecutable: Errno { Errno(ENOEXEC) }
    package static var overflow: Errno { Errno(EOVERFLOW) }
    package static var notSupported: Errno { Errno(EOPNOTSUPP) }
    package static var connectionRefused: Errno { Errno(ECONNREFUSED) }
    package static var timedOut: Errno { Errno(ETIMEDOUT) }
    package static var quotaExceeded: Errno { Errno(EDQUOT) }
    package static var damaged: Errno { Errno(EUCLEAN) }
    package static var stale: Errno { Errno(ESTALE) }
    package static var connectionReset: Errno { Errno(ECONNRESET) }
}
