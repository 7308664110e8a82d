import Diagnostics
import OCISpec
import Testing

@Suite("State")
struct StateTests {
    private func words(_ text: String) -> String {
        do throws(OperationError) {
            return try State.parse(Array(text.utf8), source: "state.json").text()
        } catch { return error.description }
    }
    private func state(_ members: String) -> String { "{\"ociVersion\":\"1.3.0\",\"id\":\"web\",\(members),\"bundle\":\"/b\"}" }

    @Test("is written as it is read")
    func roundTrip() throws {
        for text in [
            state("\"status\":\"creating\""), state("\"status\":\"stopped\""), state("\"status\":\"created\",\"pid\":1"),
            state("\"status\":\"running\",\"pid\":2147483647"), state("\"status\":\"paused\",\"pid\":7"), state("\"status\":\"stopped\",\"pid\":0"),
        ] { #expect(words(text) == text) }
        var all = State(id: "a\"b", status: .running, pid: 5, bundle: "/é\n", annotations: StringMap([.init("k", "v"), .init("l", "")]))
        #expect(all.text() == "{\"ociVersion\":\"1.3.0\",\"id\":\"a\\\"b\",\"status\":\"running\",\"pid\":5,\"bundle\":\"/é\\n\",\"annotations\":{\"k\":\"v\",\"l\":\"\"}}")
        #expect(try State.parse(Array(all.text(indentation: 2).utf8), source: "s") == all)
        all.annotations = StringMap()
        #expect(try State.parse(Array(all.text().utf8), source: "s") == all)
    }

    @Test(
        "refusals",
        arguments: [
            ("{}", "(ociVersion): this property is required"),
            ("{\"ociVersion\": \"1.0.0\"}", "(id): this property is required"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"a\"}", "(status): this property is required"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"a\", \"status\": \"gone\", \"bundle\": \"/\"}", "(status): unknown container status \"gone\"; hint: known: creating, created, running, stopped, paused"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"a\", \"status\": \"stopped\"}", "(bundle): this property is required"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"\", \"status\": \"stopped\", \"bundle\": \"/\"}", "(id): the container's name is empty"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"a\", \"status\": \"running\", \"bundle\": \"/\"}", "(pid): this property is required"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"a\", \"status\": \"created\", \"bundle\": \"/\"}", "(pid): this property is required"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"a\", \"status\": \"paused\", \"pid\": null, \"bundle\": \"/\"}", "(pid): this property is required"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"a\", \"status\": \"stopped\", \"pid\": -1, \"bundle\": \"/\"}", "(pid): -1 is below 0"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"a\", \"status\": \"stopped\", \"pid\": 2147483648, \"bundle\": \"/\"}", "(pid): 2147483648 is out of range (-2147483648 to 2147483647)"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"a\", \"status\": \"stopped\", \"bundle\": \"b\"}", "(bundle): \"b\" is not an absolute path"),
            ("{\"ociVersion\": \"1.0.0\", \"id\": \"a\", \"status\": \"stopped\", \"bundle\": \"/\", \"annotations\": {\"a\": 1}}", "(annotations.a): expected a string, found an integer"),
        ])
    func refused(text: String, why: String) { #expect(words(text) == "read \"state.json\" " + why) }

    @Test("what the seccomp agent gets (RT-config-linux-187 to RT-config-linux-191)")
    func containerProcessState() {
        let state = State(id: "a", status: .creating, pid: 7, bundle: "/b")
        #expect(
            ContainerProcessState(fds: ["seccompFd"], pid: 7, metadata: "M", state: state).text
                == "{\"ociVersion\":\"1.3.0\",\"fds\":[\"seccompFd\"],\"pid\":7,\"metadata\":\"M\",\"state\":\(state.text())}")
        #expect(!ContainerProcessState(fds: [], pid: 7, metadata: nil, state: state).text.contains("metadata"))
    }
}

@Suite("Features")
struct FeaturesTests {
    @Test("nothing said is nothing written; an empty list is written (RT-features-004)")
    func least() {
        var features = Features()
        #expect(features.text(indentation: 0) == "{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.3.0\"}")
        features.hooks = []
        features.annotations = StringMap()
        features.linux = LinuxFeatures()
        #expect(features.text(indentation: 0) == "{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.3.0\",\"hooks\":[],\"linux\":{},\"annotations\":{}}")
    }

    @Test("every property")
    func whole() {
        var features = Features(ociVersionMin: "1.0.0", ociVersionMax: "1.3.0")
        features.hooks = ["prestart"]
        features.mountOptions = ["ro"]
        features.annotations = StringMap([.init("k", "v")])
        features.potentiallyUnsafeConfigAnnotations = ["org."]
        var linux = LinuxFeatures()
        linux.namespaces = ["pid"]
        linux.capabilities = ["CAP_KILL"]
        linux.cgroup = .init(v1: true, v2: true, systemd: false, systemdUser: false, rdma: true)
        linux.seccomp = .init(enabled: true)
        linux.seccomp?.actions = ["SCMP_ACT_LOG"]
        linux.seccomp?.operators = ["SCMP_CMP_NE"]
        linux.seccomp?.archs = ["SCMP_ARCH_X86"]
        linux.seccomp?.knownFlags = ["A", "B"]
        linux.seccomp?.supportedFlags = []
        linux.apparmorEnabled = true
        linux.selinuxEnabled = false
        linux.memoryPolicy = .init(modes: ["MPOL_LOCAL"], flags: ["MPOL_F_STATIC_NODES"])
        linux.intelRdt = .init(enabled: true, schemata: true, monitoring: false)
        linux.idmapEnabled = true
        linux.netDevicesEnabled = true
        features.linux = linux
        let cgroup = "\"cgroup\":{\"v1\":true,\"v2\":true,\"systemd\":false,\"systemdUser\":false,\"rdma\":true}"
        let seccomp =
            "\"seccomp\":{\"enabled\":true,\"actions\":[\"SCMP_ACT_LOG\"],\"operators\":[\"SCMP_CMP_NE\"],\"archs\":[\"SCMP_ARCH_X86\"],\"knownFlags\":[\"A\",\"B\"],\"supportedFlags\":[]}"
        let rest =
            "\"apparmor\":{\"enabled\":true},\"selinux\":{\"enabled\":false},\"memoryPolicy\":{\"modes\":[\"MPOL_LOCAL\"],\"flags\":[\"MPOL_F_STATIC_NODES\"]},\"intelRdt\":{\"enabled\":true,\"schemata\":true,\"monitoring\":false},\"mountExtensions\":{\"idmap\":{\"enabled\":true}},\"netDevices\":{\"enabled\":true}"
        #expect(
            features.text(indentation: 0)
                == "{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.3.0\",\"hooks\":[\"prestart\"],\"mountOptions\":[\"ro\"],\"linux\":{\"namespaces\":[\"pid\"],\"capabilities\":[\"CAP_KILL\"],\(cgroup),\(seccomp),\(rest)},\"annotations\":{\"k\":\"v\"},\"potentiallyUnsafeConfigAnnotations\":[\"org.\"]}")
    }
}
