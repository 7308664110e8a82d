// `linux.intelRdt`: a class of service and a monitoring group in the resctrl file system. The parent makes them and puts the
// init into them: see Host/Resctrl.swift.
// Source: config-linux.md "IntelRdt" (RT-config-linux-123 to RT-config-linux-152); kernel arch/x86/resctrl.rst.
import Diagnostics
package import Kernel
package import OCISpec

/// The resctrl file system of the host.
package struct ResctrlHost {
    /// Where it is mounted; nil where it is not.
    package var root: Path?
    /// The text of a file of it; nil when it cannot be read.
    package var text: (Path) -> String?
    package init(root: Path?, text: @escaping (Path) -> String?) {
        self.root = root
        self.text = text
    }

    /// The error of a host without it, for `operation` on `subject`.
    static func isMissing(_ operation: String, _ subject: String) -> OperationError {
        OperationError(
            operation, subject, .unsupported("resource control where no resctrl is mounted"), field: "linux.intelRdt",
            hint: "on hardware that has it: mount -t resctrl resctrl /sys/fs/resctrl")
    }
}

/// What is done in resctrl for one container.
package struct ResctrlPlan: Equatable, Sendable {
    /// One write to the `schemata` file.
    package struct Line: Equatable, Sendable {
        package var text: String
        package var field: String

        /// The lines of the properties that are for one resource each.
        package static func ofProperties(_ section: LinuxIntelRdt) -> [Line] {
            var lines: [Line] = []
            if let schema = section.l3CacheSchema { lines.append(Line(text: schema, field: "linux.intelRdt.l3CacheSchema")) }
            if let schema = section.memBwSchema { lines.append(Line(text: schema, field: "linux.intelRdt.memBwSchema")) }
            return lines
        }
    }
    /// Where resctrl is mounted.
    package var root: Path
    /// The directory of the class of service; `root` for the default class.
    package var group: Path
    /// The directory is not there and will be made.
    package var makesGroup = false
    /// The directory is the container's own and goes with it.
    package var removesGroup = false
    package var lines: [Line] = []
    /// The directory of the monitoring group; nil without one.
    package var monitoring: Path?

    /// The groups that a process of the container joins, in this order: a monitoring group takes tasks of its class only.
    package var joined: [Path] { [group] + (monitoring.map { [$0] } ?? []) }
    /// The directories that end with the container, the inner one first.
    package var removed: [Path] { (monitoring.map { [$0] } ?? []) + (removesGroup ? [group] : []) }
}

extension ContainerPlan {
    /// - Throws: `.unsupported` without resctrl (RT-config-linux-125), `.invalid` for a class that should be there and is
    ///   not (RT-config-linux-146) and for one whose limits are others (RT-config-linux-144).
    mutating func planIntelRdt(_ linux: Linux, context: PlanContext) throws(OperationError) {
        guard let asked = linux.intelRdt else { return }
        guard let host = context.resctrl, let root = host.root else { throw ResctrlHost.isMissing("read", "config.json") }
        let name = asked.closID ?? context.id.text
        let group = name == "/" ? root : root.appending(name)
        var plan = ResctrlPlan(root: root, group: group)
        let exists: Bool
        do throws(Errno) { exists = try context.kindOfFile(group).get() == .directory } catch {
            guard error == .noEntry else { throw OperationError("find", group.text, .errno(error), field: "linux.intelRdt.closID") }
            exists = false
        }
        plan.lines = ResctrlPlan.Line.ofProperties(asked)
        if asked.closID != nil && exists { try Self.compare(plan.lines, group: group, host: host) }
        // the order is the specification's: whatever is in `schemata` has the last word
        for (index, line) in asked.schemata.enumerated() { plan.lines.append(.init(text: line, field: "linux.intelRdt.schemata[\(index)]")) }
        if asked.closID != nil && plan.lines.isEmpty && !exists {
            throw OperationError(
                "find", group.text, .errno(.noEntry), field: "linux.intelRdt.closID",
                hint: "without any schema the class of service must be there before; mkdir makes it")
        }
        plan.makesGroup = !exists
        plan.removesGroup = !exists && asked.closID == nil
        if asked.enableMonitoring { plan.monitoring = group.appending("mon_groups").appending(context.id.text) }
        resctrl = plan
    }

    /// Refuses to change a class that is there: others are in it.
    private static func compare(_ lines: [ResctrlPlan.Line], group: Path, host: ResctrlHost) throws(OperationError) {
        guard !lines.isEmpty else { return }
        let path = group.appending("schemata")
        guard let present = host.text(path) else {
            throw OperationError("read", path.text, .errno(.noEntry), field: lines[0].field)
        }
        let now = Schemata(present)
        for line in lines where !now.agrees(with: Schemata(line.text)) {
            throw OperationError(
                "compare", path.text, .invalid("the class of service has other limits than \(quoted(line.text))"), field: line.field,
                hint: "use them, another closID, or none for a class of the container's own")
        }
    }
}

/// The limits of a `schemata` file: one line a resource, "L3:0=7ff;1=7ff". Source: kernel arch/x86/resctrl.rst, "schemata".
struct Schemata: Equatable {
    private struct Limit: Equatable {
        let resource: String
        let domain: String
        let value: String
    }
    private var limits: [Limit] = []

    init(_ text: String) {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let resource = trimmed(parts[0])
            for entry in parts[1].split(separator: ";") {
                let sides = entry.split(separator: "=", maxSplits: 1)
                guard sides.count == 2 else { continue }
                limits.append(Limit(resource: resource, domain: Self.normal(sides[0]), value: Self.normal(sides[1])))
            }
        }
    }

    /// Whether each limit of `other`, which has at least one, is one of these.
    func agrees(with other: Schemata) -> Bool { !other.limits.isEmpty && other.limits.allSatisfy { limits.contains($0) } }

    /// Without spaces and leading zeros, in lower case: "007FF" and "7ff" are one mask.
    private static func normal(_ text: Substring) -> String {
        let plain = trimmed(text).lowercased()
        let digits = plain.drop { $0 == "0" }
        return digits.isEmpty ? (plain.isEmpty ? "" : "0") : String(digits)
    }
}

extension ResctrlPlan {
    /// The lines of `schemata`, a file's text, for the resources that `lines` are about: what undoes these.
    package static func present(_ schemata: String, for lines: [Line]) -> [Line] {
        var present: [Line] = []
        for line in lines {
            let resource = resource(line.text[...])
            for old in schemata.split(separator: "\n") where self.resource(old) == resource { present.append(Line(text: trimmed(old), field: line.field)) }
        }
        return present
    }

    private static func resource(_ line: Substring) -> String { trimmed(line.split(separator: ":", maxSplits: 1).first ?? "") }
}

/// `text` without spaces around it.
private func trimmed(_ text: Substring) -> String {
    var rest = text.utf8[...]
    while rest.first == 0x20 { rest = rest.dropFirst() }
    while rest.last == 0x20 { rest = rest.dropLast() }
    return String(Substring(rest))
}

extension ResctrlPlan {
    /// What is done on the host, a line an action.
    var hostLines: [String] {
        var lines: [String] = []
        if makesGroup { lines.append("make resctrl group \(group.text)" + (removesGroup ? ", which goes with the container" : "")) }
        for line in self.lines { lines.append("write \(quoted(line.text)) to \(group.text)/schemata") }
        if let monitoring { lines.append("make resctrl group \(monitoring.text), which goes with the container") }
        for path in joined { lines.append("put the container into resctrl group \(path.text)") }
        return lines
    }
}
