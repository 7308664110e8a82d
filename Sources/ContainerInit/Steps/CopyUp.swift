// The mount option `tmpcopyup`: what the image has at the destination appears in the tmpfs that covers it.
import Diagnostics
import Kernel

extension Executor {
    /// Copies the tree at `source` into the unattached mount `copy`. Links are copied as links and nothing is followed,
    /// so that no byte from outside of the tree gets in.
    func copyUp(from source: borrowing FileDescriptor, to copy: borrowing FileDescriptor) throws(Errno) {
        let here: Path = "."
        let directory = try source.open(here, [.readOnly, .directory])
        try copyEntries(from: directory, to: copy, depth: 0)
        let status = try directory.status()
        let target = try copy.open(here, [.readOnly, .directory])
        try target.changeOwner(uid: status.uid, gid: status.gid)
        try target.changePermissions(status.permissions)
    }

    private func copyEntries(from source: borrowing FileDescriptor, to copy: borrowing FileDescriptor, depth: Int) throws(Errno) {
        if depth > 128 { throw .nameTooLong }
        for entry in try source.entries() {
            guard let name = Path(bytes: entry.name) else { throw .invalid }
            let status = try source.status(of: name)
            switch status.kind {
            case .directory:
                try copy.makeDirectory(name, permissions: 0o700)
                let inner = try copy.open(name, [.readOnly, .directory, .noFollow])
                try copyEntries(from: try source.open(name, [.readOnly, .directory, .noFollow]), to: inner, depth: depth + 1)
                try inner.changeOwner(uid: status.uid, gid: status.gid)
                try inner.changePermissions(status.permissions)
            case .symbolicLink:
                guard let target = Path(bytes: try source.linkTarget(name)) else { throw .invalid }
                try copy.makeLink(name, to: target)
            case .regular:
                let file = try copy.open(name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
                // non-blocking: the entry may have become a fifo meanwhile
                try file.copyContents(from: try source.open(name, [.readOnly, .noFollow, .nonBlocking]))
                try file.changeOwner(uid: status.uid, gid: status.gid)
                try file.changePermissions(status.permissions)
            case .fifo, .socket, .characterDevice, .blockDevice, .unknown:
                try copy.makeNode(name, mode: status.mode, major: status.major, minor: status.minor)
            }
        }
    }
}
