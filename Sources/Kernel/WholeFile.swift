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
                return try give(name, to: file)
            } catch where error == .exists {
                try remove(name)
                return try give(name, to: file)
            }
        } catch where error == .notSupported || error == .isDirectory || error == .noEntry {
            try makeByRename(name, content, permissions: permissions)
        }
    }

    /// Through /proc: with the descriptor alone linkat(2) wants CAP_DAC_READ_SEARCH.
    private borrowing func give(_ name: Path, to file: borrowing FileDescriptor) throws(Errno) {
        let directory = raw
        let place = Path("/proc/self/fd/\(file.raw)")
        try check(unsafe place.withCString { place in
            unsafe name.withCString { unsafe kernel_linkat(currentDirectoryNumber, place, directory, $0, AT_SYMLINK_FOLLOW) }
        })
    }

    private borrowing func makeByRename(_ name: Path, _ content: [UInt8], permissions: UInt32) throws(Errno) {
        let temporary = Path(".\(String(decoding: name.bytes, as: UTF8.self)).\(processID())")
        do throws(Errno) {
            try open(temporary, [.writeOnly, .create, .truncate, .noFollow], mode: permissions).write(content)
            try rename(temporary, to: name)
        } catch {
            do throws(Errno) { try remove(temporary) } catch {}  // the first error is the one to tell
            throw error
        }
    }
}
