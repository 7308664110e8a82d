// The first content of a volume: a copy of what the image has at its place, as it is there: holes stay holes, and a file with several names stays
// one. What an image says in a few bytes, a tebibyte of zeros or a thousand volumes at one directory, must not fill the disk.
import Diagnostics
import Kernel
import UntrustedTree

/// What copies into the volumes of one bundle may take.
struct SeedBudget {
    private var left: Int64

    /// Past 1 GiB, at most 200 times the size of the image: the rule of layers is alike (`UnpackAllowance`).
    init(_ image: Image, hasSizeLimit: Bool) {
        left = hasSizeLimit ? max(1 << 30, UnpackAllowance.usual(image.packedSize)) : .max
    }

    /// - Throws: `EFBIG` when nothing is left.
    fileprivate mutating func take(_ status: FileStatus) throws(Errno) {
        // an entry takes something, even without content
        left -= 4096 + (status.kind == .regular ? min(status.size, status.allocatedBytes) : 0)
        if left < 0 { throw .tooLarge }
    }
}

/// Copies a tree into the empty directory of a volume.
struct VolumeCopy: ~Copyable {
    private let target: RootDirectory
    private(set) var budget: SeedBudget
    /// Where files with several names were copied to.
    private var copied: [FileIdentity: InRootPath] = [:]

    init(to target: consuming RootDirectory, budget: SeedBudget) {
        self.target = target
        self.budget = budget
    }

    /// Copies everything in the directory `source` to the empty directory `directory`, which is at `path` of the volume, and its attributes.
    /// - Throws: `ENAMETOOLONG` for a tree that is deeper than `OpenParent.depthLimit`, `EFBIG` past the budget.
    mutating func copy(from source: borrowing FileDescriptor, to directory: borrowing FileDescriptor, at path: InRootPath) throws(Errno) {
        if path.components.count > OpenParent.depthLimit { throw .nameTooLong }
        for entry in try source.entries() {
            guard let name = Path(bytes: entry.name), let place = path.appending(entry.name) else { continue }  // a directory entry is one plain name
            let status = try source.status(of: name)
            switch status.kind {
            case .directory:
                try budget.take(status)
                try directory.makeDirectory(name, permissions: 0o700)
                let made = try directory.open(name, [.readOnly, .directory, .noFollow])
                try copy(from: try source.open(name, [.readOnly, .directory, .noFollow]), to: made, at: place)
            case .regular: try copyFile(name, at: place, status, from: source, to: directory)
            case .symbolicLink:
                try budget.take(status)
                guard let link = Path(bytes: try source.linkTarget(name)) else { throw .invalid }
                try directory.makeLink(name, to: link)
                try finish(name, status, in: directory)
            case .fifo, .characterDevice, .blockDevice:
                try budget.take(status)
                do throws(Errno) {
                    try directory.makeNode(name, mode: status.mode, major: status.major, minor: status.minor)
                } catch where error == .notPermitted {
                    continue  // a device without privileges: it has no meaning in a volume either
                }
                try finish(name, status, in: directory)
            case .socket, .unknown: continue  // an archive has none
            }
        }
        try copyAttributes(from: source, to: directory, marks: .trusted)
    }

    private mutating func copyFile(
        _ name: Path, at place: InRootPath, _ status: FileStatus, from source: borrowing FileDescriptor, to directory: borrowing FileDescriptor
    ) throws(Errno) {
        if status.links > 1 {
            if let first = copied[FileIdentity(status)], let last = first.lastComponent, let firstName = Path(bytes: last) {
                return try directory.makeHardLink(name, to: firstName, in: try target.open(first.parent, [.path, .directory]))
            }
            copied[FileIdentity(status)] = place
        }
        try budget.take(status)
        let from = try source.openRegular(name)
        let to = try directory.open(name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
        try to.copyExtents(from: from, size: status.size, hasHoles: status.allocatedBytes < status.size)
        try copyAttributes(from: from, to: to, marks: .trusted)
    }

    private func finish(_ name: Path, _ status: FileStatus, in directory: borrowing FileDescriptor) throws(Errno) {
        if effectiveUserID() == 0 { do throws(Errno) { try directory.changeOwner(of: name, uid: status.uid, gid: status.gid) } catch where error == .invalid {} }
        try directory.setTimes(of: name, accessed: status.accessed, modified: status.modified)
    }
}
