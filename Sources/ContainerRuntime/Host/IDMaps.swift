// The id maps of a new user namespace, written by the parent: directly with privileges, for one's own single id, or
// through newuidmap(1) and newgidmap(1).
package import Diagnostics
import Kernel
import ContainerInit

/// One range of a map. Source: user_namespaces(7).
package struct IDMapRange: Equatable, Sendable {
    package var containerID: UInt32
    package var hostID: UInt32
    package var size: UInt32
    package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.size = size
    }
}

/// The maps of a container.
package struct IDMaps: Equatable, Sendable {
    package var uids: [IDMapRange]
    package var gids: [IDMapRange]
    package init(uids: [IDMapRange], gids: [IDMapRange]) {
        self.uids = uids
        self.gids = gids
    }

    /// Writes both maps of the process `pid`.
    /// - Parameter field: the JSON path of the object that has `uidMappings` and `gidMappings`.
    package func write(to pid: Int32, field: String = "linux") throws(OperationError) {
        let (uidField, gidField) = (field + ".uidMappings", field + ".gidMappings")
        let privileged = effectiveUserID() == 0
        if privileged || isOnlyOwn(gids, id: effectiveGroupID()) {
            // without privileges a group map may be written only where setgroups(2) is given up (CVE-2014-8989)
            if !privileged { try write("deny", to: "setgroups", of: pid, field: gidField) }
            try write(text(gids), to: "gid_map", of: pid, field: gidField)
        } else {
            try runMapper("newgidmap", pid: pid, ranges: gids, field: gidField, database: "/etc/subgid")
        }
        if privileged || isOnlyOwn(uids, id: effectiveUserID()) {
            try write(text(uids), to: "uid_map", of: pid, field: uidField)
        } else {
            try runMapper("newuidmap", pid: pid, ranges: uids, field: uidField, database: "/etc/subuid")
        }
    }

    /// Whether setgroups(2) is denied in the namespace.
    package func deniesGroups(privileged: Bool) -> Bool { !privileged && isOnlyOwn(gids, id: effectiveGroupID()) }

    private func isOnlyOwn(_ ranges: [IDMapRange], id: UInt32) -> Bool { ranges.count == 1 && ranges[0].size == 1 && ranges[0].hostID == id }

    private func text(_ ranges: [IDMapRange]) -> String {
        ranges.reduce("") { $0 + "\($1.containerID) \($1.hostID) \($1.size)\n" }
    }

    private func write(_ text: String, to file: String, of pid: Int32, field: String) throws(OperationError) {
        do throws(Errno) {
            try openVerifiedProc("\(pid)/\(file)", .writeOnly).writeAtOnce(text)
        } catch {
            throw OperationError("write", "/proc/\(pid)/\(file)", .errno(error), field: field, hint: "the ranges must be valid in the user namespace of the caller")
        }
    }

    private func runMapper(_ program: String, pid: Int32, ranges: [IDMapRange], field: String, database: String) throws(OperationError) {
        guard let path = findProgram(program) else {
            throw OperationError(
                "run", program, .errno(.noEntry), field: field,
                hint: "install it (Debian: apt install uidmap), or map only your own id with size 1")
        }
        let arguments = [program, "\(pid)"] + ranges.flatMap { ["\($0.containerID)", "\($0.hostID)", "\($0.size)"] }
        let outcome: HookProcess.Outcome
        do throws(Errno) {
            outcome = try HookProcess.run(HookStep(path: path, arguments: arguments, environment: [], timeoutSeconds: 10, input: ""))
        } catch {
            throw OperationError("run", program, .errno(error), field: field)
        }
        guard outcome.status == 0 else {
            let said = String(decoding: outcome.errorOutput.prefix { $0 != 0x0A }, as: UTF8.self)
            throw OperationError(
                "run", program, .invalid("it failed with status \(outcome.status): \(escaped(said))"), field: field,
                hint: Self.hint(
                    program, ranges: ranges, database: database, ownID: program == "newgidmap" ? effectiveGroupID() : effectiveUserID(),
                    user: userName(effectiveUserID())))
        }
    }

    /// The command that gives the ranges to the caller; none for ids that people and services of the host may have.
    static func hint(_ program: String, ranges: [IDMapRange], database: String, ownID: UInt32, user: String) -> String {
        let missing = ranges.filter { !($0.hostID == ownID && $0.size == 1) }
        guard missing.allSatisfy({ $0.hostID >= 65536 }) else { return "\(database) must give your user these ids, which others may have; your own is \(ownID)" }
        let option = program == "newgidmap" ? " --add-subgids " : " --add-subuids "
        let words = missing.map { option + "\($0.hostID)-\(UInt64($0.hostID) + UInt64($0.size) - 1)" }.joined()
        return "\(database) must give your user these ids: sudo usermod\(words) \(user)"
    }
}
