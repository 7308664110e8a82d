// A plan for people and, as JSON, for machines.
import Cgroups
import ContainerInit
import JSON
import Kernel
import OCISpec
import Diagnostics

extension ContainerPlan {
    /// One line an action, in the order in which they are done, under headings.
    package var text: String {
        var lines: [String] = []
        func section(_ title: String, _ body: [String]) {
            if body.isEmpty { return }
            if !lines.isEmpty { lines.append("") }
            lines.append(title)
            lines += body.map { "  " + $0 }
        }
        section("Container", ["rootfs \(rootfs.text)"] + (hasTerminal ? ["with a terminal"] : []) + [programLine])
        section("Namespaces", (newNamespaces.isEmpty ? [] : ["new: \(newNamespaces.text)"]) + joinedNamespaces.map { "joined: \($0.kind.specName) \($0.path)" })
        section("Users", (idMaps?.uids.map { "uid \($0.containerID) is \($0.hostID) on the host, \($0.size) in all" } ?? []) + (idMaps?.gids.map { "gid \($0.containerID) is \($0.hostID) on the host, \($0.size) in all" } ?? []))
        section("Clocks", timeOffsets.map { "\($0.clock) \($0.seconds) s \($0.nanoseconds) ns" })
        section("Control groups", cgroup.lines)
        section("Host", hostLines)
        section(isExec ? "Steps of the new process" : "Steps of the container's first process", steps.map({ $0.text }))
        section("Warnings", warnings)
        return lines.joined(separator: "\n") + "\n"
    }

    private var programLine: String {
        hasProcess ? "program " + arguments.map(quoted).joined(separator: " ") : "no program: it can be created, and not started"
    }

    private var hostLines: [String] {
        var lines: [String] = []
        if !initialAffinity.isEmpty { lines.append("run on CPUs " + CPUList(mask: initialAffinity).text) }
        if let oomScoreAdjustment { lines.append("set oom_score_adj \(oomScoreAdjustment)") }
        for source in clonedSources {
            lines.append("copy the mount of \(source.path.text) for mounts[\(source.index)]" + (source.isLocked ? ", locked" : "") + (source.idMap.map { ", " + $0.text } ?? ""))
        }
        lines += resctrl?.hostLines ?? []
        lines += stepsOfTheRuntime.map { $0.text }
        for device in networkDevices { lines.append("move network device \(device.hostName) into the container as \(device.name)") }
        for (name, list) in [("prestart", hooks.prestart), ("createRuntime", hooks.createRuntime), ("poststart", hooks.poststart), ("poststop", hooks.poststop)] {
            for hook in list { lines.append("run \(name) hook \(quoted(hook.path))") }
        }
        return lines
    }

    /// The same as one JSON object.
    package var json: String {
        var writer = JSONWriter(indentation: 2)
        writer.object { writer in
            writer.member("rootfs", rootfs.text)
            writer.member("terminal", hasTerminal)
            writer.member("args", arguments)
            writer.member("env", environment)
            writer.member("newNamespaces", newNamespaces.kinds.map({ $0.specName }))
            writer.key("joinedNamespaces")
            writer.array { writer in
                for namespace in joinedNamespaces {
                    writer.object { writer in
                        writer.member("type", namespace.kind.specName)
                        writer.member("path", namespace.path)
                    }
                }
            }
            writer.member("cgroups", cgroup.lines)
            writer.member("host", hostLines)
            writer.key("steps")
            writer.array { writer in
                for planned in steps {
                    writer.object { writer in
                        writer.member("operation", planned.step.summary.operation)
                        if !planned.step.summary.subject.isEmpty { writer.member("subject", planned.step.summary.subject) }
                        if !planned.step.details.isEmpty { writer.member("details", planned.step.details) }
                        if let field = planned.field { writer.member("field", field) }
                    }
                }
            }
            writer.member("warnings", warnings)
        }
        return writer.text
    }
}

extension PlannedStep {
    /// "mount /proc: proc nosuid (mounts[0])"
    package var text: String {
        var text = step.summary.operation
        if !step.summary.subject.isEmpty { text += " " + step.summary.subject }
        if !step.details.isEmpty { text += ": " + step.details }
        if let field { text += "  [" + field + "]" }
        return text
    }
}
