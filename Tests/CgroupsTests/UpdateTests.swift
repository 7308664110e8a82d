import Cgroups
import Diagnostics
import Foundation
import JSON
import OCISpec
import Testing

private func resources(_ json: String) throws -> LinuxResources { try LinuxResources.parse(Array(json.utf8), source: "test") }

@Suite("updates of limits") struct UpdateTests {
    @Test("pairs are completed from what is in force", arguments: [
        (#"{"pids":{"limit":5}}"#, #"{"pids":{"limit":5}}"#),
        (#"{"memory":{"limit":6}}"#, #"{"memory":{"limit":6,"swap":9}}"#),
        (#"{"memory":{"swap":8}}"#, #"{"memory":{"limit":5,"swap":8}}"#),
        (#"{"memory":{"limit":-1}}"#, #"{"memory":{"limit":-1}}"#),
        (#"{"memory":{"reservation":1}}"#, #"{"memory":{"reservation":1}}"#),
        (#"{"cpu":{"quota":3000}}"#, #"{"cpu":{"quota":3000,"burst":7,"period":2000}}"#),
        (#"{"cpu":{"period":4000}}"#, #"{"cpu":{"quota":1000,"burst":7,"period":4000}}"#),
        (#"{"cpu":{"burst":0}}"#, #"{"cpu":{"quota":1000,"burst":0,"period":2000}}"#),
        (#"{"cpu":{"shares":5}}"#, #"{"cpu":{"shares":5}}"#),
        (#"{"cpu":{"idle":1}}"#, #"{"cpu":{"idle":1}}"#),
        (#"{"cpu":{"idle":0}}"#, #"{"cpu":{"shares":3,"idle":0}}"#),
    ])
    func completion(update: String, expected: String) throws {
        let present = try resources(#"{"memory":{"limit":5,"swap":9},"cpu":{"shares":3,"quota":1000,"burst":7,"period":2000},"pids":{"limit":1}}"#)
        #expect(try resources(update).completed(from: present).text == expected)
    }

    @Test("version 2: a period alone keeps the quota, a limit of memory the sum with swap")
    func version2() throws {
        let setup = CgroupSetup(hierarchies: [CgroupHierarchy(version: .v2, controllers: ["cpu", "memory"], mountPoint: "/sys/fs/cgroup")])
        let present = try resources(#"{"memory":{"limit":64,"swap":96},"cpu":{"quota":5000,"period":10000}}"#)
        func lines(_ update: String) throws -> [String] {
            let completed = try resources(update).completed(from: present)
            return try planCgroupUpdate(directories: ["/sys/fs/cgroup/web"], resources: completed, setup: setup).directories[0].writes.map { $0.line }
        }
        #expect(try lines(#"{"cpu":{"period":20000}}"#) == [#"cpu.max "5000 20000" (linux.resources.cpu.quota)"#])
        #expect(
            try lines(#"{"memory":{"limit":80}}"#)
                == [#"memory.swap.max "16" (linux.resources.memory.swap)"#, #"memory.max "80" (linux.resources.memory.limit)"#])
        #expect(
            try lines(#"{"memory":{"limit":-1}}"#) == [
                #"memory.swap.max "max" (linux.resources.memory.swap), if there is such a file"#, #"memory.max "max" (linux.resources.memory.limit)"#,
            ])
    }

    @Test("a hierarchy in which the container has no cgroup")
    func missing() throws {
        let setup = CgroupSetup(hierarchies: [
            CgroupHierarchy(version: .v2, controllers: ["hugetlb"], mountPoint: "/sys/fs/cgroup/unified"),
            CgroupHierarchy(version: .v1, controllers: ["pids"], mountPoint: "/sys/fs/cgroup/pids"),
        ])
        func failure(_ update: String) throws -> String? {
            let update = try resources(update)
            let error = #expect(throws: OperationError.self) {
                _ = try planCgroupUpdate(directories: ["/sys/fs/cgroup/pids/web"], resources: update, setup: setup)
            }
            return error?.description
        }
        let what = "a limit by a controller in whose hierarchy the container has no cgroup is not supported; hint: create the container with such a limit"
        #expect(try failure(#"{"hugepageLimits":[{"pageSize":"2MB","limit":0}]}"#) == #"limit "hugetlb" (linux.resources.hugepageLimits): "# + what)
        #expect(try failure(#"{"unified":{"hugetlb.2MB.max":"0"}}"#) == #"limit "hugetlb.2MB.max" (linux.resources.unified["hugetlb.2MB.max"]): "# + what)
    }

    @Test("after a refusal the old values are back, those of single devices excepted")
    func rollback() throws {
        let tree = try FakeTree()
        try tree.enable("cpu io memory pids")
        try tree.write("a/b/memory.max", "4096\n")
        try tree.write("a/b/cpu.weight", "77\n")
        try tree.write("a/b/io.max", "8:0 rbps=1\n8:1 rbps=2\n")
        let update = try resources(
            #"{"memory":{"limit":8192},"cpu":{"shares":1024},"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":5}]},"unified":{"pids.max":"3"}}"#)
        let plan = try planCgroupUpdate(
            directories: [tree.root + "/a/b"], resources: update, setup: tree.setup(["cpu", "io", "memory", "pids"]))
        let error = #expect(throws: OperationError.self) { try Cgroup.apply(plan) }
        #expect(error?.field == #"linux.resources.unified["pids.max"]"# && error?.errno == .noEntry)
        #expect(try tree.read("a/b/memory.max").hasPrefix("4096") && tree.read("a/b/cpu.weight").hasPrefix("77"))
        #expect(try tree.read("a/b/io.max").hasPrefix("8:0 rbps=5"))
    }
}
