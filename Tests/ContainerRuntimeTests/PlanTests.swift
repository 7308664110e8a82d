import Cgroups
import ContainerInit
import Diagnostics
import Foundation
import Kernel
import OCISpec
import Seccomp
import Testing

@testable import ContainerRuntime

private let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Plans")
private let names: [String] = {
    do {
        return try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".config.json") }
            .map { String($0.dropLast(".config.json".count)) }.sorted()
    } catch {
        return []
    }
}()

/// What `cale plan` says of the bundle /bundle on a host that is always the same: root, one version 2 tree of cgroups, a
/// resctrl that has every class of service, no SELinux.
private func planText(_ config: Data) -> String {
    do throws(OperationError) {
        let config = try RuntimeConfig.parse([UInt8](config), source: "config.json")
        let linux = config.linux ?? Linux()
        let setup = CgroupSetup(hierarchies: [
            CgroupHierarchy(version: .v2, controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"], mountPoint: "/sys/fs/cgroup", ownPath: "/")
        ])
        let cgroup = try planCgroup(path: linux.cgroupsPath, id: "web", resources: linux.resources ?? LinuxResources(), setup: setup)
        var context = PlanContext(
            id: try ContainerID("web"), bundle: "/bundle", isPrivileged: true, uid: 0, gid: 0, cgroup: cgroup, grantableCapabilities: .max,
            kindOfFile: { _ in .success(.directory) })
        context.resctrl = ResctrlHost(root: "/sys/fs/resctrl", text: { _ in "L3:0=7f0;1=1f\nMB:0=20;1=70\n" })
        if let seccomp = linux.seccomp {
            context.seccomp = SeccompProgram(filter: [UInt8](repeating: 0, count: 16), flags: seccomp.flagBits, usesListener: seccomp.usesListener)
        }
        var plan = try ContainerPlan(config, context: context)
        plan.warnings = config.warnings() + cgroup.warnings + plan.warnings
        return plan.text
    } catch {
        return "refused: \(error)\n"
    }
}

/// `NAME.config.json` and the plan that is made of it, `NAME.plan.txt`: at least one pair per property.
///
/// UPDATE_PLANS=1 writes the plans anew; the difference is for reviewers to read.
@Suite("plans are as they were")
struct GoldenPlanTests {
    @Test("plan", arguments: names)
    func plan(name: String) throws {
        let text = planText(try Data(contentsOf: directory.appending(path: name + ".config.json")))
        let file = directory.appending(path: name + ".plan.txt")
        if ProcessInfo.processInfo.environment["UPDATE_PLANS"] == "1" { try text.write(to: file, atomically: true, encoding: .utf8) }
        let expected = try String(contentsOf: file, encoding: .utf8)
        let wanted = Set(expected.split(separator: "\n")), got = Set(text.split(separator: "\n"))
        #expect(text == expected, "no longer there: \(wanted.subtracting(got).sorted()); new: \(got.subtracting(wanted).sorted())")
    }

    @Test("there are plans, and no plan without its configuration")
    func complete() throws {
        #expect(names.count >= 60)
        let plans = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".plan.txt") }
        #expect(Set(plans.map { String($0.dropLast(".plan.txt".count)) }) == Set(names))
    }
}
