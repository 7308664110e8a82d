import Diagnostics
import OCISpec
import Testing

private func resources(_ json: String) throws -> LinuxResources { try LinuxResources.parse(Array(json.utf8), source: "test") }

@Suite("limits that are changed") struct ResourcesUpdateTests {
    @Test("what an update does not name stays, and so does what it names with the value for none", arguments: [
        (#"{"memory":{"limit":5,"swap":9}}"#, #"{"cpu":{"shares":7}}"#, #"{"memory":{"limit":5,"swap":9},"cpu":{"shares":7}}"#),
        (#"{"memory":{"limit":5,"swap":9}}"#, #"{"memory":{"limit":6}}"#, #"{"memory":{"limit":6,"swap":9}}"#),
        (#"{"memory":{"limit":5,"swap":9}}"#, #"{"memory":{"limit":0,"swap":0,"reservation":0}}"#, #"{"memory":{"limit":5,"swap":9}}"#),
        (#"{"memory":{"limit":5,"swap":9}}"#, #"{"memory":{"limit":-1}}"#, #"{"memory":{"limit":-1,"swap":-1}}"#),
        (#"{"memory":{"limit":5}}"#, #"{"memory":{"limit":-1}}"#, #"{"memory":{"limit":-1}}"#),
        (#"{"memory":{"swappiness":5,"disableOOMKiller":true}}"#, #"{"memory":{"swappiness":0}}"#, #"{"memory":{"swappiness":0,"disableOOMKiller":true}}"#),
        (
            #"{"cpu":{"shares":2,"quota":5000,"period":9000,"cpus":"0-1"}}"#, #"{"cpu":{"shares":0,"quota":-1,"period":0,"cpus":"","mems":"0","idle":0}}"#,
            #"{"cpu":{"shares":2,"quota":-1,"period":9000,"cpus":"0-1","mems":"0","idle":0}}"#
        ),
        (#"{"cpu":{"idle":1,"burst":10}}"#, #"{"cpu":{"idle":0,"burst":0}}"#, #"{"cpu":{"burst":0,"idle":0}}"#),
        (#"{"pids":{"limit":5}}"#, #"{"pids":{"limit":-1}}"#, #"{"pids":{"limit":-1}}"#),
        (#"{"pids":{"limit":5}}"#, #"{"pids":{}}"#, #"{"pids":{"limit":5}}"#),
        (
            #"{"blockIO":{"weight":10,"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1},{"major":8,"minor":1,"rate":2}]}}"#,
            #"{"blockIO":{"weight":0,"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":0}]}}"#,
            #"{"blockIO":{"weight":10,"throttleReadBpsDevice":[{"major":8,"minor":1,"rate":2},{"major":8,"minor":0,"rate":0}]}}"#
        ),
        (
            #"{"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"1GB","limit":2}],"unified":{"io.max":"a","hugetlb.1GB.max":"b"}}"#,
            #"{"hugepageLimits":[{"pageSize":"1GB","limit":3}],"unified":{"io.max":"c"}}"#,
            #"{"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"1GB","limit":3}],"unified":{"hugetlb.1GB.max":"b","io.max":"c"}}"#
        ),
        (
            #"{"network":{"classID":5,"priorities":[{"name":"lo","priority":1}]},"rdma":{"mlx5_1":{"hcaHandles":3}}}"#,
            #"{"network":{"classID":0,"priorities":[{"name":"lo","priority":2}]},"rdma":{"mlx5_1":{"hcaObjects":4}}}"#,
            #"{"network":{"classID":5,"priorities":[{"name":"lo","priority":2}]},"rdma":{"mlx5_1":{"hcaObjects":4}}}"#
        ),
    ])
    func merge(present: String, update: String, expected: String) throws {
        #expect(try resources(present).updated(by: try resources(update)).text == expected)
    }

    @Test("device rules stay")
    func devices() throws {
        let present = try resources(#"{"devices":[{"allow":false}]}"#)
        let merged = present.updated(by: try resources(#"{"devices":[{"allow":true}]}"#))
        #expect(merged.devices == [LinuxDeviceRule(allow: false)] && merged.text == "{}")
    }

    @Test("every limit is written and read again")
    func roundTrip() throws {
        let text =
            #"{"memory":{"limit":1,"reservation":2,"swap":3,"kernel":4,"kernelTCP":5,"swappiness":6,"disableOOMKiller":true,"useHierarchy":false,"checkBeforeUpdate":true},"#
            + #""cpu":{"shares":1,"quota":5000,"burst":3,"period":4000,"realtimeRuntime":5,"realtimePeriod":6,"cpus":"0-3","mems":"0","idle":1},"pids":{"limit":7},"#
            + #""blockIO":{"weight":10,"leafWeight":20,"weightDevice":[{"major":8,"minor":0,"weight":500,"leafWeight":300}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":600}],"#
            + #""throttleWriteBpsDevice":[{"major":8,"minor":1,"rate":601}],"throttleReadIOPSDevice":[{"major":8,"minor":2,"rate":602}],"throttleWriteIOPSDevice":[{"major":8,"minor":3,"rate":18446744073709551615}]},"#
            + #""hugepageLimits":[{"pageSize":"2MB","limit":18446744073709551615}],"network":{"classID":1,"priorities":[{"name":"eth0","priority":500}]},"#
            + #""rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10}},"unified":{"io.max":"8:0 rbps=1\n8:1 rbps=2"}}"#
        #expect(try resources(text).text == text)
    }

    @Test("errors name the property, from the limits' own object on")
    func refusal() {
        let error = #expect(throws: OperationError.self) { _ = try resources(#"{"memory":{"limit":5,"swap":4}}"#) }
        #expect(error?.description == #"read "test" (memory.swap): 4 is below the memory limit of 5: it limits memory and swap together"#)
    }
}
