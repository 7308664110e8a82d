import Diagnostics
package import Kernel
import OCISpec
import Seccomp

/// Where compiled seccomp filters are kept, or nowhere.
package struct SeccompCacheDirectory: ~Copyable {
    private let directory: FileDescriptor?

    /// Nil for a host on which no cache can be kept.
    package init(_ directory: consuming FileDescriptor?) { self.directory = directory }

    /// The filter of `profile`, from the cache or compiled.
    consuming func compile(_ profile: LinuxSeccomp) throws(OperationError) -> SeccompProgram {
        guard let directory else { return try compileSeccomp(profile) }
        return try compileSeccomp(profile, cache: directory)
    }
}
