import CKernel
package import Diagnostics

extension FileDescriptor {
    /// Loads a program that decides about devices (`BPF_PROG_TYPE_CGROUP_DEVICE`).
    ///
    /// - Parameter instructions: one instruction of 8 bytes each, as `struct bpf_insn` lies in memory.
    /// - Throws: `EPERM` without CAP_BPF or CAP_SYS_ADMIN in the first user namespace, `ENOSYS`, `EINVAL` when the
    ///   verifier refuses the program. `EAGAIN` (a signal came in between) is tried again.
    /// Source: bpf(2).
    package static func deviceProgram(_ instructions: [UInt64]) throws(Errno) -> FileDescriptor {
        for _ in 0..<4 {
            let answer = unsafe instructions.withUnsafeBytes {
                unsafe kernel_bpf_load_device_program($0.baseAddress, UInt32(instructions.count), nil, 0)
            }
            if answer != -EAGAIN && answer != -EINTR { return FileDescriptor(owning: try check(answer)) }
        }
        throw .tryAgain
    }

    /// Attaches a device program to this version 2 cgroup directory beside those which are there (`BPF_F_ALLOW_MULTI`);
    /// a device is allowed when all programs on the way up allow it.
    /// - Throws: `EPERM`, `EINVAL`, `E2BIG` at 64 programs.
    package borrowing func attach(deviceProgram program: borrowing FileDescriptor) throws(Errno) {
        try check(kernel_bpf_attach(raw, program.raw, 2, -1))
    }

    package borrowing func detach(deviceProgram program: borrowing FileDescriptor) throws(Errno) {
        try check(kernel_bpf_detach(raw, program.raw))
    }

    /// The ids of the device programs that are attached to this version 2 cgroup directory itself.
    package borrowing func devicePrograms() throws(Errno) -> [UInt32] {
        var ids = [UInt32](repeating: 0, count: 64)  // the kernel attaches at most 64
        let number = raw
        let count = try check(unsafe ids.withUnsafeMutableBufferPointer {
            unsafe kernel_bpf_query(number, $0.baseAddress, UInt32($0.count))
        })
        return Array(ids.prefix(Int(count)))
    }

    /// - Throws: `ENOENT` when the program is gone, `EPERM` without CAP_SYS_ADMIN.
    package static func program(withID id: UInt32) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try check(kernel_bpf_program_by_id(id)))
    }
}
