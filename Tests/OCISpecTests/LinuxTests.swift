import Diagnostics
import OCISpec
import Testing

private func mappings(_ count: Int, size: Int = 1) -> String {
    (0..<count).map { "{\"containerID\": \($0 * size), \"hostID\": \($0 * size), \"size\": \(size)}" }.joined(separator: ", ")
}
private let userNamespace = "\"namespaces\": [{\"type\": \"user\"}]"

@Suite("Configuration: Linux")
struct LinuxTests {
    @Test(
        "refusals: namespaces",
        arguments: [
            ("{}", "(linux.namespaces[0].type): this property is required"),
            ("{\"type\": \"foo\"}", "(linux.namespaces[0].type): unknown namespace type \"foo\"; hint: known: pid, network, mount, ipc, uts, user, cgroup, time"),
            ("{\"type\": \"PID\"}", "(linux.namespaces[0].type): unknown namespace type \"PID\"; hint: known: pid, network, mount, ipc, uts, user, cgroup, time"),
            ("{\"type\": \"\"}", "(linux.namespaces[0].type): unknown namespace type \"\"; hint: known: pid, network, mount, ipc, uts, user, cgroup, time"),
            ("{\"type\": \"pid\", \"path\": \"proc/1/ns/pid\"}", "(linux.namespaces[0].path): \"proc/1/ns/pid\" is not an absolute path"),
            ("{\"type\": \"pid\"}, {\"type\": \"uts\"}, {\"type\": \"pid\"}", "(linux.namespaces[2].type): a pid namespace was given before, in linux.namespaces[0]"),
            ("{\"type\": \"pid\", \"path\": \"/a\"}, {\"type\": \"pid\"}", "(linux.namespaces[1].type): a pid namespace was given before, in linux.namespaces[0]"),
            ("\"pid\"", "(linux.namespaces[0]): expected an object, found a string"),
        ])
    func namespaces(list: String, words: String) { #expect(refusal(config(linux: "\"namespaces\": [\(list)]")) == words) }

    @Test("every namespace, to make and to join")
    func everyNamespace() throws {
        let list = LinuxNamespaceType.allCases.map { "{\"type\": \"\($0.name)\", \"path\": \($0 == .pid ? "\"/p\"" : "\"\"")}" }
        let linux = try #require(try parse(config(linux: "\"namespaces\": [\(list.joined(separator: ", "))]")).linux)
        #expect(linux.namespaces.map(\.type) == LinuxNamespaceType.allCases)
        #expect(linux.namespace(.pid)?.path == "/p")
        #expect(linux.namespace(.user) == LinuxNamespace(.user))
        #expect(try parse(config(linux: "\"namespaces\": []")).linux?.namespace(.pid) == nil)
    }

    @Test(
        "refusals: id mappings",
        arguments: [
            ("{\"hostID\": 0, \"size\": 1}", "(linux.uidMappings[0].containerID): this property is required"),
            ("{\"containerID\": 0, \"size\": 1}", "(linux.uidMappings[0].hostID): this property is required"),
            ("{\"containerID\": 0, \"hostID\": 0}", "(linux.uidMappings[0].size): this property is required"),
            ("{\"containerID\": 0, \"hostID\": 0, \"size\": 0}", "(linux.uidMappings[0].size): the size is 0"),
            ("{\"containerID\": 0, \"hostID\": 0, \"size\": 4294967296}", "(linux.uidMappings[0].size): 4294967296 is out of range (0 to 4294967295)"),
            ("{\"containerID\": 1, \"hostID\": 0, \"size\": 4294967295}", "(linux.uidMappings[0].size): 4294967295 ids from containerID 1 on go beyond 4294967294"),
            ("{\"containerID\": 0, \"hostID\": 4294967295, \"size\": 1}", "(linux.uidMappings[0].size): 1 ids from hostID 4294967295 on go beyond 4294967294"),
            (
                "{\"containerID\": 0, \"hostID\": 0, \"size\": 10}, {\"containerID\": 9, \"hostID\": 100, \"size\": 1}",
                "(linux.uidMappings[1].containerID): the range overlaps that of linux.uidMappings[0]"
            ),
            (
                "{\"containerID\": 0, \"hostID\": 100, \"size\": 10}, {\"containerID\": 10, \"hostID\": 91, \"size\": 10}",
                "(linux.uidMappings[1].hostID): the range overlaps that of linux.uidMappings[0]"
            ),
            (mappings(341), "(linux.uidMappings): 341 mappings are more than the kernel takes (340)"),
        ])
    func idMappings(list: String, words: String) {
        #expect(refusal(config(linux: userNamespace, "\"uidMappings\": [\(list)]")) == words)
        #expect(refusal(config(linux: userNamespace, "\"gidMappings\": [\(list)]")) == words.replacing("uidMappings", with: "gidMappings"))
    }

    @Test("id mappings at the borders")
    func idMappingBorders() throws {
        let all = "{\"containerID\": 0, \"hostID\": 0, \"size\": 4294967295}"
        #expect(refusal(config(linux: userNamespace, "\"uidMappings\": [\(all)]", "\"gidMappings\": [\(mappings(340, size: 10))]")) == "accepted")
    }

    @Test("mappings need a user namespace; to join one with mappings is left to who can compare them")
    func userNamespaceNeeded() {
        let words = "the container has no user namespace of its own; hint: add {\"type\": \"user\"} to linux.namespaces"
        #expect(refusal(config(linux: "\"uidMappings\": [\(mappings(1))]")) == "(linux.uidMappings): " + words)
        #expect(refusal(config(linux: "\"gidMappings\": [\(mappings(1))]")) == "(linux.gidMappings): " + words)
        #expect(refusal(config(linux: "\"uidMappings\": []", "\"gidMappings\": null")) == "accepted")
        #expect(refusal(config(linux: "\"namespaces\": [{\"type\": \"user\", \"path\": \"/u\"}]", "\"uidMappings\": [\(mappings(1))]")) == "accepted")
    }

    @Test(
        "refusals: time offsets",
        arguments: [
            ("{\"realtime\": {\"secs\": 1}}", "(linux.timeOffsets.realtime): unknown clock \"realtime\"; hint: known: monotonic, boottime"),
            ("{\"monotonic\": {\"nanosecs\": 1000000000}}", "(linux.timeOffsets.monotonic.nanosecs): 1000000000 is not below one second (1000000000)"),
            ("{\"boottime\": {\"nanosecs\": -1}}", "(linux.timeOffsets.boottime.nanosecs): -1 is out of range (0 to 4294967295)"),
            ("{\"boottime\": {\"secs\": \"1\"}}", "(linux.timeOffsets.boottime.secs): expected an integer, found a string; hint: write a number without quotes and without a unit"),
            ("{\"boottime\": null}", "(linux.timeOffsets.boottime): expected an object, found null"),
            ("[]", "(linux.timeOffsets): expected an object, found an array"),
        ])
    func timeOffsets(offsets: String, words: String) {
        #expect(refusal(config(linux: "\"namespaces\": [{\"type\": \"time\"}]", "\"timeOffsets\": \(offsets)")) == words)
    }

    @Test("time offsets at the borders, and the namespace that they need")
    func timeOffsetBorders() throws {
        let offsets = "\"timeOffsets\": {\"boottime\": {\"secs\": -9223372036854775808, \"nanosecs\": 999999999}, \"monotonic\": {}}"
        #expect(
            try parse(config(linux: "\"namespaces\": [{\"type\": \"time\"}]", offsets)).linux?.timeOffsets
                == [LinuxTimeOffset(.boottime, secs: .min, nanosecs: 999_999_999), LinuxTimeOffset(.monotonic, secs: 0)])
        #expect(
            refusal(config(linux: offsets))
                == "(linux.timeOffsets): the container has no time namespace of its own; hint: add {\"type\": \"time\"} to linux.namespaces")
        #expect(refusal(config(linux: "\"timeOffsets\": {}")) == "accepted")
    }

    @Test(
        "refusals: devices",
        arguments: [
            ("{\"path\": \"/d\"}", "(linux.devices[0].type): this property is required"),
            ("{\"type\": \"c\"}", "(linux.devices[0].path): this property is required"),
            ("{\"type\": \"x\", \"path\": \"/d\"}", "(linux.devices[0].type): unknown device type \"x\"; hint: known: c, b, u, p"),
            ("{\"type\": \"a\", \"path\": \"/d\"}", "(linux.devices[0].type): unknown device type \"a\"; hint: known: c, b, u, p"),
            ("{\"type\": \"p\", \"path\": \"d\"}", "(linux.devices[0].path): \"d\" is not an absolute path"),
            ("{\"type\": \"c\", \"path\": \"/d\", \"minor\": 1}", "(linux.devices[0].major): this property is required for type \"c\""),
            ("{\"type\": \"u\", \"path\": \"/d\", \"major\": 1}", "(linux.devices[0].minor): this property is required for type \"u\""),
            ("{\"type\": \"b\", \"path\": \"/d\", \"major\": 4096, \"minor\": 0}", "(linux.devices[0].major): 4096 is not between 0 and 4095"),
            ("{\"type\": \"b\", \"path\": \"/d\", \"major\": -1, \"minor\": 0}", "(linux.devices[0].major): -1 is not between 0 and 4095"),
            ("{\"type\": \"b\", \"path\": \"/d\", \"major\": 1, \"minor\": 1048576}", "(linux.devices[0].minor): 1048576 is not between 0 and 1048575"),
            ("{\"type\": \"c\", \"path\": \"/d\", \"major\": 1, \"minor\": 1, \"fileMode\": 4096}", "(linux.devices[0].fileMode): 4096 is above 4095 (octal 7777); hint: the number is decimal, not octal"),
            ("{\"type\": \"p\", \"path\": \"/d\", \"fileMode\": 8630}", "(linux.devices[0].fileMode): 8630 is above 4095 (octal 7777); hint: the number is decimal, not octal"),
            ("{\"type\": \"p\", \"path\": \"/d\", \"uid\": 4294967295}", "(linux.devices[0].uid): 4294967295 is not a user id"),
            ("{\"type\": \"p\", \"path\": \"/d\", \"gid\": 4294967295}", "(linux.devices[0].gid): 4294967295 is not a group id"),
        ])
    func devices(device: String, words: String) { #expect(refusal(config(linux: "\"devices\": [\(device)]")) == words) }

    @Test("devices that are right; the file type of st_mode is dropped")
    func rightDevices() throws {
        let devices = try parse(
            config(
                linux: """
                    "devices": [{"type": "c", "path": "/dev/a", "major": 4095, "minor": 1048575, "fileMode": 8630, "uid": 0, "gid": 5},
                        {"type": "b", "path": "/b", "major": 0, "minor": 0, "fileMode": 432}, {"type": "u", "path": "/u", "major": 1, "minor": 2},
                        {"type": "p", "path": "/p"}]
                    """)
        ).linux?.devices
        #expect(
            devices == [
                LinuxDevice(.character, path: "/dev/a", major: 4095, minor: 1_048_575, fileMode: 0o666, uid: 0, gid: 5),
                LinuxDevice(.block, path: "/b", major: 0, minor: 0, fileMode: 0o660), LinuxDevice(.unbuffered, path: "/u", major: 1, minor: 2),
                LinuxDevice(.fifo, path: "/p", major: nil, minor: nil),
            ])
    }

    @Test(
        "refusals: network devices",
        arguments: [
            ("\"\": {}", "(linux.netDevices[\"\"]): the device name is empty"),
            ("\"eth0\": null", "(linux.netDevices.eth0): expected an object, found null"),
            ("\"eth0\": {\"name\": 1}", "(linux.netDevices.eth0.name): expected a string, found an integer"),
            ("\"abcdefghijklmnop\": {}", "(linux.netDevices.abcdefghijklmnop): \"abcdefghijklmnop\" is longer than 15 bytes"),
            ("\"eth0\": {\"name\": \"abcdefghijklmnop\"}", "(linux.netDevices.eth0.name): \"abcdefghijklmnop\" is longer than 15 bytes"),
            ("\"eth0.1\": {\"name\": \"..\"}", "(linux.netDevices[\"eth0.1\"].name): \"..\" is not a device name"),
            ("\"eth0\": {\"name\": \".\"}", "(linux.netDevices.eth0.name): \".\" is not a device name"),
            ("\"a/b\": {}", "(linux.netDevices.a/b): \"a/b\" contains a slash, a colon or a space"),
            ("\"eth0\": {\"name\": \"a b\"}", "(linux.netDevices.eth0.name): \"a b\" contains a slash, a colon or a space"),
            ("\"eth0\": {\"name\": \"a:b\"}", "(linux.netDevices.eth0.name): \"a:b\" contains a slash, a colon or a space"),
            ("\"eth%d\": {}", "(linux.netDevices.eth%d): \"eth%d\" contains \"%\""),
            ("\"eth0\": {\"name\": \"a%s\"}", "(linux.netDevices.eth0.name): \"a%s\" may contain \"%d\" once and no other \"%\""),
            ("\"eth0\": {\"name\": \"a%d%d\"}", "(linux.netDevices.eth0.name): \"a%d%d\" may contain \"%d\" once and no other \"%\""),
            ("\"eth0\": {\"name\": \"a\"}, \"eth1\": {\"name\": \"a\"}", "(linux.netDevices.eth1.name): \"a\" is the name of \"eth0\" too"),
            ("\"eth0\": {\"name\": \"eth1\"}, \"eth1\": {}", "(linux.netDevices.eth1.name): \"eth1\" is the name of \"eth0\" too"),
        ])
    func netDevices(list: String, words: String) {
        #expect(refusal(config(linux: "\"namespaces\": [{\"type\": \"network\"}]", "\"netDevices\": {\(list)}")) == words)
    }

    @Test("network devices that are right")
    func rightNetDevices() throws {
        let list = "\"netDevices\": {\"eth0\": {}, \"eth1\": {\"name\": \"c%d\"}, \"eth2\": {\"name\": \"c%d\"}, \"abcdefghijklmno\": {\"name\": \"\"}}"
        #expect(
            try parse(config(linux: "\"namespaces\": [{\"type\": \"network\"}]", list)).linux?.netDevices == [
                LinuxNetDevice(hostName: "eth0"), LinuxNetDevice(hostName: "eth1", name: "c%d"), LinuxNetDevice(hostName: "eth2", name: "c%d"),
                LinuxNetDevice(hostName: "abcdefghijklmno"),
            ])
        #expect(
            refusal(config(linux: list))
                == "(linux.netDevices): the container has no network namespace of its own; hint: add {\"type\": \"network\"} to linux.namespaces")
    }

    @Test(
        "refusals: the rest",
        arguments: [
            ("\"intelRdt\": {\"closID\": \"a/b\"}", "(linux.intelRdt.closID): \"a/b\" is not the name of a directory"),
            ("\"intelRdt\": {\"closID\": \"..\"}", "(linux.intelRdt.closID): \"..\" is not the name of a directory"),
            ("\"intelRdt\": {\"closID\": \"a\\nb\"}", "(linux.intelRdt.closID): \"a\\nb\" contains a line break"),
            ("\"intelRdt\": {\"l3CacheSchema\": \"L3:0=f\\n\"}", "(linux.intelRdt.l3CacheSchema): \"L3:0=f\\n\" contains a line break"),
            ("\"intelRdt\": {\"memBwSchema\": \"L3:0=1\"}", "(linux.intelRdt.memBwSchema): \"L3:0=1\" does not begin with \"MB:\""),
            ("\"intelRdt\": {\"memBwSchema\": \"MB:0=1\\nMB:1=1\"}", "(linux.intelRdt.memBwSchema): \"MB:0=1\\nMB:1=1\" contains a line break"),
            ("\"intelRdt\": {\"schemata\": [\"a\", \"b\\nc\"]}", "(linux.intelRdt.schemata[1]): \"b\\nc\" contains a line break"),
            ("\"memoryPolicy\": {}", "(linux.memoryPolicy.mode): this property is required"),
            ("\"memoryPolicy\": {\"mode\": \"X\"}", "(linux.memoryPolicy.mode): unknown memory policy mode \"X\"; hint: known: MPOL_DEFAULT, MPOL_BIND, MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE, MPOL_PREFERRED, MPOL_PREFERRED_MANY, MPOL_LOCAL"),
            ("\"memoryPolicy\": {\"mode\": \"MPOL_LOCAL\", \"nodes\": \"0\"}", "(linux.memoryPolicy.nodes): MPOL_LOCAL takes no nodes"),
            ("\"memoryPolicy\": {\"mode\": \"MPOL_DEFAULT\", \"nodes\": \"0\"}", "(linux.memoryPolicy.nodes): MPOL_DEFAULT takes no nodes"),
            ("\"memoryPolicy\": {\"mode\": \"MPOL_BIND\"}", "(linux.memoryPolicy.nodes): MPOL_BIND needs at least one node"),
            ("\"memoryPolicy\": {\"mode\": \"MPOL_INTERLEAVE\", \"nodes\": \"x\"}", "(linux.memoryPolicy.nodes): \"x\" is not a list of numbers up to 65535; hint: write \"0-3,7\""),
            ("\"memoryPolicy\": {\"mode\": \"MPOL_BIND\", \"nodes\": \"0\", \"flags\": [\"X\"]}", "(linux.memoryPolicy.flags[0]): unknown memory policy flag \"X\"; hint: known: MPOL_F_NUMA_BALANCING, MPOL_F_RELATIVE_NODES, MPOL_F_STATIC_NODES"),
            ("\"memoryPolicy\": {\"mode\": \"MPOL_BIND\", \"nodes\": \"0\", \"flags\": [\"MPOL_F_RELATIVE_NODES\", \"MPOL_F_STATIC_NODES\"]}", "(linux.memoryPolicy.flags): MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other"),
            ("\"memoryPolicy\": {\"mode\": \"MPOL_PREFERRED\", \"flags\": [\"MPOL_F_NUMA_BALANCING\"]}", "(linux.memoryPolicy.flags): MPOL_F_NUMA_BALANCING needs MPOL_BIND or MPOL_PREFERRED_MANY, not MPOL_PREFERRED"),
            ("\"rootfsPropagation\": \"foo\"", "(linux.rootfsPropagation): unknown mount propagation \"foo\"; hint: known: shared, slave, private, unbindable, rshared, rslave, rprivate, runbindable"),
            ("\"maskedPaths\": [\"/a\", \"b\"]", "(linux.maskedPaths[1]): \"b\" is not an absolute path"),
            ("\"readonlyPaths\": [\"\"]", "(linux.readonlyPaths[0]): the path is empty"),
            ("\"personality\": {}", "(linux.personality.domain): this property is required"),
            ("\"personality\": {\"domain\": \"WINDOWS\"}", "(linux.personality.domain): unknown personality domain \"WINDOWS\"; hint: known: LINUX, LINUX32"),
            ("\"personality\": {\"domain\": \"LINUX\", \"flags\": [\"ADDR_NO_RANDOMIZE\"]}", "(linux.personality.flags[0]): unknown personality flag \"ADDR_NO_RANDOMIZE\"; hint: no flags are known"),
            ("\"sysctl\": {\"a\": 1}", "(linux.sysctl.a): expected a string, found an integer"),
            ("\"sysctl\": {\"\": \"1\"}", "(linux.sysctl): a key is empty"),
            ("\"cgroupsPath\": 1", "(linux.cgroupsPath): expected a string, found an integer"),
        ])
    func refused(members: String, words: String) { #expect(refusal(config(linux: members)) == words) }

    @Test("empty is absent")
    func empty() throws {
        let found = try parse(config(linux: "\"rootfsPropagation\": \"\"", "\"cgroupsPath\": \"\"", "\"mountLabel\": \"\"", "\"devices\": null")).linux
        #expect(found == Linux())
        #expect(found == (try parse(config("\"linux\": {}")).linux))
    }

    @Test("the default class of resctrl, and propagation with and without r")
    func words() throws {
        #expect(try parse(config(linux: "\"intelRdt\": {\"closID\": \"/\"}")).linux?.intelRdt?.closID == "/")
        for word in LinuxMountPropagation.allCases {
            #expect(try parse(config(linux: "\"rootfsPropagation\": \"\(word.name)\"")).linux?.rootfsPropagation == word)
            #expect(word.isRecursive == word.name.hasPrefix("r"))
        }
        #expect(try parse(config(linux: "\"personality\": {\"domain\": \"LINUX32\", \"flags\": []}")).linux?.personality?.domain == .linux32)
    }
}
