// What is read from the host's /proc. The process whose files are read may belong to a hostile container: every number
// is parsed with bounds, and nothing that it names is opened.
package import Diagnostics

/// What tells one process from another with the same pid, and whether it still runs.
package struct ProcessStatus: Equatable, Sendable {
    /// The letter of /proc/PID/stat: R, S, D, T, Z, X…
    package let state: UInt8
    package let parent: Int32
    /// Clock ticks between boot and the start of the process: with the pid, an identity until the next boot.
    package let startTicks: UInt64
    package var hasEnded: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }
}

/// Reads /proc/PID/stat. Nil when there is no such process.
/// Source: proc(5); field 2 may hold any byte, so counting begins behind its last ")".
package func processStatus(_ pid: Int32) throws(Errno) -> ProcessStatus? {
    do throws(Errno) {
        return try processStatus(of: readFile(Path("/proc/\(pid)/stat"), limit: 4096))
    } catch where error == .noEntry || error == .noProcess {
        return nil
    }
}

/// Reads `stat` of the process whose directory below /proc this is. Nil when the process is gone, whoever has its pid now.
package func processStatus(in directory: borrowing FileDescriptor) throws(Errno) -> ProcessStatus? {
    do throws(Errno) {
        return try processStatus(of: directory.open("stat", .readOnly).readAll(limit: 4096))
    } catch where error == .noEntry || error == .noProcess {
        return nil
    }
}

private func processStatus(of bytes: [UInt8]) throws(Errno) -> ProcessStatus {
    guard let name = bytes.lastIndex(of: UInt8(ascii: ")")) else { throw .inputOutput }
    let fields = bytes[(name + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19, let state = fields[0].first,
        let parent = Int32(String(decoding: fields[1], as: UTF8.self)),
        let start = UInt64(String(decoding: fields[19], as: UTF8.self))
    else { throw .inputOutput }
    return ProcessStatus(state: state, parent: parent, startTicks: start)
}

/// A handle of /proc/`name` that is proven to be procfs, so that a file mounted over it cannot stand in.
/// - Throws: `ESTALE` when the file is not procfs'.
package func openVerifiedProc(_ name: String, _ flags: OpenFlags) throws(Errno) -> FileDescriptor {
    let file = try FileDescriptor.open(Path("/proc/" + name), flags)
    if try file.filesystemType() != .proc { throw .stale }
    return file
}

extension FileDescriptor {
    /// Opens the file that this handle stands for, once more. A handle of `OpenFlags.path` does nothing to what it stands for; opening a
    /// device may (a watchdog begins to count, a tape is rewound): look at the handle's type before.
    package borrowing func reopen(_ flags: OpenFlags) throws(Errno) -> FileDescriptor {
        let links = try FileDescriptor.open("/proc/self/fd", [.path, .directory])
        if try links.filesystemType() != .proc { throw .stale }
        return try links.open(Path("\(raw)"), flags)
    }
}

extension FileDescriptor {
    /// Opens the regular file `name` of this directory for reading. What else may have that name, by now, is not opened: a device may do something then.
    /// - Throws: `EOPNOTSUPP` for anything but a regular file.
    package borrowing func openRegular(_ name: Path) throws(Errno) -> FileDescriptor { try open(name, [.path, .noFollow]).reopenRegular() }

    /// Opens the regular file that this handle of `OpenFlags.path` stands for.
    /// - Throws: `EOPNOTSUPP` for anything else.
    package borrowing func reopenRegular() throws(Errno) -> FileDescriptor {
        guard try status().kind == .regular else { throw .notSupported }
        return try reopen([.readOnly, .nonBlocking, .noControllingTerminal])
    }
}

/// The boot's random id: what is remembered from another boot is no longer true.
package func bootID() throws(Errno) -> String {
    let bytes = try readFile("/proc/sys/kernel/random/boot_id", limit: 128)
    return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
}

/// In how many pid namespaces, from that of /proc on, the process "4711" or "self" has a number. Source: proc_pid_status(5), NSpid.
package func pidNamespaceDepth(of process: String) throws(Errno) -> Int {
    let text = String(decoding: try readFile(Path("/proc/\(process)/status"), limit: 65536), as: UTF8.self)
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("NSpid:") }) else { throw .noEntry }
    return line.split { $0 == "\t" || $0 == " " }.count - 1
}
