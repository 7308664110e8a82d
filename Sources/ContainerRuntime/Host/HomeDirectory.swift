import Diagnostics
import Kernel
import UntrustedTree

/// The home directory of `uid` by /etc/passwd of the rootfs; "/" where that says nothing.
///
/// The file is the image's: it is read below the root, must be a regular file, and is read up to 1 MiB.
/// Source: passwd(5).
func homeDirectory(of uid: UInt32, rootfs: Path) -> String {
    do throws(Errno) {
        let root = RootDirectory(try FileDescriptor.open(rootfs, [.path, .directory]))
        guard let path = InRootPath(bytes: "/etc/passwd".utf8) else { return "/" }
        let file = try root.open(path, [.readOnly, .nonBlocking, .noControllingTerminal])
        guard try file.status().kind == .regular else { return "/" }
        let wanted = Array(String(uid).utf8)
        for line in try file.readAll(limit: 1 << 20).split(separator: 0x0A) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            // a home that no path can be is none
            if fields.count > 5, fields[2].elementsEqual(wanted), fields[5].first == UInt8(ascii: "/"), !fields[5].contains(0) {
                return String(decoding: fields[5], as: UTF8.self)
            }
        }
        return "/"
    } catch {
        return "/"
    }
}
