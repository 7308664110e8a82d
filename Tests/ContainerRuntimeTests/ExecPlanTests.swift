import Cgroups
import ContainerInit
import Diagnostics
import Foundation
import Kernel
import OCISpec
import Seccomp
import Testing

@testable import ContainerRuntime

private let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "ExecPlans")
private let names: [String] = {
    do {
        return try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".config.json") }
            .map { String($0.dropLast(".config.json".count)) }.sorted()
    } catch {
        return []
    }
}()

/// The plan of `exec` with the process of `config` in the container of `config`, whose first process is 4711; the caller is
/// root, unless the name says otherwise.
private func execPlan(_ config: Data, isPrivileged: Bool) throws(OperationError) -> ContainerPlan {
    let config = try RuntimeConfig.parse([UInt8](config), source: "config.json")
    let uid: UInt32 = isPrivileged ? 0 : 1000
    var context = PlanContext(
        id: try ContainerID("web"), bundle: "/bundle", isPrivileged: isPrivileged, uid: uid, gid: uid, cgroup: CgroupPlan(directories: []),
        grantableCapabilities: .max, kindOfFile: { _ in .success(.directory) })
    context.waitsForStart = false
    if let seccomp = config.linux?.seccomp {
        context.seccomp = SeccompProgram(filter: [UInt8](repeating: 0, count: 16), flags: seccomp.flagBits, usesListener: seccomp.usesListener)
    }
    return try ContainerPlan(exec: try config.requireProcess(), in: config, initPID: 4711, context: context)
}

/// `NAME.config.json` and the plan of one more process in that container, `NAME.plan.txt`. UPDATE_PLANS=1 writes the plans anew.
@Suite("plans of exec are as they were")
struct ExecPlanTests {
    @Test("plan", arguments: names)
    func plan(name: String) throws {
        let plan = try execPlan(try Data(contentsOf: directory.appending(path: name + ".config.json")), isPrivileged: !name.hasSuffix("-unprivileged"))
        let text = plan.text
        let file = directory.appending(path: name + ".plan.txt")
        if ProcessInfo.processInfo.environment["UPDATE_PLANS"] == "1" { try text.write(to: file, atomically: true, encoding: .utf8) }
        let expected = try String(contentsOf: file, encoding: .utf8)
        let wanted = Set(expected.split(separator: "\n")), got = Set(text.split(separator: "\n"))
        #expect(text == expected, "no longer there: \(wanted.subtracting(got).sorted()); new: \(got.subtracting(wanted).sorted())")
    }

    @Test("there are plans, and no plan without its configuration")
    func complete() throws {
        #expect(names.count >= 20)
        let plans = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".plan.txt") }
        #expect(Set(plans.map { String($0.dropLast(".plan.txt".count)) }) == Set(names))
    }

    @Test("whatever the container has, the process hides before it joins anything, joins cgroups before that, and changes nothing of the container", arguments: names)
    func rules(name: String) throws {
        let plan = try execPlan(try Data(contentsOf: directory.appending(path: name + ".config.json")), isPrivileged: !name.hasSuffix("-unprivileged"))
        let steps = plan.steps.map(\.step)
        let hides = try #require(steps.firstIndex(of: .hideFromOthers))
        #expect(try #require(steps.firstIndex(of: .joinCgroups)) < hides)
        #expect(steps.firstIndex { if case .joinNamespace = $0 { true } else { false } } ?? hides + 1 > hides)
        #expect(plan.firstNamespaces.isEmpty && plan.initPlan.firstUnsafeStep == nil)
        #expect(steps.last == .execute && steps.contains(.announceReady) && !steps.contains(.awaitStart))
        for step in steps {
            switch step {
            case .mount, .mountCgroups, .makeDevice, .makeLink, .maskPath, .makeReadOnly, .attachRootfs, .pivotRoot, .moveRoot, .setSysctl, .setHostname,
                .setDomainname, .setPropagation, .setRootPropagation, .makeWorkingDirectory, .makeRootReadOnly, .bringLoopbackUp, .runHooks, .unshareNamespaces:
                Issue.record("\(step.summary)")
            default: break
            }
        }
    }

    @Test("what the container sees has no more to do than to get a session, a filter and a program", arguments: names)
    func entry(name: String) throws {
        let plan = try execPlan(try Data(contentsOf: directory.appending(path: name + ".config.json")), isPrivileged: !name.hasSuffix("-unprivileged"))
        let steps = plan.steps.map(\.step)
        guard plan.joinedNamespaces.contains(where: { $0.kind == .pid }) else { return #expect(!steps.contains(.continueInContainer)) }
        let entry = try #require(steps.firstIndex(of: .continueInContainer))
        let masks = steps.compactMap { if case .setCapabilities(let masks) = $0 { masks } else { nil } }
        let lastMasks = try #require(steps.lastIndex { if case .setCapabilities = $0 { true } else { false } })
        #expect(lastMasks < entry && masks.count >= 1)
        #expect(steps.firstIndex(of: .startSession(isNeeded: true)) ?? entry < entry, "it has the caller's session")
        #expect(steps.firstIndex(of: .leaveHost) ?? entry < entry)
        for step in steps[(entry + 1)...] {
            switch step {
            case .setLimit, .setScheduler, .findProgram, .startSession, .controlTerminal, .loadSeccomp, .announceReady, .execute: break
            default: Issue.record("\(step.summary)")
            }
        }
    }

    private func plan(_ name: String, replacing changes: [String: String]) throws -> ContainerPlan {
        var config = String(decoding: try Data(contentsOf: directory.appending(path: name + ".config.json")), as: UTF8.self)
        for (old, new) in changes {
            try #require(config.contains(old))
            config = config.replacingOccurrences(of: old, with: new)
        }
        return try execPlan(Data(config.utf8), isPrivileged: true)
    }

    @Test("a filter that hands a call to an agent before that one can have its listener is refused", arguments: ["read", "close", "clone", "capset"])
    func notified(call: String) throws {
        let changes = ["\"mkdir\"": "\"\(call)\"", "\"noNewPrivileges\": true": "\"noNewPrivileges\": false"]
        let error = try #require(throws: OperationError.self) { try plan("seccomp-notify", replacing: changes) }
        #expect(
            error.description
                == "plan \"exec\" (linux.seccomp): handing \(call)(2) to an agent, who would be asked before it has the listener, is not supported", "\(error)")
        #expect(try plan("seccomp-notify", replacing: ["\"mkdir\"": "\"exit_group\""]).steps.contains { $0.step == .handOverListener })
    }

    @Test("a filter that must be loaded early and does not allow clone(2) is refused")
    func deniedClone() throws {
        let changes = ["SCMP_ACT_NOTIFY": "SCMP_ACT_ERRNO", "\"mkdir\"": "\"clone\"", "\"noNewPrivileges\": true": "\"noNewPrivileges\": false"]
        let error = try #require(throws: OperationError.self) { try plan("seccomp-notify", replacing: changes) }
        #expect(
            error.description == "plan \"exec\" (linux.seccomp): a seccomp profile that does not allow clone(2) is not supported; hint: with process.noNewPrivileges it can be loaded later",
            "\(error)")
    }

    @Test("with noNewPrivileges a filter is loaded before the container sees the process, if it lets the rest pass", arguments: [("mkdir", true), ("setsid", false), ("clone", false)])
    func filterBeforeEntry(denied: String, isBefore: Bool) throws {
        let changes = ["SCMP_ACT_NOTIFY": "SCMP_ACT_ERRNO", "\"mkdir\"": "\"\(denied)\""]
        let steps = try plan("seccomp-notify", replacing: changes).steps.map(\.step)
        let entry = try #require(steps.firstIndex(of: .continueInContainer))
        let filter = try #require(steps.firstIndex { if case .loadSeccomp = $0 { true } else { false } })
        #expect((filter < entry) == isBefore)
    }

    @Test("failed steps in words")
    func words() throws {
        let plan = try execPlan(try Data(contentsOf: directory.appending(path: "oomScoreAdj.config.json")), isPrivileged: true)
        func error(_ errno: Errno, _ matches: (Step) -> Bool) throws -> String {
            plan.error(step: try #require(plan.steps.firstIndex { matches($0.step) }), errno: errno).description
        }
        #expect(
            try error(.noDevice) { $0 == .joinCgroups }
                == "join cgroups (linux.cgroupsPath): No such device (ENODEV); hint: the container has been deleted meanwhile")
        #expect(
            try error(.accessDenied) { if case .setOOMScore = $0 { true } else { false } }
                == "set oom_score_adj \"-5\" (process.oomScoreAdj): Permission denied (EACCES); hint: a value below the runtime's own needs CAP_SYS_RESOURCE")
        #expect(
            try error(.noEntry) { if case .enterDirectory = $0 { true } else { false } }
                == "enter directory \"/\" (process.cwd): No such file or directory (ENOENT); hint: it does not exist in the container")
        #expect(
            try error(.tryAgain) { $0 == .continueInContainer }
                == "go on in a new process \"that the container sees\" (linux.namespaces): Resource temporarily unavailable (EAGAIN); hint: the limit of processes of the user or of a cgroup is reached")
    }

    @Test("what makes a shell say 127 and 126")
    func statuses() throws {
        let plan = try execPlan(try Data(contentsOf: directory.appending(path: "minimal.config.json")), isPrivileged: true)
        let find = try #require(plan.steps.firstIndex { if case .findProgram = $0.step { true } else { false } })
        let execute = try #require(plan.steps.firstIndex { $0.step == .execute })
        for (step, errno, isMissing) in [(find, Errno.noEntry, true), (find, .accessDenied, false), (execute, .noEntry, true), (execute, .notExecutable, false)] {
            let error = plan.error(step: step, errno: errno)
            #expect(error.operation == ExecStatus.operation && ExecStatus.isMissing(error) == isMissing)
        }
        #expect(plan.error(step: 0, errno: .noEntry).operation != ExecStatus.operation)
    }
}

@Suite("what a profile lets pass for sure")
struct SeccompAllowanceTests {
    private func profile(_ rules: String, default action: String = "SCMP_ACT_ERRNO") throws -> LinuxSeccomp {
        let text = #"{"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "linux": {"seccomp": {"defaultAction": "\#(action)", "syscalls": [\#(rules)]}}}"#
        return try #require(try RuntimeConfig.parse(Array(text.utf8), source: "config.json").linux?.seccomp)
    }

    /// As in docker's profile: no new namespaces.
    private let clone = #"{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}"#

    @Test("rules without and with conditions, and the default")
    func allows() throws {
        #expect(try profile(#"{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}"#).allows("write", arguments: []))
        #expect(try !profile(#"{"names": ["read"], "action": "SCMP_ACT_ALLOW"}"#).allows("write", arguments: []))
        #expect(try profile(#"{"names": ["read"], "action": "SCMP_ACT_ERRNO"}"#, default: "SCMP_ACT_ALLOW").allows("write", arguments: []))
        #expect(try !profile(#"{"names": ["write"], "action": "SCMP_ACT_KILL"}"#, default: "SCMP_ACT_LOG").allows("write", arguments: []))
        #expect(try profile(clone).allows("clone", arguments: [siblingFlag]))
        #expect(try !profile(clone).allows("clone", arguments: [0x1000_0000]))
        #expect(try !profile(clone).allows("clone", arguments: []), "a condition that may not hold")
        #expect(try !profile(clone + #", {"names": ["clone"], "action": "SCMP_ACT_TRAP"}"#).allows("clone", arguments: [siblingFlag]))
        let conditions = #"{"names": ["clone"], "action": "SCMP_ACT_TRAP", "args": [{"index": 5, "value": 1, "op": "SCMP_CMP_GE"}]}"#
        let either = #"{"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]}"#
        #expect(try !profile(either, default: "SCMP_ACT_ALLOW").allows("ioctl", arguments: [0, 2]), "two conditions on one argument are alternatives")
        #expect(try profile(either, default: "SCMP_ACT_ALLOW").allows("ioctl", arguments: [0, 3]))
        #expect(try !profile(conditions, default: "SCMP_ACT_ALLOW").allows("clone", arguments: [siblingFlag]), "a condition that may hold")
    }

    @Test("every comparison", arguments: [
        ("NE", 4, true), ("NE", 5, false), ("LT", 4, true), ("LT", 5, false), ("LE", 5, true), ("LE", 6, false), ("EQ", 5, true), ("EQ", 4, false),
        ("GE", 5, true), ("GE", 4, false), ("GT", 6, true), ("GT", 5, false),
    ] as [(String, UInt64, Bool)])
    func comparisons(op: String, argument: UInt64, holds: Bool) throws {
        let rule = #"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_\#(op)"}]}"#
        #expect(try profile(rule).allows("read", arguments: [argument]) == holds)
    }
}
