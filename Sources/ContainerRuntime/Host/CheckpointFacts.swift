// What criu has to be told of a running container, looked up in it. The container may be hostile: links in /proc are read and never
// followed, paths are resolved below its root.
import Cgroups
import ContainerInit
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

extension CheckpointFacts {
    /// - Throws: `.invalid` when the first process has just ended.
    static func find(_ state: StoredState, _ config: RuntimeConfig, _ process: borrowing InitProcess) throws(OperationError) -> CheckpointFacts {
        var facts = CheckpointFacts(pid: state.pid, rootfs: try plainPath(Path(state.rootfs)).text)
        facts.mounts = MountInfo.parse(try process.read("mountinfo"))
        let root = RootDirectory(try process.openRoot())
        for mount in config.mounts { facts.destinations.append(mount.isBind ? Self.place(mount.destination, below: root) : nil) }
        try facts.findSubmounts(config, bundle: Path(state.bundle))
        for namespace in config.linux?.namespaces ?? [] where namespace.path != nil {
            if let inode = try process.inode(ofForeign: namespace.type.kind) {
                facts.joinedNamespaces.append(Namespace(kind: namespace.type.kind, inode: inode))
            }
        }
        for number in 0..<3 { facts.streams.append(try process.stream(number, mounts: facts.mounts)) }
        facts.frozenCgroup = try state.cgroup.freezerDirectory
        return facts
    }

    /// A mount of the container's own at the same place is another one: the file system and its directory tell.
    private mutating func findSubmounts(_ config: RuntimeConfig, bundle: Path) throws(OperationError) {
        let host: [MountInfo]
        do throws(Errno) { host = try MountInfo.current() } catch { throw OperationError("read", "/proc/self/mountinfo", .errno(error)) }
        for (mount, destination) in zip(config.mounts, destinations) where mount.isRecursiveBind {
            // a source that the host has removed meanwhile has nothing below it
            guard let destination, let source = mount.source, let plain = try? plainPath(Path(source).relative(to: bundle)) else { continue }
            for candidate in host {
                guard let rest = candidate.place(below: plain) else { continue }
                let place = destination == "/" ? rest : destination + rest
                if mounts.contains(where: { $0.mountPoint.text == place && $0.device == candidate.device && $0.root == candidate.root }) {
                    submounts.append(Submount(place: place, name: CheckpointNames.name(of: mount.destination) + rest))
                }
            }
        }
    }

    /// Where `destination` is, seen from the container's root.
    private static func place(_ destination: String, below root: borrowing RootDirectory) -> String? {
        guard let path = InRootPath(bytes: Array(destination.utf8)) else { return nil }
        do throws(Errno) {
            return try root.open(path, .path).path().text
        } catch {
            return nil  // the container has removed it, or covered it with another mount: nothing to tell criu
        }
    }
}

/// `path` with all links followed.
func plainPath(_ path: Path) throws(OperationError) -> Path {
    do throws(Errno) { return try FileDescriptor.open(path, .path).path() } catch { throw OperationError("open", path.text, .errno(error)) }
}

extension InitProcess {
    /// The inode of a namespace; nil when it is the caller's own.
    borrowing func inode(ofForeign kind: NamespaceKind) throws(OperationError) -> UInt64? {
        let name = "ns/" + kind.procName
        do throws(Errno) {
            let status = try open(name).status()
            return try status.isSameFile(as: fileStatus(Path("/proc/self/" + name))) ? nil : status.inode
        } catch {
            throw failed("open namespace", name, error)
        }
    }

    borrowing func read(_ name: String) throws(OperationError) -> [UInt8] {
        do throws(Errno) { return try open(name).readAll(limit: 64 << 20) } catch { throw failed("read", name, error) }
    }

    /// What stands behind a standard stream. A closed one has no name.
    borrowing func stream(_ number: Int, mounts: [MountInfo]) throws(OperationError) -> CheckpointFacts.Stream {
        do throws(Errno) {
            let link = String(decoding: try linkTarget("fd/\(number)"), as: UTF8.self)
            let status = try status(of: "fd/\(number)")
            // memory devices such as /dev/null are files to criu; pipes and sockets are something else
            let isTerminal = status.kind == .characterDevice && status.isTerminal
            guard isTerminal || status.kind == .regular || status.kind == .directory || status.kind == .characterDevice && status.major == 1 else {
                return .named(link)
            }
            let mountID = try FileDescriptor.mountID(fdinfo: open("fdinfo/\(number)").readAll(limit: 65536))
            if mounts.contains(where: { $0.id == mountID }) { return .named(link) }
            return isTerminal ? .hostTerminal(device: status.deviceNumber, fileSystem: status.device) : .hostFile(mountID: mountID, inode: status.inode)
        } catch where error == .noEntry {
            return .named("")
        } catch {
            throw failed("look at", "fd/\(number)", error)
        }
    }
}

extension FileStatus {
    /// Consoles, serial lines, pseudo terminals. Source: the kernel's Documentation/admin-guide/devices.txt.
    fileprivate var isTerminal: Bool { major == 4 || (136...143).contains(major) }

    /// In the C library's form, as criu takes it.
    fileprivate var deviceNumber: UInt64 {
        let (major, minor) = (UInt64(major), UInt64(minor))
        return minor & 0xFF | (major & 0xFFF) << 8 | (minor & ~0xFF) << 12 | (major & ~0xFFF) << 32
    }
}
