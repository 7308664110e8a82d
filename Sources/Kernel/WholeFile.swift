import CKernel
package import Diagnostics

extension FileDescriptor {
    /// Makes the file `name` of this directory with all its bytes at once; what stood there is replaced.
    ///
    /// The file has no name until it is whole, so that a process that is killed meanwhile leaves nothing. File systems that cannot
    /// make a file without a name get one with the temporary name `.NAME.PID`, which a failure removes and a kill leaves.
    /// - Throws: any errno of open(2), write(2), linkat(2) and rename(2).
    /// Source: open(2), `O_TMPFILE`.
    package borrowing func makeFile(_ name: Path, _ content: [UInt8], permissions: UInt32) throws(Errno) {
        do throws(Errno) {
            let file = try open(".", [.writeOnly, .unnamed], mode: permissions)
            try file.write(content)
            do throws(Errno) {
                return try makeName(name, of: file)
            } catch where error == .exists {
                try remove(name)
                return try makeName(name, of: file)
            }
        } catch where error == .notSupported || error == .isDirectory || error == .noEntry {
            try makeByRename(name, content, permissions: permissions)
        }
    }

    /// What has the name already is not taken over: in a directory of many it may be somebody else's, who can guess the name.
    private borrowing func openNew(_ name: Path, permissions: UInt32) throws(Errno) -> FileDescriptor {
        let flags: OpenFlags = [.writeOnly, .create, .exclusive, .noFollow]
        do throws(Errno) { return try open(name, flags, mode: permissions) } catch where error == .exists {
            try remove(name)  // of a process that was killed
            return try open(name, flags, mode: permissions)
        }
    }

    private borrowing func makeByRename(_ name: Path, _ content: [UInt8], permissions: UInt32) throws(Errno) {
        let temporary = Path(".\(String(decoding: name.bytes, as: UTF8.self)).\(processID())")
        do throws(Errno) {
            try openNew(temporary, permissions: permissions).write(content)
            try rename(temporary, to: name)
        } catch {
            do throws(Errno) { try remove(temporary) } catch {}  // the first error is the one to tell
            throw error
        }
    }
}
