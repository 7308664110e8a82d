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
        for step in steps[(entry + 1)...] {
            switch step {
            case .startSession, .controlTerminal, .loadSeccomp, .loadSeccompWithListener, .handOverListener, .announceReady, .execute: break
            default: Issue.record("\(step.summary)")
            }
        }
    }

    @Test("a filter that hands clone(2) to an agent cannot be loaded before the container is entered")
    func notifiedClone() throws {
        let config = String(decoding: try Data(contentsOf: directory.appending(path: "seccomp-notify.config.json")), as: UTF8.self)
        #expect(config.contains("\"mkdir\"") && config.contains("\"noNewPrivileges\": true"))
        let cloning = config.replacingOccurrences(of: "\"mkdir\"", with: "\"clone\"")
        _ = try execPlan(Data(cloning.utf8), isPrivileged: true)
        do {
            _ = try execPlan(Data(cloning.replacingOccurrences(of: "\"noNewPrivileges\": true", with: "\"noNewPrivileges\": false").utf8), isPrivileged: true)
            Issue.record("it was planned")
        } catch {
            #expect("\(error)".contains("linux.seccomp") && "\(error)".contains("with process.noNewPrivileges the filter is loaded later"), "\(error)")
        }
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
            try error(.noMemory) { $0 == .continueInContainer } == "enter container: container not running (its first process has just ended)")
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
