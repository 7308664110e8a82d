// Users and groups by the files of a container. The files are the image's, or changed by the container since: they are read
// below its root, must be regular, are read up to 1 MiB, and a line of another form is no line.
import Diagnostics
import Kernel
import UntrustedTree

/// What /etc/passwd and /etc/group below one root say. Source: passwd(5), group(5).
struct ContainerUsers: ~Copyable {
    private let root: RootDirectory

    /// `root` is the container's root directory.
    init(root: consuming FileDescriptor) { self.root = RootDirectory(root) }

    /// The home directory of `uid`; "/" where the files do not say.
    borrowing func home(of uid: UInt32) -> String {
        do throws(Errno) {
            return Self.home(of: uid, passwd: try read("/etc/passwd"))
        } catch {
            return "/"
        }
    }

    /// The ids behind `option`.
    ///
    /// A user by number has the group 0 unless one is given, whatever the files say, and no additional groups: those of the
    /// configuration are another user's. A user by name has the group of /etc/passwd and those of /etc/group that name it, unless a
    /// group is given.
    /// - Throws: `.invalid` for a name that is not there, the errno of reading.
    borrowing func resolve(_ option: UserOption) throws(OperationError) -> ResolvedUser {
        var resolved = ResolvedUser(uid: 0, gid: 0)
        switch option.user {
        case .id(let uid): resolved.uid = uid
        case .name(let name):
            guard let line = Self.line(named: name, in: try bytes("/etc/passwd", for: name)), line.count > 3, let uid = Self.id(line[2]), let gid = Self.id(line[3])
            else { throw unknown("user", name, "/etc/passwd") }
            resolved.uid = uid
            resolved.gid = gid
            if option.group == nil { resolved.groups = Self.groups(of: name, group: (try? read("/etc/group")) ?? []) }  // no file, no groups
        }
        switch option.group {
        case nil: break
        case .id(let gid): resolved.gid = gid
        case .name(let name):
            guard let line = Self.line(named: name, in: try bytes("/etc/group", for: name)), line.count > 2, let gid = Self.id(line[2])
            else { throw unknown("group", name, "/etc/group") }
            resolved.gid = gid
        }
        return resolved
    }

    private borrowing func bytes(_ path: String, for name: String) throws(OperationError) -> [UInt8] {
        do throws(Errno) { return try read(path) } catch {
            throw OperationError("look up \(quoted(name)) in the container's", path, .errno(error), hint: "a number works without that file")
        }
    }

    private borrowing func unknown(_ what: String, _ name: String, _ path: String) -> OperationError {
        OperationError("find \(what)", name, .invalid("the container's \(path) has no such \(what)"), hint: "a number works as well")
    }

    /// - Throws: `EINVAL` for anything but a regular file, `EFBIG` above 1 MiB.
    private borrowing func read(_ path: String) throws(Errno) -> [UInt8] {
        guard let path = InRootPath(bytes: path.utf8) else { throw .invalid }
        let handle = try root.open(path, .path)
        // reading a file of procfs may do something, or wait for something
        guard try handle.status().kind == .regular, try handle.filesystemType() != .proc else { throw .invalid }
        return try handle.reopen([.readOnly, .nonBlocking, .noControllingTerminal]).readAll(limit: 1 << 20)
    }

    static func home(of uid: UInt32, passwd: [UInt8]) -> String {
        let wanted = Array(String(uid).utf8)
        for line in lines(passwd) where line.count > 5 && line[2].elementsEqual(wanted) {
            // a home that no path can be is none
            if line[5].first == UInt8(ascii: "/"), !line[5].contains(0) { return String(decoding: line[5], as: UTF8.self) }
        }
        return "/"
    }

    /// The groups of /etc/group that name `user` as a member.
    static func groups(of user: String, group: [UInt8]) -> [UInt32] {
        let wanted = Array(user.utf8)
        return lines(group).compactMap { line in
            guard line.count > 3, line[3].split(separator: UInt8(ascii: ",")).contains(where: { $0.elementsEqual(wanted) }) else { return nil }
            return id(line[2])
        }
    }

    static func line(named name: String, in bytes: [UInt8]) -> [ArraySlice<UInt8>]? {
        let wanted = Array(name.utf8)
        return lines(bytes).first { $0[0].elementsEqual(wanted) }
    }

    private static func lines(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
        bytes.split(separator: 0x0A).map { $0.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) }
    }

    private static func id(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        guard let number = UInt32(String(decoding: bytes, as: UTF8.self)), number != .max, bytes.first != UInt8(ascii: "+") else { return nil }
        return number
    }
}
