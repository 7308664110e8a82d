import Diagnostics
import OCISpec
import Testing

@Suite("Configuration: top level")
struct ConfigTests {
    @Test("the least configuration")
    func least() throws {
        let found = try parse("{\"ociVersion\": \"1.0.2-dev\", \"root\": {\"path\": \"/r\"}}")
        #expect(found.ociVersion == "1.0.2-dev")
        #expect(found.root == Root(path: "/r"))
        #expect(!found.root.readonly)
        #expect(found.process == nil)
        #expect(found.mounts.isEmpty && found.hooks.isEmpty && found.annotations.isEmpty)
        #expect(found.hostname == nil && found.domainname == nil && found.linux == nil)
        #expect(found.warnings().isEmpty)
    }

    @Test(
        "refusals",
        arguments: [
            ("{}", "(ociVersion): this property is required"),
            ("{\"ociVersion\": null}", "(ociVersion): this property is required"),
            ("{\"ociVersion\": 1}", "(ociVersion): expected a string, found an integer"),
            ("{\"ociVersion\": \"1.0\"}", "(ociVersion): \"1.0\" is not a version; hint: write \"1.3.0\""),
            ("{\"ociVersion\": \"\"}", "(ociVersion): \"\" is not a version; hint: write \"1.3.0\""),
            ("{\"ociVersion\": \"2.0.0\"}", "(ociVersion): version 2.0.0 of the specification is not supported; hint: versions 1.x.y are"),
            ("{\"ociVersion\": \"0.9.0\"}", "(ociVersion): version 0.9.0 of the specification is not supported; hint: versions 1.x.y are"),
            ("{\"ociVersion\": \"1.0.0\"}", "(root): this property is required"),
            ("{\"ociVersion\": \"1.0.0\", \"root\": {}}", "(root.path): this property is required"),
            ("{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"\"}}", "(root.path): the path is empty"),
            ("{\"ociVersion\": \"1.0.0\", \"root\": \"rootfs\"}", "(root): expected an object, found a string"),
            (config("\"hostname\": \"" + String(repeating: "a", count: 65) + "\""), "(hostname): \"" + String(repeating: "a", count: 65) + "\" is longer than 64 bytes"),
            (
                config("\"domainname\": \"" + String(repeating: "a", count: 65) + "\""),
                "(domainname): \"" + String(repeating: "a", count: 65) + "\" is longer than 64 bytes"
            ),
            (config("\"annotations\": {\"\": \"x\"}"), "(annotations): a key is empty"),
            (config("\"annotations\": {\"com.a\": 1}"), "(annotations[\"com.a\"]): expected a string, found an integer"),
            (config("\"annotations\": []"), "(annotations): expected an object, found an array"),
        ])
    func refused(text: String, words: String) { #expect(refusal(text) == words) }

    @Test("a text that is no JSON")
    func noJSON() {
        #expect(refusal("[]") == "read \"config.json\": expected an object, found an array")
        #expect(refusal("") == "parse \"config.json\": the file is empty")
        #expect(refusal("{\"ociVersion\": \"1.3.0\"") == "parse \"config.json\": the text ends in the middle (truncated?)")
    }

    @Test("null is absent, unknown properties and other platforms are ignored (RT-config-245)")
    func absent() throws {
        let least = try parse(config())
        #expect(
            try parse(
                config(
                    "\"process\": null", "\"mounts\": null", "\"hostname\": null", "\"domainname\": null", "\"hooks\": null",
                    "\"annotations\": null", "\"linux\": null")) == least)
        #expect(try parse(config("\"windows\": 1", "\"vm\": []", "\"unheard\": {\"of\": [1.5, \"\\u0000\"]}")) == least)
        #expect(try parse(config("\"hostname\": \"\"", "\"annotations\": {}", "\"hooks\": {}")) == least)
    }

    @Test("the version comes first: in another one the rest may mean something else")
    func versionFirst() { #expect(refusal("{\"root\": 1, \"ociVersion\": \"3.0.0\"}").hasPrefix("(ociVersion)")) }

    @Test("annotations keep their order, and of equal keys the last counts")
    func annotations() throws {
        let found = try parse(config("\"annotations\": {\"z\": \"1\", \"a\": \"\", \"z\": \"3\"}")).annotations
        #expect(found.entries == [StringMap.Entry("z", "3"), StringMap.Entry("a", "")])
        #expect(found["z"] == "3" && found["a"] == "" && found["b"] == nil)
    }

    @Test("what start needs (RT-config-110, RT-runtime-050)")
    func start() throws {
        func words(_ text: String) throws -> String {
            let found = try parse(text)
            do throws(OperationError) { return try found.requireProcess().args.joined(separator: " ") } catch { return error.description }
        }
        #expect(try words(config()) == "read \"config.json\" (process): this property is required to start the container")
        #expect(try words(config(process: "\"args\": []")) == #"read "config.json" (process.args): at least one entry is required; hint: the program and its arguments: ["ls", "-l"]"#)
        #expect(try words(config(process: "\"args\": [\"sh\", \"-c\"]")) == "sh -c")
    }

    @Test("what is allowed but deserves a warning (RT-config-linux-130)")
    func warnings() throws {
        let found = try parse(
            config(
                "\"mounts\": [{\"destination\": \"proc\"}]",
                """
                "linux": {"devices": [{"type": "c", "path": "/dev/a", "major": 1, "minor": 3}, {"type": "p", "path": "/dev/p"},
                    {"type": "p", "path": "/dev/q"}, {"type": "c", "path": "/dev/b", "major": 1, "minor": 3}],
                    "intelRdt": {"l3CacheSchema": "0=f"}}
                """))
        #expect(
            found.warnings() == [
                "mounts[0].destination is relative, which is deprecated; using \"/proc\"",
                "linux.devices[3] is the same device as linux.devices[0]",
                "linux.intelRdt.l3CacheSchema \"0=f\" does not begin with \"L3:\"",
            ])
    }
}

@Suite("Configuration: mounts")
struct MountTests {
    @Test("a whole mount")
    func whole() throws {
        let found = try parse(
            config(
                """
                "mounts": [{"destination": "/d", "type": "none", "source": "s", "options": ["rbind", "idmap", "ro"],
                    "uidMappings": [{"containerID": 0, "hostID": 1, "size": 2}], "gidMappings": [{"containerID": 3, "hostID": 4, "size": 5}]},
                    {"destination": "/e", "type": "", "source": ""}]
                """)
        ).mounts
        #expect(found.count == 2)
        #expect(found[0].destination == "/d" && found[0].type == "none" && found[0].source == "s")
        #expect(found[0].options == ["rbind", "idmap", "ro"])
        #expect(found[0].uidMappings == [LinuxIDMapping(containerID: 0, hostID: 1, size: 2)])
        #expect(found[0].gidMappings == [LinuxIDMapping(containerID: 3, hostID: 4, size: 5)])
        #expect(found[0].isBind && found[0].idmapOption == "idmap")
        #expect(found[1] == Mount(destination: "/e"))
        #expect(!found[1].isBind && found[1].idmapOption == nil)
    }

    @Test("a relative destination counts from / (RT-config-016)")
    func relative() throws {
        let found = try parse(config("\"mounts\": [{\"destination\": \"../x\"}]")).mounts[0]
        #expect(found.destination == "/../x" && found.hasRelativeDestination)
    }

    @Test(
        "refusals",
        arguments: [
            ("{}", "(mounts[0].destination): this property is required"),
            ("{\"destination\": \"\"}", "(mounts[0].destination): the path is empty"),
            ("{\"destination\": \"/\", \"options\": [\"ro\", 1]}", "(mounts[0].options[1]): expected a string, found an integer"),
            ("{\"destination\": \"/\\u0000\"}", "(mounts[0].destination): the string contains a NUL character"),
            (
                "{\"destination\": \"/\", \"uidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 1}]}",
                "(mounts[0].gidMappings): uidMappings and gidMappings must be given together"
            ),
            (
                "{\"destination\": \"/\", \"gidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 1}], \"uidMappings\": []}",
                "(mounts[0].uidMappings): uidMappings and gidMappings must be given together"
            ),
            (
                "{\"destination\": \"/\", \"uidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 0}]}",
                "(mounts[0].uidMappings[0].size): the size is 0"
            ),
            (
                "{\"destination\": \"/\", \"options\": [\"bind\", \"ridmap\"]}",
                "(mounts[0].options): ridmap without uidMappings and gidMappings needs a user namespace of the container"
            ),
        ])
    func refused(mount: String, words: String) { #expect(refusal(config("\"mounts\": [\(mount)]")) == words) }

    @Test("idmap alone takes the container's user namespace (RT-config-084)")
    func idmap() throws {
        let mounts = "\"mounts\": [{\"destination\": \"/\", \"options\": [\"bind\", \"idmap\"]}]"
        _ = try parse(config(mounts, "\"linux\": {\"namespaces\": [{\"type\": \"user\"}]}"))
    }
}

@Suite("Configuration: hooks")
struct HookTests {
    @Test("a hook at every point")
    func whole() throws {
        let hooks = try parse(
            config(
                """
                "hooks": {"prestart": [{"path": "/a", "args": ["a", "b"], "env": ["X"], "timeout": 1}], "createRuntime": [{"path": "/b"}],
                    "createContainer": [{"path": "/c", "args": []}], "startContainer": [{"path": "/d", "timeout": null}],
                    "poststart": [{"path": "/e"}, {"path": "/f"}], "poststop": [{"path": "/g", "timeout": 9223372036854775807}]}
                """)
        ).hooks
        #expect(hooks[.prestart] == [Hook(path: "/a", args: ["a", "b"], env: ["X"], timeout: 1)])
        #expect(hooks[.createRuntime] == [Hook(path: "/b")])
        #expect(hooks[.createContainer] == [Hook(path: "/c", args: ["/c"])])
        #expect(hooks[.startContainer] == [Hook(path: "/d")])
        #expect(hooks[.poststart].map(\.path) == ["/e", "/f"])
        #expect(hooks[.poststop][0].timeout == .max)
        #expect(!hooks.isEmpty)
        #expect(HookPoint.allCases.map(\.name) == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"])
    }

    @Test(
        "refusals",
        arguments: [
            ("\"prestart\": [{}]", "(hooks.prestart[0].path): this property is required"),
            ("\"prestart\": [{\"path\": \"a\"}]", "(hooks.prestart[0].path): \"a\" is not an absolute path"),
            ("\"createRuntime\": [{\"path\": \"\"}]", "(hooks.createRuntime[0].path): the path is empty"),
            ("\"createContainer\": [{\"path\": \"/a\"}, {\"path\": \"b\"}]", "(hooks.createContainer[1].path): \"b\" is not an absolute path"),
            ("\"startContainer\": [{\"path\": \"/a\", \"timeout\": 0}]", "(hooks.startContainer[0].timeout): 0 is not above zero"),
            ("\"poststart\": [{\"path\": \"/a\", \"timeout\": -5}]", "(hooks.poststart[0].timeout): -5 is not above zero"),
            ("\"poststop\": [{\"path\": \"/a\", \"timeout\": 1.5}]", "(hooks.poststop[0].timeout): expected an integer, found a number with a fraction or an exponent"),
            ("\"poststop\": {}", "(hooks.poststop): expected an array, found an object"),
        ])
    func refused(hooks: String, words: String) { #expect(refusal(config("\"hooks\": {\(hooks)}")) == words) }
}
