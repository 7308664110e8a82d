// What the process is: kernel settings, limits, identity, capabilities.
import Diagnostics
import Kernel
import UntrustedTree

extension Executor {
    /// A procfs of our own, mounted nowhere, so that nothing that is mounted over the container's /proc can catch a
    /// write (CVE-2025-52881). Where the kernel does not allow one, the container's /proc, proven to be procfs.
    mutating func openProc() throws(Errno) {
        do throws(Errno) {
            let proc = try FileDescriptor.newMount(type: "proc", options: [], attributes: [.noSuid, .noExec, .noDevices])
            handles.insert(proc, as: .proc)
        } catch where error == .notPermitted || error == .noSystemCall || error == .accessDenied {
            guard let path = InRootPath(bytes: Array("/proc".utf8)) else { throw .invalid }
            let proc = handles.contains(.root) ? try openInRoot(path, [.path, .directory]) : try FileDescriptor.open("/proc", [.path, .directory])
            guard try proc.filesystemType() == .proc else { throw .stale }
            handles.insert(proc, as: .proc)
            sharesProc = true
        }
    }

    /// Writes below the private procfs, without links and without crossing into a mount.
    func writeProc(_ file: String, _ text: String) throws(Errno) {
        try handles.with(.proc) { (proc) throws(Errno) in
            let file = try openBelowProc(proc, Path(file))
            guard try file.filesystemType() == .proc else { throw .stale }
            try file.writeAtOnce(text)
        }
    }

    private func openBelowProc(_ proc: borrowing FileDescriptor, _ path: Path) throws(Errno) -> FileDescriptor {
        do throws(Errno) {
            // "self" and "thread-self" are links of procfs itself
            return try proc.open(path, .writeOnly, resolve: [.beneath, .noCrossingMounts, .noMagicLinks])
        } catch where (error == .noSystemCall || error == .notPermitted) && !sharesProc {
            // EPERM: filters that do not know the call. Nothing is mounted on a procfs of our own; on another one a mount would lead astray.
            return try proc.open(path, [.writeOnly, .noFollow])
        }
    }

    func setSysctl(_ name: String, _ value: String) throws(Errno) { try writeProc("sys/" + name, value) }

    /// Through the root handle and without magic links: a working directory like /proc/self/fd/7 would be one of the
    /// host's (CVE-2024-21626).
    func enterDirectory(_ path: InRootPath) throws(Errno) {
        try openInRoot(path, [.path, .directory]).makeCurrentDirectory()
    }

    /// Only streams that belong to this container: pipes and sockets. The host's /dev/null keeps its owner, and so does the
    /// terminal of whoever called us: its new owner could read and write it from the host. The container's own terminal has
    /// its owner from `setTerminal`.
    func ownStreams(uid: UInt32) throws(Errno) {
        for number in Int32(0)...2 where isOpen(descriptor: number) {
            try FileDescriptor.withStream(number) { (stream) throws(Errno) in
                let status = try stream.status()
                guard status.uid != uid, status.kind == .fifo || status.kind == .socket else { return }
                do throws(Errno) {
                    try stream.changeOwner(uid: uid, gid: status.gid)
                } catch where error == .notPermitted || error == .invalid || error == .readOnlyFilesystem {
                    // a stream of somebody outside of the user namespace: it stays as it is, and open
                }
            }
        }
    }

    /// Drops what is not in `mask` from the bounding set.
    func limitBoundingSet(_ mask: UInt64) throws(Errno) {
        for number in UInt64(0)..<64 where mask >> number & 1 == 0 {
            do throws(Errno) { try dropFromBoundingSet(number) } catch where error == .invalid { return }  // past the kernel's last
        }
    }

    func setIdentity(_ identity: Identity) throws(Errno) {
        if identity.keepsCapabilities { try setKeepCapabilities(true) }
        if let groups = identity.groups {
            if groups.isEmpty { try dropAllGroups() } else { try setGroups(groups) }
        }
        try setGroupID(identity.gid)
        try setUserID(identity.uid)
        if identity.keepsCapabilities { try setKeepCapabilities(false) }
    }

    func raiseAmbient(_ mask: UInt64) throws(Errno) {
        for number in UInt64(0)..<64 where mask >> number & 1 == 1 { try Kernel.raiseAmbient(number) }
    }
}
