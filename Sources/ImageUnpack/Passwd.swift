// Users and groups of an image: /etc/passwd and /etc/group inside of its rootfs, read by ourselves. The C library's look-ups
// would ask the host, and cannot be had in a static program.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// The account files of a rootfs. A file that is missing has no entries.
struct AccountFiles {
    private let users: [[[UInt8]]]
    private let groups: [[[UInt8]]]

    private static var limit: Int { 1 << 20 }

    init(in root: borrowing RootDirectory) throws(OperationError) {
        users = try Self.lines("/etc/passwd", in: root)
        groups = try Self.lines("/etc/group", in: root)
    }

    private static func lines(_ name: String, in root: borrowing RootDirectory) throws(OperationError) -> [[[UInt8]]] {
        let bytes: [UInt8]
        do throws(Errno) {
            let file: FileDescriptor
            do throws(Errno) { file = try root.open(try path(name), [.path]) } catch where error == .noEntry || error == .notDirectory { return [] }
            bytes = try file.reopenRegular().readAll(limit: limit)
        } catch where error == .notSupported {
            throw OperationError("read", name, .invalid("in the image it is no regular file"))
        } catch {
            throw OperationError("read", name, .errno(error))
        }
        return bytes.split(separator: 0x0A).map { $0.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map { Array($0) } }
    }

    private static func path(_ name: String) throws(Errno) -> InRootPath {
        guard let path = InRootPath(bytes: name.utf8) else { throw .invalid }
        return path
    }

    /// The ids of "user", "uid", "user:group" and so on. Source: conversion.md "Config.User".
    ///
    /// A number is taken as it stands, and need not be in the files. A user without a group has the group of its line, and by
    /// name also the groups that list it.
    /// - Throws: for a name that is not in the files.
    func user(_ text: String) throws(OperationError) -> User {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { Array($0.utf8) }
        func unknown(_ what: String, _ name: [UInt8], _ file: String) -> OperationError {
            OperationError("look up", text, .invalid("the image has no \(what) \(quoted(String(decoding: name, as: UTF8.self))) in \(file)"), field: "config.User")
        }
        func number(_ name: [UInt8], _ what: String) throws(OperationError) -> UInt32? {
            guard !name.isEmpty, name.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            guard let number = decimal(name[...]), number < Int64(UInt32.max) else {
                throw OperationError("look up", text, .invalid("the \(what) id is out of range"), field: "config.User")
            }
            return UInt32(number)
        }
        var user = User()
        let name = parts[0]
        var line: [[UInt8]]?
        if name.isEmpty {
            line = nil  // ":group" is root with that group
        } else if let uid = try number(name, "user") {
            user.uid = uid
            line = users.first { $0.count > 3 && Self.id($0[2]) == uid }
        } else {
            guard let found = users.first(where: { $0.count > 3 && $0[0] == name }), let uid = Self.id(found[2]) else { throw unknown("user", name, "/etc/passwd") }
            user.uid = uid
            line = found
        }
        if let line, let gid = Self.id(line[3]) { user.gid = gid }
        guard parts.count == 2, !parts[1].isEmpty else {
            if try number(name, "user") == nil, !name.isEmpty { user.additionalGids = groups(of: name).filter { $0 != user.gid } }
            return user
        }
        if let gid = try number(parts[1], "group") {
            user.gid = gid
        } else {
            guard let found = groups.first(where: { $0.count > 2 && $0[0] == parts[1] }), let gid = Self.id(found[2]) else { throw unknown("group", parts[1], "/etc/group") }
            user.gid = gid
        }
        return user
    }

    /// The home directory of `uid`; nil when no line has it.
    func home(of uid: UInt32) -> String? {
        guard let line = users.first(where: { $0.count > 5 && Self.id($0[2]) == uid }), !line[5].isEmpty else { return nil }
        return String(decoding: line[5], as: UTF8.self)
    }

    private func groups(of user: [UInt8]) -> [UInt32] {
        var ids: [UInt32] = []
        for line in groups where line.count > 3 {
            guard line[3].split(separator: UInt8(ascii: ",")).contains(where: { $0.elementsEqual(user) }), let gid = Self.id(line[2]) else { continue }
            if !ids.contains(gid) { ids.append(gid) }
        }
        return ids
    }

    private static func id(_ text: [UInt8]) -> UInt32? {
        guard let number = decimal(text[...]), number < Int64(UInt32.max) else { return nil }
        return UInt32(number)
    }
}
