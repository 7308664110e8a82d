import Diagnostics
import Kernel

enum PidFile {
    /// Writes `pid` into the file `path` as a whole: readers see nothing or the number.
    /// Source: what conmon and containerd's shim wait for.
    static func write(_ pid: Int32, to path: Path) throws(OperationError) {
        let bytes = path.bytes
        let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? bytes.startIndex
        do throws(Errno) {
            guard let directory = start == bytes.startIndex ? Path(".") : Path(bytes: bytes[..<start]) else { throw .invalid }
            try FileDescriptor.open(directory, [.path, .directory]).makeFile(Path(path.lastComponent), Array(String(pid).utf8), permissions: 0o644)
        } catch {
            throw OperationError("write pid file", path.text, .errno(error))
        }
    }
}
