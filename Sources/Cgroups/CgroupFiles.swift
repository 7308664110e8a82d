// The only place that writes limits: each file below the handle of the cgroup's own directory, one write(2) for each.
import Diagnostics
import Kernel
import OCISpec

extension FileDescriptor {
    /// Carries out `writes` in this cgroup directory, which is `path`.
    borrowing func write(_ writes: [CgroupWrite], in path: String) throws(OperationError) {
        var delayed: [CgroupWrite] = []
        var start = 0
        while start < writes.count {
            // Writes to one file follow each other: it is opened once.
            var end = start + 1
            while end < writes.count && writes[end].file == writes[start].file { end += 1 }
            delayed += try write(writes[start..<end], in: path)
            let file = writes[start].file
            for write in delayed where write.fallback == .again(after: file) {
                var last = write
                last.fallback = .none
                _ = try self.write([last][...], in: path)
            }
            delayed.removeAll { $0.fallback == .again(after: file) }
            start = end
        }
        if let left = delayed.first { throw left.failure(.invalid, in: path) }
    }

    /// Writes to one file; answers those that are to be tried again.
    private borrowing func write(_ writes: ArraySlice<CgroupWrite>, in path: String) throws(OperationError) -> [CgroupWrite] {
        guard let first = writes.first else { return [] }
        if let other = first.notBelow { try refuse(first, below: other, in: path) }
        let file: FileDescriptor
        do throws(Errno) {
            file = try open(Path(first.file), [.writeOnly, .noFollow])
        } catch {
            if error == .noEntry {
                if case .ignoreMissing = first.fallback { return [] }
                if case .instead = first.fallback { return try write(writes.map { $0.substitute }, in: path, of: first) }
            }
            throw first.failure(error, in: path)
        }
        var again: [CgroupWrite] = []
        for write in writes {
            do throws(Errno) {
                try file.writeAtOnce(write.text)
            } catch {
                if error == .invalid, case .again = write.fallback { again.append(write) } else { throw write.failure(error, in: path) }
            }
        }
        return again
    }

    /// The substitutes of `writes`; when their file is missing as well, the error is about the file asked for first.
    private borrowing func write(_ writes: [CgroupWrite], in path: String, of first: CgroupWrite) throws(OperationError) -> [CgroupWrite] {
        do throws(OperationError) {
            return try write(writes[...], in: path)
        } catch {
            throw error.errno == .noEntry ? first.failure(.noEntry, in: path) : error
        }
    }

    private borrowing func refuse(_ write: CgroupWrite, below file: String, in path: String) throws(OperationError) {
        guard let limit = UInt64(write.text), let usage = number(in: file), usage > limit else { return }
        throw OperationError(
            "write", path + "/" + write.file, .invalid("the limit of \(limit) is below the present use of \(usage)"), field: write.field)
    }

    /// The first word of a file of this cgroup; nil when there is no such file or it says "max".
    borrowing func number(in file: String) -> UInt64? { text(of: file).flatMap { words($0).first }.flatMap { UInt64($0) } }

    /// The text of a file of this cgroup; nil when it cannot be read, which mostly means that there is none.
    borrowing func text(of file: String) -> String? {
        do throws(Errno) {
            return String(decoding: try open(Path(file), [.readOnly, .noFollow]).readAll(limit: 1 << 20), as: UTF8.self)
        } catch {
            return nil
        }
    }

    /// Attaches the program of `policy`; programs that were there before are detached once the new one is in force.
    borrowing func limitDevices(_ policy: DevicePolicy, in path: String, isNew: Bool) throws(OperationError) {
        do throws(Errno) {
            let old = isNew ? [] : try devicePrograms()
            try attach(deviceProgram: try FileDescriptor.deviceProgram(policy.program()))
            for id in old { try detach(deviceProgram: try FileDescriptor.program(withID: id)) }
        } catch {
            throw OperationError(
                "limit devices of", path, .errno(error), field: resourcesField + ".devices",
                hint: error == .notPermitted ? "this needs CAP_BPF or CAP_SYS_ADMIN on the host" : nil)
        }
    }

    /// Makes `owner` the owner of this directory and of the files that a delegated cgroup needs, no others.
    ///
    /// Source: config-linux.md "Cgroup ownership" (RT-config-linux-057 to 060).
    borrowing func giveTo(_ owner: UInt32, _ path: String) throws(OperationError) {
        var files = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]
        do throws(Errno) {
            files = words(String(decoding: try readFile("/sys/kernel/cgroup/delegate", limit: 65536), as: UTF8.self))
        } catch {}  // before Linux 4.15; RT-config-linux-059
        do throws(Errno) {
            try changeOwner(uid: owner, gid: .max)
            for file in files where CgroupPath.problem(file) == nil {
                do throws(Errno) {
                    try open(Path(file), [.path, .noFollow]).changeOwner(uid: owner, gid: .max)
                } catch where error == .noEntry {}
            }
        } catch {
            throw OperationError("change owner of", path, .errno(error))
        }
    }
}

extension CgroupWrite {
    fileprivate var substitute: CgroupWrite {
        guard case .instead(let file, let text) = fallback else { return self }
        return CgroupWrite(file: file, text: text, field: field)
    }

    fileprivate func failure(_ error: Errno, in path: String) -> OperationError {
        OperationError("write \(quoted(text)) to", path + "/" + file, .errno(error), field: field, hint: hint(error))
    }
}
