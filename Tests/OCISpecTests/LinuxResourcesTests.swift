import Diagnostics
import JSON
import OCISpec
import Testing

@Suite("linux.resources") struct LinuxResourcesTests {
    func read(_ text: String) throws -> LinuxResources {
        let document = try JSONDocument(parsing: Array(#"{"linux":{"resources":\#(text)}}"#.utf8), source: "config.json")
        return try document.decode { (value) throws(OperationError) in
            try value.object().required("linux") { (value) throws(OperationError) in
                try value.object().required("resources") { (value) throws(OperationError) in try LinuxResources(value.object()) }
            }
        }
    }

    @Test("what no kernel accepts is refused with its path", arguments: [
        (#"{"memory":{"limit":-2}}"#, #"(linux.resources.memory.limit): -2 is no number of bytes (-1 means no limit)"#),
        (#"{"memory":{"limit":"1M"}}"#, #"(linux.resources.memory.limit): expected an integer, found a string; hint: write a number without quotes and without a unit"#),
        (#"{"memory":{"limit":200,"swap":100}}"#, #"(linux.resources.memory.swap): 100 is below the memory limit of 200: it limits memory and swap together"#),
        (#"{"memory":{"swappiness":101}}"#, #"(linux.resources.memory.swappiness): 101 is out of range (0 to 100)"#),
        (#"{"memory":{"swappiness":-1}}"#, #"(linux.resources.memory.swappiness): -1 is out of range (0 to 18446744073709551615)"#),
        (#"{"memory":{"disableOOMKiller":1}}"#, #"(linux.resources.memory.disableOOMKiller): expected true or false, found an integer"#),
        (#"{"cpu":{"quota":999}}"#, #"(linux.resources.cpu.quota): 999 microseconds are below the least quota of 1000"#),
        (#"{"cpu":{"quota":1000,"burst":1001}}"#, #"(linux.resources.cpu.burst): 1001 is above the quota of 1000"#),
        (#"{"cpu":{"period":999}}"#, #"(linux.resources.cpu.period): 999 microseconds are out of range (1000 to 1000000)"#),
        (#"{"cpu":{"period":1000001}}"#, #"(linux.resources.cpu.period): 1000001 microseconds are out of range (1000 to 1000000)"#),
        (#"{"cpu":{"realtimeRuntime":-2}}"#, #"(linux.resources.cpu.realtimeRuntime): -2 is no number of microseconds (-1 means no limit)"#),
        (#"{"cpu":{"cpus":"0-"}}"#, #"(linux.resources.cpu.cpus): "0-" is no list of numbers and ranges such as "0-3,7""#),
        (#"{"cpu":{"cpus":"0,,1"}}"#, #"(linux.resources.cpu.cpus): "0,,1" is no list of numbers and ranges such as "0-3,7""#),
        (#"{"cpu":{"cpus":"0-1-2"}}"#, #"(linux.resources.cpu.cpus): "0-1-2" is no list of numbers and ranges such as "0-3,7""#),
        (#"{"cpu":{"mems":"1\n2"}}"#, #"(linux.resources.cpu.mems): "1\n2" is no list of numbers and ranges such as "0-3,7""#),
        (#"{"cpu":{"mems":"3-1"}}"#, #"(linux.resources.cpu.mems): "3-1" has a range that ends before it begins"#),
        (#"{"cpu":{"mems":"10000000000"}}"#, #"(linux.resources.cpu.mems): "10000000000" is no list of numbers and ranges such as "0-3,7""#),
        (#"{"cpu":{"idle":2}}"#, #"(linux.resources.cpu.idle): 2 is out of range (0 or 1)"#),
        (#"{"pids":{"limit":1.5}}"#, #"(linux.resources.pids.limit): expected an integer, found a number with a fraction or an exponent"#),
        (#"{"blockIO":{"weight":9}}"#, #"(linux.resources.blockIO.weight): 9 is out of range (10 to 1000, or 0 for none)"#),
        (#"{"blockIO":{"leafWeight":1001}}"#, #"(linux.resources.blockIO.leafWeight): 1001 is out of range (10 to 1000, or 0 for none)"#),
        (#"{"blockIO":{"weightDevice":[{"major":8,"minor":0}]}}"#, #"(linux.resources.blockIO.weightDevice[0]): at least one of weight and leafWeight is required"#),
        (#"{"blockIO":{"weightDevice":[{"minor":0,"weight":10}]}}"#, #"(linux.resources.blockIO.weightDevice[0].major): this property is required"#),
        (#"{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":-1,"rate":1}]}}"#, #"(linux.resources.blockIO.throttleReadBpsDevice[0].minor): -1 is out of range (0 to 4294967295)"#),
        (#"{"blockIO":{"throttleWriteIOPSDevice":[{"major":8,"minor":1}]}}"#, #"(linux.resources.blockIO.throttleWriteIOPSDevice[0].rate): this property is required"#),
        (#"{"hugepageLimits":[{"limit":1}]}"#, #"(linux.resources.hugepageLimits[0].pageSize): this property is required"#),
        (#"{"hugepageLimits":[{"pageSize":"2M","limit":1}]}"#, #"(linux.resources.hugepageLimits[0].pageSize): "2M" is no huge page size: expected a number, K, M or G, and B, as in "2MB""#),
        (#"{"hugepageLimits":[{"pageSize":"../2MB","limit":1}]}"#, #"(linux.resources.hugepageLimits[0].pageSize): "../2MB" is no huge page size: expected a number, K, M or G, and B, as in "2MB""#),
        (#"{"hugepageLimits":[{"pageSize":"02MB","limit":1}]}"#, #"(linux.resources.hugepageLimits[0].pageSize): "02MB" is no huge page size: expected a number, K, M or G, and B, as in "2MB""#),
        (#"{"network":{"classID":4294967296}}"#, #"(linux.resources.network.classID): 4294967296 is out of range (0 to 4294967295)"#),
        (#"{"network":{"priorities":[{"name":"a b","priority":1}]}}"#, #"(linux.resources.network.priorities[0].name): "a b" cannot be the name of a network interface"#),
        (#"{"network":{"priorities":[{"name":"eth0"}]}}"#, #"(linux.resources.network.priorities[0].priority): this property is required"#),
        (#"{"rdma":{"mlx5_1":{}}}"#, #"(linux.resources.rdma.mlx5_1): at least one of hcaHandles and hcaObjects is required"#),
        (#"{"rdma":{"a b":{"hcaObjects":1}}}"#, #"(linux.resources.rdma.a b): "a b" cannot be the name of an RDMA device"#),
        (#"{"unified":{"../memory.max":"1"}}"#, #"(linux.resources.unified["../memory.max"]): the key must be the name of a file in the cgroup, without slashes"#),
        (#"{"unified":{"..":"1"}}"#, #"(linux.resources.unified[".."]): the key must be the name of a file in the cgroup, without slashes"#),
        (#"{"unified":{"":"1"}}"#, #"(linux.resources.unified[""]): the key must be the name of a file in the cgroup, without slashes"#),
        (#"{"unified":{"memory.max":1}}"#, #"(linux.resources.unified["memory.max"]): expected a string, found an integer"#),
        (#"{"devices":[{"access":"rwm"}]}"#, #"(linux.resources.devices[0].allow): this property is required"#),
        (#"{"devices":[{"allow":true,"type":"p"}]}"#, #"(linux.resources.devices[0].type): "p" is no device type (a, b or c)"#),
        (#"{"devices":[{"allow":true,"access":"rx"}]}"#, #"(linux.resources.devices[0].access): "rx" is no access: expected letters of "rwm""#),
        (#"{"devices":[{"allow":true,"access":""}]}"#, #"(linux.resources.devices[0].access): the access is empty: expected letters of "rwm""#),
        (#"{"devices":[{"allow":true,"major":-2}]}"#, #"(linux.resources.devices[0].major): -2 is no device number"#),
        (#"{"devices":[{"allow":true,"minor":4294967296}]}"#, #"(linux.resources.devices[0].minor): 4294967296 is no device number"#),
        (#"{"devices":{}}"#, #"(linux.resources.devices): expected an array, found an object"#),
    ])
    func refusals(text: String, message: String) throws {
        let error = #expect(throws: OperationError.self) { try read(text) }
        #expect(error?.description == "read \"config.json\" " + message)
    }

    @Test("an empty object asks for nothing, unknown properties are ignored")
    func nothing() throws {
        #expect(try read("{}") == LinuxResources())
        #expect(try read(#"{"new":1,"memory":null}"#) == LinuxResources())
    }

    @Test("every property is read (the examples of config-linux.md)")
    func everything() throws {
        let resources = try read(
            """
            {"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":229,"access":"rw"},
                        {"allow":true,"type":"b","major":8,"minor":-1,"access":"r"}],
             "memory":{"limit":536870912,"reservation":536870912,"swap":536870912,"kernel":-1,"kernelTCP":-1,"swappiness":0,
                       "disableOOMKiller":false,"useHierarchy":true,"checkBeforeUpdate":true},
             "cpu":{"shares":1024,"quota":1000000,"burst":1000000,"period":500000,"realtimeRuntime":950000,"realtimePeriod":1000000,
                    "cpus":"2-3","mems":"0-7, 9","idle":0},
             "blockIO":{"weight":10,"leafWeight":10,"weightDevice":[{"major":8,"minor":0,"weight":500,"leafWeight":300},
                        {"major":8,"minor":16,"weight":500}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":600}],
                        "throttleWriteBpsDevice":[{"major":8,"minor":0,"rate":601}],"throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":602}],
                        "throttleWriteIOPSDevice":[{"major":8,"minor":16,"rate":18446744073709551615}]},
             "hugepageLimits":[{"pageSize":"2MB","limit":209715200},{"pageSize":"64KB","limit":1000000}],
             "network":{"classID":1048577,"priorities":[{"name":"eth0","priority":500},{"name":"eth1","priority":1000}]},
             "pids":{"limit":32771},
             "rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10000},"rxe3":{"hcaObjects":10000}},
             "unified":{"io.max":"259:0 rbps=2097152\\n253:0 rbps=2097152","hugetlb.1GB.max":"1073741824"}}
            """)
        var expected = LinuxResources()
        expected.devices = [
            LinuxDeviceRule(allow: false), LinuxDeviceRule(allow: true, kind: .character, major: 10, minor: 229, access: [.read, .write]),
            LinuxDeviceRule(allow: true, kind: .block, major: 8, access: .read),
        ]
        expected.memory = LinuxMemory(
            limit: 536_870_912, reservation: 536_870_912, swap: 536_870_912, kernel: -1, kernelTCP: -1, swappiness: 0,
            disableOOMKiller: false, useHierarchy: true, checkBeforeUpdate: true)
        expected.cpu = LinuxCPU(
            shares: 1024, quota: 1_000_000, burst: 1_000_000, period: 500_000, realtimeRuntime: 950_000, realtimePeriod: 1_000_000,
            cpus: "2-3", mems: "0-7,9", idle: 0)
        expected.blockIO = LinuxBlockIO(
            weight: 10, leafWeight: 10,
            weightDevice: [.init(major: 8, minor: 0, weight: 500, leafWeight: 300), .init(major: 8, minor: 16, weight: 500)],
            throttleReadBpsDevice: [.init(major: 8, minor: 0, rate: 600)], throttleWriteBpsDevice: [.init(major: 8, minor: 0, rate: 601)],
            throttleReadIOPSDevice: [.init(major: 8, minor: 0, rate: 602)], throttleWriteIOPSDevice: [.init(major: 8, minor: 16, rate: .max)])
        expected.hugepageLimits = [LinuxHugepageLimit(pageSize: "2MB", limit: 209_715_200), LinuxHugepageLimit(pageSize: "64KB", limit: 1_000_000)]
        expected.network = LinuxNetwork(classID: 1_048_577, priorities: [.init(name: "eth0", priority: 500), .init(name: "eth1", priority: 1000)])
        expected.pids = LinuxPids(limit: 32771)
        expected.rdma = [LinuxRDMA(device: "mlx5_1", hcaHandles: 3, hcaObjects: 10000), LinuxRDMA(device: "rxe3", hcaObjects: 10000)]
        expected.unified = [
            LinuxUnified(file: "io.max", value: "259:0 rbps=2097152\n253:0 rbps=2097152"), LinuxUnified(file: "hugetlb.1GB.max", value: "1073741824"),
        ]
        #expect(resources == expected)
    }
}
