// The container's terminal.
import Diagnostics
import Kernel
import UntrustedTree

extension Executor {
    /// Opens a terminal of the container's own devpts and makes it the standard streams; the master goes to `console`.
    ///
    /// The other end is opened through the master (TIOCGPTPEER), never by a name like /dev/pts/0 that the image may
    /// have forged, and the multiplexer must lie on devpts (CVE-2025-52565).
    mutating func setTerminal(_ step: TerminalStep) throws(Errno) {
        guard let path = InRootPath(bytes: Array("/dev/pts/ptmx".utf8)) else { throw .invalid }
        // non-blocking: a fifo of that name must not hang us
        let master = try openInRoot(path, [.readWrite, .noControllingTerminal, .nonBlocking, .noFollow])
        guard try master.filesystemType() == .devpts else { throw .noDevice }
        try master.setNonBlocking(false)
        try master.unlockTerminal()
        let terminal = try master.terminalPeer()
        if let size = step.size { try master.setWindowSize(size) }
        try terminal.changeOwner(uid: step.uid, gid: try terminal.status().gid)
        if step.mountsConsole { try mountConsole(terminal) }
        try handles.with(.console) { (console) throws(Errno) in try console.send(Array("/dev/ptmx".utf8), passing: master) }
        handles.close(.console)
        for stream in Int32(0)...2 { try terminal.duplicate(onto: stream) }
    }

    /// Binds the terminal over /dev/console. A link there is refused: it would lead the mount elsewhere in the tree.
    private func mountConsole(_ terminal: borrowing FileDescriptor) throws(Errno) {
        let copy = try terminal.cloneTree(recursive: false)
        let target = try handles.withRoot { (root) throws(Errno) in
            guard let path = InRootPath(bytes: Array("/dev/console".utf8)) else { throw .invalid }
            let parent = try root.makeParent(of: path, permissions: 0o755)
            do throws(Errno) {
                _ = try parent.handle.open(parent.name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o620)
            } catch where error == .exists {}
            return try parent.handle.open(parent.name, [.path, .noFollow])
        }
        if try target.status().kind == .symbolicLink { throw .tooManyLinks }
        try copy.attach(to: target)
    }
}
