import Diagnostics
import Kernel

extension ImageDirectory {
    /// Lets the root of a new user namespace read the images, those of `--parent-path` too.
    ///
    /// criu opens some of them as the host's root without its capabilities, others as the container's root, whose group gets access: nobody else does.
    borrowing func letRead(group: UInt32) throws(OperationError) {
        var path = imagePath
        var directory: FileDescriptor
        do throws(Errno) { directory = try images.duplicate(above: 100) } catch { throw OperationError("open", path.text, .errno(error)) }
        for _ in 0..<64 {  // a circle would be criu's own to refuse
            do throws(Errno) {
                let names = try directory.entries().filter { $0.text.hasSuffix(".img") }.compactMap { Path(bytes: $0.name) }
                if names.isEmpty { return }  // a link to something else; criu says what it misses
                try directory.letRead(group: group, permissions: 0o050)
                for name in names {
                    let file: FileDescriptor
                    do throws(Errno) { file = try directory.open(name, [.readOnly, .noFollow, .nonBlocking]) } catch where error == .tooManyLinks { continue }
                    if try file.status().kind == .regular { try file.letRead(group: group, permissions: 0o040) }
                }
            } catch {
                throw OperationError(
                    "let root of the container read", path.text, .errno(error), field: "linux.gidMappings",
                    hint: "the directory must be for reading by the group \(group), and the files in it")
            }
            path = path.appending("parent")
            do throws(Errno) { directory = try directory.open("parent", [.readOnly, .directory]) } catch where error == .noEntry { return } catch {
                throw OperationError("open", path.text, .errno(error), hint: "it leads to the images of --parent-path")
            }
        }
    }
}

extension FileDescriptor {
    /// Makes the file root's and the group's, unless everybody has `permissions` anyway.
    fileprivate borrowing func letRead(group: UInt32, permissions: UInt32) throws(Errno) {
        let status = try status()
        if status.permissions & (permissions >> 3) == permissions >> 3 { return }
        if status.uid != 0 || status.gid != group { try changeOwner(uid: 0, gid: group) }
        if status.permissions & permissions != permissions { try changePermissions(status.permissions & 0o777 | permissions) }
    }
}
