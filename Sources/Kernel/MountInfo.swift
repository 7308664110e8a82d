// The mounts of this process' mount namespace, for messages and for finding what is mounted by its type.
package import Diagnostics

/// One line of /proc/self/mountinfo. Source: proc_pid_mountinfo(5).
package struct MountInfo: Equatable, Sendable {
    package let id: Int
    package let parent: Int
    /// Major and minor number of the file system: "0:47".
    package let device: String
    /// The directory of the file system that is the root of this mount.
    package let root: Path
    package let mountPoint: Path
    /// "ext4", "fuse.sshfs"
    package let type: String
    /// "rw", "mba_MBps"
    package let superOptions: [String]

    /// The mounts that `text` tells of, in its order. Lines of another form are left out.
    package static func parse(_ text: [UInt8]) -> [MountInfo] {
        text.split(separator: UInt8(ascii: "\n")).compactMap { MountInfo(line: $0) }
    }

    private init?(line: ArraySlice<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " "))
        // optional fields stand between the sixth and a lone "-"
        guard fields.count > 6, let dash = fields[6...].firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }), fields.count > dash + 3,
            let id = Int(Self.text(fields[0])), let parent = Int(Self.text(fields[1])),
            let root = Path(bytes: Self.unescaped(fields[3])), let mountPoint = Path(bytes: Self.unescaped(fields[4]))
        else { return nil }
        self.id = id
        self.parent = parent
        device = Self.text(fields[2])
        self.root = root
        self.mountPoint = mountPoint
        type = Self.text(fields[dash + 1])
        superOptions = fields[dash + 3].split(separator: UInt8(ascii: ",")).map { Self.text($0) }
    }

    /// Where this mount is, seen from `directory`, which has no links in it: "/sub"; nil unless it is below it.
    package func place(below directory: Path) -> String? {
        guard mountPoint.isBelow(directory), mountPoint != directory else { return nil }
        return directory == "/" ? mountPoint.text : String(decoding: mountPoint.bytes.dropFirst(directory.bytes.count), as: UTF8.self)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Space, tab, line feed and backslash are written as three octal digits behind a backslash.
    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var plain: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x37 }) {
                plain.append(digits.reduce(0) { $0 << 3 | ($1 - 0x30) })
                rest = rest.dropFirst(3)
            } else {
                plain.append(byte)
            }
        }
        return plain
    }

    /// The mounts of this process.
    package static func current() throws(Errno) -> [MountInfo] { parse(try readFile("/proc/self/mountinfo", limit: 64 << 20)) }

    /// The types of the file system at `place` and, `withSubmounts`, of those mounted below it, each once.
    package static func types(at place: borrowing FileDescriptor, withSubmounts: Bool) throws(Errno) -> [String] {
        let mounts = try current()
        let id = try place.mountID()
        let path = try place.path()
        var found: [MountInfo] = mounts.filter { $0.id == id }
        var parents: Set<Int> = [id]
        while withSubmounts {
            let below = mounts.filter { parents.contains($0.parent) && !parents.contains($0.id) && $0.mountPoint.isBelow(path) }
            if below.isEmpty { break }
            found += below
            parents.formUnion(below.map { $0.id })
        }
        var types: [String] = []
        for mount in found where !types.contains(mount.type) { types.append(mount.type) }
        return types
    }
}

extension Path {
    /// Whether this absolute path leads through `directory`.
    fileprivate func isBelow(_ directory: Path) -> Bool {
        directory == "/" || bytes.starts(with: directory.bytes) && bytes.dropFirst(directory.bytes.count).first == UInt8(ascii: "/")
    }
}

extension FileDescriptor {
    /// The path of what is open here, as the kernel has it now.
    package borrowing func path() throws(Errno) -> Path {
        guard let path = Path(bytes: try FileDescriptor.open("/proc/self/fd", [.path, .directory]).linkTarget(Path("\(raw)"))) else { throw .invalid }
        return path
    }

    /// The number of the mount at this descriptor. Source: proc_pid_fdinfo(5).
    package borrowing func mountID() throws(Errno) -> Int { try Self.mountID(fdinfo: readFile(Path("/proc/self/fdinfo/\(raw)"), limit: 65536)) }

    /// The number of the mount in the text of a file below /proc/PID/fdinfo.
    /// - Throws: `ENODATA` when it is not there.
    package static func mountID(fdinfo text: [UInt8]) throws(Errno) -> Int {
        for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: "mnt_id:".utf8) {
            let digits = line.dropFirst("mnt_id:".utf8.count).filter { $0 >= 0x30 && $0 <= 0x39 }
            if let id = Int(String(decoding: digits, as: UTF8.self)) { return id }
        }
        throw .noData
    }
}
