// Device nodes and links below /dev.
import Diagnostics
import Kernel
import UntrustedTree

extension Executor {
    /// Makes the node, or takes an equal one that is there. Anything else under that name is refused: changing its
    /// mode or owner would hit whatever it is (CVE-2026-88265).
    func makeDevice(_ step: DeviceStep) throws(Errno) {
        if let source = step.bindSource { return try bindDevice(step, from: source) }
        let parent = try handles.withRoot { (root) throws(Errno) in try root.makeParent(of: step.destination, permissions: 0o755) }
        do throws(Errno) {
            try parent.handle.makeNode(parent.name, mode: step.kind.rawValue | step.permissions, major: step.major, minor: step.minor)
        } catch where error == .exists {
            try verifyDevice(step, in: parent.handle, name: parent.name)
            return
        }
        guard step.uid != 0 || step.gid != 0 else { return }
        let node = try parent.handle.open(parent.name, [.path, .noFollow])
        try node.changeOwner(uid: step.uid, gid: step.gid)
    }

    private func verifyDevice(_ step: DeviceStep, in directory: borrowing FileDescriptor, name: Path) throws(Errno) {
        let status = try directory.status(of: name)
        guard status.mode & 0o170000 == step.kind.rawValue else { throw .exists }
        if step.kind != .fifo, status.major != step.major || status.minor != step.minor { throw .exists }
    }

    /// Without CAP_MKNOD in the host's user namespace no node can be made: the host's is bind mounted over an empty file.
    private func bindDevice(_ step: DeviceStep, from source: Path) throws(Errno) {
        let node = try FileDescriptor.open(source, [.path])
        let status = try node.status()
        guard status.mode & 0o170000 == step.kind.rawValue, status.major == step.major, status.minor == step.minor else { throw .noDevice }
        let copy = try node.cloneTree(recursive: false)
        let target = try handles.withRoot { (root) throws(Errno) in
            try root.makeFile(step.destination, permissions: 0o666, directories: 0o755)
        }
        try refuseProc(target, at: step.destination)
        try copy.attach(to: target)
    }

    /// A link that is there already is kept, whatever it is: only the container follows it.
    func makeLink(_ path: InRootPath, target: String) throws(Errno) {
        let parent = try handles.withRoot { (root) throws(Errno) in try root.makeParent(of: path, permissions: 0o755) }
        do throws(Errno) { try parent.handle.makeLink(parent.name, to: Path(target)) } catch where error == .exists {}
    }

    mutating func openNull(_ path: InRootPath) throws(Errno) {
        let null = try openInRoot(path, [.path, .noFollow])
        let status = try null.status()
        guard status.kind == .characterDevice, status.major == 1, status.minor == 3 else { throw .noDevice }
        handles.insert(null, as: .null)
    }
}
