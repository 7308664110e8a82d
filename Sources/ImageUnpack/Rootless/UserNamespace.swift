// The user namespace in which an unpacker without privileges is root: with its own id alone, or with the ranges of ids that the host has
// given it in /etc/subuid and /etc/subgid, which newuidmap(1) and newgidmap(1) map.
package import Diagnostics
package import Kernel
package import OCISpec

/// The ids of a user namespace.
package struct IDMappings: Equatable, Sendable {
    package var uids: [LinuxIDMapping]
    package var gids: [LinuxIDMapping]

    /// The caller's own id as root's, and the ranges that the host gives it from 1 on; nil when there are none for users or for groups, or
    /// when newuidmap and newgidmap are not installed.
    package static var ofCaller: IDMappings? {
        let (uid, gid) = (effectiveUserID(), effectiveGroupID())
        let name = userName(of: uid)
        let users = ranges("/etc/subuid", uid: uid, name: name)
        let groups = ranges("/etc/subgid", uid: uid, name: name)
        guard !users.isEmpty, !groups.isEmpty, findProgram("newuidmap") != nil, findProgram("newgidmap") != nil else { return nil }
        return IDMappings(uids: mappings(own: uid, users), gids: mappings(own: gid, groups))
    }

    init(uids: [LinuxIDMapping], gids: [LinuxIDMapping]) { (self.uids, self.gids) = (uids, gids) }

    private static func mappings(own: UInt32, _ ranges: [(start: UInt32, count: UInt32)]) -> [LinuxIDMapping] {
        var mappings = [LinuxIDMapping(containerID: 0, hostID: own, size: 1)]
        var next: UInt32 = 1
        for range in ranges {
            let (end, overflow) = next.addingReportingOverflow(range.count)
            if overflow || end == .max { break }
            mappings.append(LinuxIDMapping(containerID: next, hostID: range.start, size: range.count))
            next = end
        }
        return mappings
    }

    /// "USER:START:COUNT" lines. Source: subuid(5).
    static func ranges(of text: [UInt8], uid: UInt32, name: [UInt8]?) -> [(start: UInt32, count: UInt32)] {
        var ranges: [(start: UInt32, count: UInt32)] = []
        for line in text.split(separator: 0x0A) {
            let parts = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard parts.count == 3, let start = decimal(parts[1]), let count = decimal(parts[2]), count > 0, start + count < Int64(UInt32.max) else { continue }
            if decimal(parts[0]) == Int64(uid) || (name.map { $0.elementsEqual(parts[0]) } ?? false) { ranges.append((UInt32(start), UInt32(count))) }
        }
        return ranges
    }

    private static func ranges(_ file: Path, uid: UInt32, name: [UInt8]?) -> [(start: UInt32, count: UInt32)] {
        // a file that cannot be read gives nothing
        do throws(Errno) { return ranges(of: try readFile(file, limit: 1 << 20), uid: uid, name: name) } catch { return [] }
    }

    /// From the host's own file alone: a user of a directory service writes its number into /etc/subuid.
    private static func userName(of uid: UInt32) -> [UInt8]? {
        do throws(Errno) {
            for line in try readFile("/etc/passwd", limit: 4 << 20).split(separator: 0x0A) {
                let parts = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
                if parts.count > 2, decimal(parts[2]) == Int64(uid) { return Array(parts[0]) }
            }
        } catch {}  // without a name its number is looked for
        return nil
    }

    /// Enters a user and a mount namespace with these ids. The process must have one thread; it is root there.
    package func enter() throws(OperationError) {
        func failed(_ error: Errno) -> OperationError {
            OperationError("make", "user namespace", .errno(error), hint: "user namespaces must be allowed, or calque be run by root")
        }
        guard let newuidmap = findProgram("newuidmap"), let newgidmap = findProgram("newgidmap") else {
            throw OperationError("run", "newuidmap", .errno(.noEntry), hint: "install it (Debian: apt install uidmap), or unpack with --owners recorded")
        }
        let pid = processID()
        do throws(Errno) {
            let pipe = try FileDescriptor.pipe()
            // the maps are written from outside: by a child that stays there
            guard case .parent(let child) = try clone([]) else { Self.writeMaps([(newgidmap, gids), (newuidmap, uids)], of: pid, when: pipe) }
            let entered = pipe.intoWriting()
            try unshare([NamespaceSet(.user), NamespaceSet(.mount)])
            try entered.write("x")
            try entered.close()
            guard case .ended(_, let status) = try waitForChild(child), status == 0 else { throw Errno.notPermitted }
        } catch where error == .notPermitted {
            throw OperationError(
                "map", "ids", .errno(error), hint: "newuidmap has said why: /etc/subuid and /etc/subgid must give the ranges; or unpack with --owners recorded")
        } catch {
            throw failed(error)
        }
    }

    /// The child: waits until its parent is in the namespace, and has both maps written.
    private static func writeMaps(_ maps: [(program: Path, ranges: [LinuxIDMapping])], of pid: Int32, when pipe: consuming Pipe) -> Never {
        do throws(Errno) {
            let waiting = pipe.intoReading()
            if try waiting.read(atMost: 1).isEmpty { exitNow(1) }
            for map in maps {
                var arguments = [map.program.lastComponent, String(pid)]
                for range in map.ranges { arguments += [String(range.containerID), String(range.hostID), String(range.size)] }
                let argv = StringVector(arguments)
                let envp = StringVector(environment())
                guard case .parent(let child) = try clone([]) else {
                    do throws(Errno) { try execute(map.program, arguments: argv, environment: envp) } catch {}
                    exitNow(127)
                }
                guard case .ended(_, let status) = try waitForChild(child), status == 0 else { exitNow(1) }
            }
        } catch {
            exitNow(1)
        }
        exitNow(0)
    }
}

/// Lets a caller without privileges read and remove what belongs to its ranges of ids, if it has any. The process must have one thread.
package func enterNamespaceOfStore() throws(OperationError) {
    if effectiveUserID() != 0, let mappings = IDMappings.ofCaller { try mappings.enter() }
}
