import Diagnostics
import Foundation
import OCISpec
import Testing

/// A place in a JSON tree.
private enum Step {
    case key(String)
    case index(Int)
}

/// Every place in `tree`, the top excepted.
private func places(in tree: Any, below path: [Step] = []) -> [[Step]] {
    var found = path.isEmpty ? [] : [path]
    if let object = tree as? [String: Any] {
        for (key, value) in object.sorted(by: { $0.key < $1.key }) { found += places(in: value, below: path + [.key(key)]) }
    } else if let array = tree as? [Any] {
        for (index, value) in array.enumerated() { found += places(in: value, below: path + [.index(index)]) }
    }
    return found
}

private func value(at path: some Collection<Step>, in tree: Any) -> Any? {
    guard let step = path.first else { return tree }
    switch step {
    case .key(let key): return (tree as? [String: Any])?[key].flatMap { value(at: path.dropFirst(), in: $0) }
    case .index(let index): return (tree as? [Any]).flatMap { value(at: path.dropFirst(), in: $0[index]) }
    }
}

private func replacing(_ path: some Collection<Step>, in tree: Any, by new: Any) -> Any {
    guard let step = path.first else { return new }
    if case .key(let key) = step, var object = tree as? [String: Any], let inner = object[key] {
        object[key] = replacing(path.dropFirst(), in: inner, by: new)
        return object
    }
    if case .index(let index) = step, var array = tree as? [Any] {
        array[index] = replacing(path.dropFirst(), in: array[index], by: new)
        return array
    }
    return tree
}

private func text(_ path: [Step]) -> String {
    var text = ""
    for step in path {
        switch step {
        case .index(let index): text += "[\(index)]"
        case .key(let key): text += key.contains(".") ? "[\"\(key)\"]" : (text.isEmpty ? "" : ".") + key
        }
    }
    return text
}

@Suite("A complete configuration")
struct CompleteTests {
    private let tree: Any
    init() throws { tree = try JSONSerialization.jsonObject(with: Data(completeConfig.utf8)) }

    private func refusal(of tree: Any) throws -> OperationError? {
        let bytes = Array(try JSONSerialization.data(withJSONObject: tree))
        do throws(OperationError) {
            _ = try RuntimeConfig.parse(bytes, source: "config.json")
            return nil
        } catch { return error }
    }

    @Test("is taken, and every property arrives")
    func accepted() throws {
        let config = try parse(completeConfig)
        #expect(config.warnings().isEmpty)
        let process = try config.requireProcess()
        #expect(process.consoleSize == ConsoleSize(height: 25, width: 80) && process.terminal && process.noNewPrivileges)
        #expect(process.rlimits == [ResourceLimit(.core, soft: 1024, hard: .max), ResourceLimit(.openFiles, soft: 1024, hard: 1024)])
        #expect(process.user == User(uid: 1, gid: 2, umask: 63, additionalGids: [5, 6]) && process.oomScoreAdj == -1000)
        #expect(process.apparmorProfile == "acme" && process.selinuxLabel == "system_u:x" && process.cwd == "/root")
        #expect(process.ioPriority?.class == .idle && process.ioPriority?.priority == 4)
        #expect(process.execCPUAffinity?.initial?.text == "7" && process.execCPUAffinity?.final?.text == "0-3,7")
        #expect(process.scheduler?.flags == [.reclaim, .deadlineOverrun] && process.scheduler?.period == 4096)
        #expect(process.capabilities?.ambient == ["CAP_KILL"] && process.capabilities?.inheritable == ["CAP_KILL"])
        #expect(config.hostname == "slartibartfast" && config.domainname == "foobarbaz.test" && config.root.readonly)
        for point in HookPoint.allCases {
            #expect(config.hooks[point] == [Hook(path: "/bin/" + point.name, args: [point.name, "x"], env: ["a=b"], timeout: 5)])
        }
        let linux = try #require(config.linux)
        #expect(linux.namespaces.count == 8 && linux.namespace(.network)?.path == "/run/netns/a")
        #expect(linux.uidMappings.count == 2 && linux.gidMappings == [LinuxIDMapping(containerID: 0, hostID: 1000, size: 32000)])
        #expect(linux.timeOffsets.first == LinuxTimeOffset(.monotonic, secs: -172800, nanosecs: 999_999_999))
        #expect(linux.devices.first == LinuxDevice(.character, path: "/dev/fuse", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0))
        #expect(linux.netDevices == [LinuxNetDevice(hostName: "eth0", name: "container_eth0"), LinuxNetDevice(hostName: "eth1.100")])
        #expect(linux.cgroupsPath == "/my/container" && linux.mountLabel == "system_u:y" && linux.rootfsPropagation == .slave)
        #expect(linux.intelRdt?.closID == "guaranteed" && linux.intelRdt?.schemata == ["L2:0=f", "L2:1=f"])
        #expect(linux.intelRdt?.l3CacheSchema == "L3:0=7f0;1=1f" && linux.intelRdt?.memBwSchema == "MB:0=20;1=70")
        #expect(linux.intelRdt?.enableMonitoring == true && linux.personality?.domain == .linux32)
        #expect(linux.memoryPolicy?.mode == .interleave && linux.memoryPolicy?.nodes?.mask == [0b1100])
        #expect(linux.memoryPolicy?.flags == [.staticNodes] && linux.sysctl["net.core.somaxconn"] == "256")
        #expect(linux.maskedPaths == ["/proc/kcore", "/proc/keys"] && linux.readonlyPaths == ["/proc/sys"])
    }

    @Test("any value of a wrong type is refused by its path")
    func wrongTypes() throws {
        #expect(try refusal(of: tree) == nil)
        let all = places(in: tree)
        #expect(all.count > 200)
        for path in all {
            let wrong: [Any] = value(at: path, in: tree) is String ? [7, 1.5, true, [], [:] as [String: Any]] : ["text", 1.5]
            for new in wrong {
                let error = try refusal(of: replacing(path, in: tree, by: new))
                #expect(error?.field == text(path), "\(text(path)) \(new): \(error?.description ?? "accepted")")
                #expect(error?.subject == "config.json" && error?.operation == "read")
            }
        }
    }

    @Test("null in an array or as the value of a map is refused by its path")
    func nulls() throws {
        for path in places(in: tree) {
            guard case .index = path.last else { continue }
            let error = try refusal(of: replacing(path, in: tree, by: NSNull()))
            #expect(error?.field == text(path), "\(error?.description ?? "accepted")")
        }
        for path in [["annotations", "plain"], ["linux", "sysctl", "net.core.somaxconn"], ["linux", "netDevices", "eth0"]] {
            let steps = path.map { Step.key($0) }
            #expect(try refusal(of: replacing(steps, in: tree, by: NSNull()))?.field == text(steps))
        }
    }

    @Test("a NUL in any string is refused by its path")
    func nuls() throws {
        for path in places(in: tree) where value(at: path, in: tree) is String {
            let error = try refusal(of: replacing(path, in: tree, by: "/a=\0"))
            #expect(error?.field == text(path) && error?.cause == .invalid("the string contains a NUL character"))
        }
    }

    @Test("every beginning of the text is refused")
    func truncated() {
        let bytes = Array(completeConfig.utf8)
        for length in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: OperationError.self) { _ = try RuntimeConfig.parse(Array(bytes[..<length]), source: "c") }
        }
    }

    @Test("unknown properties are ignored at every level (RT-config-245)")
    func unknownProperties() throws {
        let plain = try parse(completeConfig)
        for path in [[]] + places(in: tree) {
            guard var object = value(at: path, in: tree) as? [String: Any] else { continue }
            // Maps have no unknown keys.
            if let last = path.last, case .key(let key) = last, ["annotations", "sysctl", "netDevices", "timeOffsets"].contains(key) { continue }
            object["unheardOf"] = ["of": [1, NSNull(), "x"]] as [String: Any]
            let bytes = Array(try JSONSerialization.data(withJSONObject: replacing(path, in: tree, by: object)))
            let found = try RuntimeConfig.parse(bytes, source: "config.json")
            // JSONSerialization does not keep the order of keys.
            #expect(found.process == plain.process && found.mounts == plain.mounts && found.hooks == plain.hooks)
        }
    }

    @Test("a thousand levels are refused, not followed")
    func deep() {
        let deep = String(repeating: "{\"a\":", count: 1000) + "1" + String(repeating: "}", count: 1000)
        #expect(OCISpecTests.refusal(config("\"annotations\": \(deep)")).contains("nesting too deep"))
    }
}
