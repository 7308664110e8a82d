// Mounts: the new API (Linux 5.2, mount_setattr 5.12) by descriptors, and mount(2) for kernels and filters without it.
import CKernel
package import Diagnostics

/// The per-mount attributes of fsmount(2) and mount_setattr(2). Source: linux/mount.h.
package struct MountAttributes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static var readOnly: MountAttributes { MountAttributes(rawValue: 0x01) }
    package static var noSuid: MountAttributes { MountAttributes(rawValue: 0x02) }
    package static var noDevices: MountAttributes { MountAttributes(rawValue: 0x04) }
    package static var noExec: MountAttributes { MountAttributes(rawValue: 0x08) }
    /// The field of the three access-time modes; relatime is its zero.
    package static var accessTimeField: MountAttributes { MountAttributes(rawValue: 0x70) }
    package static var noAccessTime: MountAttributes { MountAttributes(rawValue: 0x10) }
    package static var strictAccessTime: MountAttributes { MountAttributes(rawValue: 0x20) }
    package static var noDirectoryAccessTime: MountAttributes { MountAttributes(rawValue: 0x80) }
    package static var idMap: MountAttributes { MountAttributes(rawValue: 0x10_0000) }
    package static var noSymbolicLinks: MountAttributes { MountAttributes(rawValue: 0x20_0000) }
    /// What a user namespace may clear on copies of mounts from outside. Source: mount_namespaces(7).
    package static var neverLocked: MountAttributes { noSymbolicLinks }
    package static var anyAccessTime: MountAttributes { accessTimeField.union(noDirectoryAccessTime) }
}

/// How mount events travel between copies of a mount. Source: mount_namespaces(7).
package enum Propagation: UInt64, Equatable, Sendable {
    case unbindable = 0x2_0000
    case `private` = 0x4_0000
    case slave = 0x8_0000
    case shared = 0x10_0000
}

/// Flags of mount(2). Source: sys/mount.h.
package struct MountFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static var readOnly: MountFlags { MountFlags(rawValue: 1) }
    package static var synchronous: MountFlags { MountFlags(rawValue: 16) }
    package static var remount: MountFlags { MountFlags(rawValue: 32) }
    package static var mandatoryLocks: MountFlags { MountFlags(rawValue: 64) }
    package static var directorySynchronous: MountFlags { MountFlags(rawValue: 128) }
    package static var bind: MountFlags { MountFlags(rawValue: 4096) }
    package static var recursive: MountFlags { MountFlags(rawValue: 16384) }
    package static var silent: MountFlags { MountFlags(rawValue: 32768) }
    package static var iVersion: MountFlags { MountFlags(rawValue: 1 << 23) }
    package static var lazyTime: MountFlags { MountFlags(rawValue: 1 << 25) }
}

private let openTreeClone: UInt32 = 1
private let openTreeCloseOnExec = UInt32(bitPattern: O_CLOEXEC)
private let emptyPath: UInt32 = 0x1000
private let recursively: UInt32 = 0x8000

extension FileDescriptor {
    /// A new, unattached mount of a file system of `type`. `options` are `key=value` or plain keys.
    ///
    /// - Throws: `ENODEV` for an unknown type, `EINVAL` for an unknown option or value.
    package static func newMount(type: String, options: [String], attributes: MountAttributes) throws(Errno) -> FileDescriptor {
        let context = FileDescriptor(owning: try check(unsafe kernel_fsopen(type)))
        try context.configureFileSystem(options)
        try check(kernel_fsconfig_create(context.raw))
        return FileDescriptor(owning: try check(kernel_fsmount(context.raw, UInt32(truncatingIfNeeded: attributes.rawValue))))
    }

    /// Changes options of the file system that is mounted at this descriptor, which must be a mount's root. What `options` does
    /// not name stays.
    ///
    /// - Throws: `EINVAL` for an unknown option or value.
    package borrowing func reconfigureFileSystem(_ options: [String]) throws(Errno) {
        let context = FileDescriptor(owning: try check(kernel_fspick(raw)))
        try context.configureFileSystem(options)
        try check(kernel_fsconfig_reconfigure(context.raw))
    }

    private borrowing func configureFileSystem(_ options: [String]) throws(Errno) {
        for option in options {
            if let separator = option.utf8.firstIndex(of: UInt8(ascii: "=")) {
                let value = String(option[option.index(after: separator)...])
                try check(unsafe kernel_fsconfig_string(raw, String(option[..<separator]), value))
            } else {
                try check(unsafe kernel_fsconfig_flag(raw, option))
            }
        }
    }

    /// An unattached copy of the mount tree at this descriptor: what a bind mount attaches.
    package borrowing func cloneTree(recursive: Bool) throws(Errno) -> FileDescriptor {
        let flags = openTreeClone | openTreeCloseOnExec | emptyPath | (recursive ? recursively : 0)
        return FileDescriptor(owning: try check(unsafe kernel_open_tree(raw, "", flags)))
    }

    /// An unattached copy of the one mount at this path of the host.
    package static func cloneTree(at path: Path) throws(Errno) -> FileDescriptor {
        let flags = openTreeClone | openTreeCloseOnExec
        return FileDescriptor(owning: try check(unsafe path.withCString { unsafe kernel_open_tree(currentDirectoryNumber, $0, flags) }))
    }

    /// Attaches this unattached mount on top of `target`.
    package borrowing func attach(to target: borrowing FileDescriptor) throws(Errno) { try check(unsafe kernel_move_mount(raw, target.raw, "")) }

    /// Attaches this unattached mount on top of `name` in a directory of ours, into which nobody else can put a link.
    package borrowing func attach(to name: Path, in directory: borrowing FileDescriptor) throws(Errno) {
        try check(unsafe name.withCString { unsafe kernel_move_mount(raw, directory.raw, $0) })
    }

    /// Changes attributes of the mount at this descriptor, which must be a mount's root.
    ///
    /// - Throws: `EPERM` when a locked flag would be cleared, `ENOSYS` before Linux 5.12.
    package borrowing func setMountAttributes(
        _ set: MountAttributes, clearing clear: MountAttributes = [], propagation: Propagation? = nil, recursive: Bool
    ) throws(Errno) {
        try check(unsafe kernel_mount_setattr(
            raw, "", emptyPath | (recursive ? recursively : 0), set.rawValue, clear.rawValue, propagation?.rawValue ?? 0, -1))
    }

    /// Maps the owners of the unattached mount at this descriptor by a user namespace.
    package borrowing func setIDMap(userNamespace: borrowing FileDescriptor, recursive: Bool) throws(Errno) {
        try check(unsafe kernel_mount_setattr(
            raw, "", emptyPath | (recursive ? recursively : 0), MountAttributes.idMap.rawValue, 0, 0, userNamespace.raw))
    }
}

/// mount(2).
package func mount(
    _ source: String?, on target: String, type: String? = nil, flags: UInt64 = 0, data: String? = nil
) throws(Errno) {
    try check(unsafe kernel_mount(source, target, type, flags, data))
}

/// Changes the propagation of the mount at `target`.
package func setPropagation(_ propagation: Propagation, of target: String, recursive: Bool) throws(Errno) {
    try mount(nil, on: target, flags: propagation.rawValue | (recursive ? MountFlags.recursive.rawValue : 0))
}

/// umount2(2) with `MNT_DETACH` (lazy) or without.
package func unmount(_ target: String, detaching: Bool) throws(Errno) { try check(unsafe kernel_umount(target, detaching ? 2 : 0)) }

/// pivot_root(2).
package func pivotRoot(to newRoot: String, oldRoot: String) throws(Errno) { try check(unsafe kernel_pivot_root(newRoot, oldRoot)) }

package func changeRoot(to path: String) throws(Errno) { try check(unsafe kernel_chroot(path)) }
