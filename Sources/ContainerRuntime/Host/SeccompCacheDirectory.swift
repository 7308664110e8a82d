import Diagnostics
package import Kernel
import OCISpec
import Seccomp

/// Where compiled seccomp filters are kept, or nowhere.
package struct SeccompCacheDirectory: ~Copyable {
    private var directory: FileDescriptor?

    package init(_ directory: consuming FileDescriptor?) { self.directory = directory }

    /// The filter of `profile`, from the cache or compiled.
    func compile(_ profile: LinuxSeccomp) throws(OperationError) -> PlannedSeccomp {
        throw OperationError("compile", "seccomp profile", .unsupported("seccomp"), field: "linux.seccomp")
    }
}
