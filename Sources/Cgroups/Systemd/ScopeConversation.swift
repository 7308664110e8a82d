// The conversation with systemd about a container's scope: make it, change it, end it.
//
// A scope needs a process from its first moment, and the container's init must be cloned into the scope's cgroup, so that
// its cgroup namespace begins there. So a process that only sleeps holds the place until the init is in.
// Source: org.freedesktop.systemd1(5); systemd.scope(5).
package import Diagnostics
import Kernel

/// A scope that systemd has made.
struct StartedScope {
    /// The process that holds the place.
    var placeholder: Int32
    /// Below the mount points, without a leading slash.
    var path: String
}

private var systemdName: String { "org.freedesktop.systemd1" }
/// For all answers together: a silent bus is reported within 5 seconds.
private var answerMilliseconds: Int64 { 4_000 }
/// A busy systemd may take its time for a job once it has taken it on.
private var jobMilliseconds: Int64 { 30_000 }

private func request(_ method: String, _ body: [DBusValue]) -> DBusMessage {
    .call(method, interface: systemdName + ".Manager", path: "/org/freedesktop/systemd1", destination: systemdName, body)
}

/// What this systemd understands of `properties`: the weight 0, which means idle, is new in version 252, and refused before.
private func understood(_ properties: [SystemdProperty], _ bus: inout DBusConnection) throws(OperationError) -> [SystemdProperty] {
    guard properties.contains(.idle) else { return properties }
    let answer = try bus.call(
        .call(
            "Get", interface: "org.freedesktop.DBus.Properties", path: "/org/freedesktop/systemd1", destination: systemdName,
            [.string(systemdName + ".Manager"), .string("Version")]))
    return systemdVersion(answer.body.first) >= 252 ? properties : properties.filter { $0 != .idle }
}

extension SystemdScope {
    /// Makes the scope around a process of its own and waits until it is there.
    ///
    /// After a failure nothing is left: without its process the scope ends.
    /// - Throws: `ETIMEDOUT` naming the call; systemd's own words when it refuses.
    func start() throws(OperationError) -> StartedScope {
        var bus = try DBusConnection.open(unit.bus, withinMilliseconds: answerMilliseconds)
        let placeholder = try Placeholder.start()
        do throws(OperationError) {
            try start(placeholder, &bus)
            return StartedScope(placeholder: placeholder, path: try path(of: placeholder))
        } catch {
            Placeholder.end(placeholder)
            throw error
        }
    }

    private func start(_ placeholder: Int32, _ bus: inout DBusConnection) throws(OperationError) {
        bus.match(unit.jobRule)
        let known = try understood(properties, &bus)
        let processes = SystemdProperty("PIDs", .array("u", [.uint32(UInt32(placeholder))]))
        let start = request(
            "StartTransientUnit",
            [
                .string(unit.name), .string("replace"), .array("(sv)", (known + [processes]).map { $0.entry }),
                .array("(sa(sv))", []),
            ])
        var answer = try bus.call(start)
        if answer.errorName == systemdName + ".UnitExists" {
            // One that failed, made by somebody else, may be in the way.
            _ = try bus.call(request("ResetFailedUnit", [.string(unit.name)]))
            answer = try bus.call(start)
        }
        if answer.errorName == systemdName + ".UnitExists" {
            throw OperationError(
                "make scope", unit.name, .invalid("systemd has a unit of this name already"),
                hint: "another container uses this cgroupsPath; \"systemctl status \(escaped(unit.name))\" shows it")
        }
        let job = try unit.job(answer, "make scope")
        try unit.finish(job, &bus, "make scope")
    }

    /// Where systemd has put the process.
    private func path(of pid: Int32) throws(OperationError) -> String {
        let file = "/proc/\(pid)/cgroup"
        do throws(Errno) {
            let memberships = CgroupMembership.parse(String(decoding: try readFile(Path(file), limit: 1 << 20), as: UTF8.self))
            // beside version 1, systemd may have a hierarchy of its own instead
            let own = memberships.first { ($0.isVersion2 || $0.name == "systemd") && $0.path.hasSuffix("/" + unit.name) }
            if let own { return String(own.path.dropFirst()) }
        } catch {
            throw OperationError("read", file, .errno(error))
        }
        throw OperationError("make scope", unit.name, .invalid("systemd has not put the process into it"))
    }
}

extension SystemdUnit {
    /// The signal that tells of the end of this unit's jobs.
    fileprivate var jobRule: String {
        "type='signal',sender='\(systemdName)',interface='\(systemdName).Manager',member='JobRemoved',arg2='\(name)'"
    }

    /// The job of an answer.
    fileprivate func job(_ answer: DBusMessage, _ operation: String) throws(OperationError) -> String {
        if answer.kind == .answer, case .objectPath(let job)? = answer.body.first { return job }
        throw refused(answer, operation)
    }

    private func refused(_ answer: DBusMessage, _ operation: String) -> OperationError {
        let words = answer.body.first?.text ?? answer.errorName ?? "an answer without words"
        return OperationError(operation, name, .invalid("systemd says \(quoted(words))"))
    }

    fileprivate func finish(_ job: String, _ bus: inout DBusConnection, _ operation: String) throws(OperationError) {
        bus.extend(withinMilliseconds: jobMilliseconds)
        let result: String = try bus.awaitSignal("JobRemoved") { signal in
            guard signal.member == "JobRemoved", signal.body.count == 4, signal.body[1].text == job else { return nil }
            return signal.body[3].text ?? ""
        }
        if result != "done" {
            throw OperationError(
                operation, name, .invalid("systemd's job ended with \(quoted(result))"), hint: "\"journalctl --unit \(escaped(name))\" may tell why")
        }
    }

    /// Ends the scope, and whatever is in it, and waits until systemd has forgotten it. One that is gone is fine.
    package func stop() throws(OperationError) {
        var bus = try DBusConnection.open(self.bus, withinMilliseconds: answerMilliseconds)
        bus.match(jobRule)
        // Else systemd would ask processes that are left to end, and wait for a minute and a half.
        _ = try bus.call(request("KillUnit", [.string(name), .string("all"), .int32(9)]))
        let answer = try bus.call(request("StopUnit", [.string(name), .string("replace")]))
        if answer.errorName == systemdName + ".NoSuchUnit" { return }
        let job = try self.job(answer, "remove scope")
        try finish(job, &bus, "remove scope")
    }

    /// Gives the scope other limits, until it ends: as properties, and in the files that systemd then writes otherwise.
    ///
    /// - Parameter plan: an update that has been applied.
    package func tell(_ plan: CgroupPlan) throws(OperationError) {
        let again = plan.unknownToSystemd
        try set(systemdProperties(of: plan.directories.flatMap { $0.writes }), settled: !again.directories.isEmpty)
        try Cgroup.apply(again)
    }

    /// - Parameter settled: whether to wait until systemd has written the files. It answers before, and reads the next question after that.
    func set(_ properties: [SystemdProperty], settled: Bool = false) throws(OperationError) {
        if properties.isEmpty { return }
        var bus = try DBusConnection.open(self.bus, withinMilliseconds: answerMilliseconds)
        let known = try understood(properties, &bus)
        let answer = try bus.call(request("SetUnitProperties", [.string(name), .boolean(true), .array("(sv)", known.map { $0.entry })]))
        if answer.kind == .error { throw refused(answer, "change limits of scope") }
        if settled { _ = try bus.call(.call("Ping", interface: "org.freedesktop.DBus.Peer", path: "/org/freedesktop/systemd1", destination: systemdName, [])) }
    }
}

/// A process that does nothing but hold a place in a cgroup. It ends with its maker.
enum Placeholder {
    static func start() throws(OperationError) -> Int32 {
        let maker = processID()
        do throws(Errno) {
            switch try clone([]) {
            case .parent(let pid): return pid
            case .child: hold(maker)
            }
        } catch {
            throw OperationError("make process for", "scope", .errno(error))
        }
    }

    private static func hold(_ maker: Int32) -> Never {
        do throws(Errno) { try setParentDeathSignal(9) } catch { exitNow(1) }
        if parentProcessID() != maker { exitNow(1) }
        while true { sleep(milliseconds: 3_600_000) }
    }

    /// Ends it and waits for its end. Once it has been waited for, its number is not ours any more, and nothing is done.
    static func end(_ pid: Int32) {
        do throws(Errno) {
            guard try waitForChild(pid, blocking: false) == .stillRunning else { return }
            try sendSignal(9, to: pid)
            _ = try waitForChild(pid)
        } catch {}  // ECHILD: see above
    }
}
