package import Diagnostics
import Kernel

extension CgroupSetup {
    /// The cgroups that this process sees under /sys/fs/cgroup, where every distribution mounts them.
    ///
    /// Made for every command that needs cgroups, so it is frugal: one read of /proc/self/cgroup names the hierarchies
    /// (mountinfo would be several times longer), one status call each tells whether they are mounted.
    /// Without a cgroup mount there are no hierarchies, which is no error as long as no limit is asked for.
    /// - Throws: any errno of open(2) and read(2) but `ENOENT`.
    package static func current() throws(OperationError) -> CgroupSetup {
        var setup = CgroupSetup(hierarchies: [], isRootless: effectiveUserID() != 0)
        do throws(Errno) {
            let memberships = CgroupMembership.parse(String(decoding: try readFile("/proc/self/cgroup", limit: 1 << 20), as: UTF8.self))
            let root = try FileDescriptor.open(Path(cgroupRoot), [.path, .directory])
            if try root.filesystemType() == .cgroup2 {
                let own = memberships.first { $0.isVersion2 }?.path ?? "/"
                setup.hierarchies.append(try root.unified(at: cgroupRoot, ownPath: own))
            } else {
                let device = try root.status().device
                for membership in memberships {
                    guard let name = try root.mountName(of: membership, unlike: device) else { continue }
                    let mountPoint = cgroupRoot + "/" + name
                    if membership.isVersion2 {
                        // first: what works on all processes of a container asks the first directory
                        let directory = try root.open(Path(name), [.path, .directory])
                        setup.hierarchies.insert(try directory.unified(at: mountPoint, ownPath: membership.path), at: 0)
                    } else {
                        setup.hierarchies.append(
                            CgroupHierarchy(version: .v1, controllers: membership.controllers, mountPoint: mountPoint, ownPath: membership.path))
                    }
                }
            }
        } catch {
            if error == .noEntry { return setup }
            throw OperationError("read", cgroupRoot, .errno(error))
        }
        return setup
    }
}

private var cgroupRoot: String { "/sys/fs/cgroup" }

extension FileDescriptor {
    /// This directory being the root of a version 2 hierarchy.
    fileprivate borrowing func unified(at mountPoint: String, ownPath: String) throws(Errno) -> CgroupHierarchy {
        let controllers = String(decoding: try open("cgroup.controllers", .readOnly).readAll(limit: 4096), as: UTF8.self)
        return CgroupHierarchy(version: .v2, controllers: words(controllers), mountPoint: mountPoint, ownPath: ownPath)
    }

    /// The name below this directory at which `membership`'s hierarchy is mounted: another device than `device`.
    /// Controllers that share a hierarchy may stand in another order than the kernel's.
    fileprivate borrowing func mountName(of membership: CgroupMembership, unlike device: UInt64) throws(Errno) -> String? {
        var names = [membership.directoryName]
        if membership.controllers.count > 1 { names += [membership.controllers.reversed().joined(separator: ",")] + membership.controllers }
        for name in names {
            do throws(Errno) {
                let status = try self.status(of: Path(name))
                if status.kind == .directory && status.device != device { return name }
            } catch where error == .noEntry {}
        }
        return nil
    }
}

/// The words of `text` between spaces and line ends.
func words(_ text: String) -> [String] {
    text.utf8.split { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 }.map { String(decoding: $0, as: UTF8.self) }
}
