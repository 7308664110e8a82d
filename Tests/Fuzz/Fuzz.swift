// What libFuzzer calls: each parser that reads bytes from outside, by its name in the environment variable FUZZ.
// A parser may refuse and may accept; it must not trap, and what it has read must be read the same when it is written again.
import Cgroups
import ContainerInit
import Diagnostics
import Foundation
import JSON
import Kernel
import OCISpec
import Seccomp
import UntrustedTree

@testable import ContainerRuntime
@testable import ImageUnpack

private typealias Target = @Sendable ([UInt8]) throws -> Void

private let targets: [String: Target] = [
    "config": { bytes in
        let config = try RuntimeConfig.parse(bytes, source: "config.json")
        _ = config.warnings()
        _ = try plan(config).text
    },
    "process": { bytes in _ = try Process.parse(bytes, source: "process.json") },
    "resources": { bytes in
        let resources = try LinuxResources.parse(bytes, source: "resources.json")
        var kept = resources
        kept.devices = nil  // they have no place in the text
        let again = try LinuxResources.parse(Array(resources.text.utf8), source: "the same")
        precondition(again.text == kept.text, "limits change when they are written and read")
    },
    "seccomp": { bytes in
        let head = Array(#"{"ociVersion":"1.0.2","root":{"path":"r"},"linux":{"seccomp":"#.utf8)
        guard let profile = try RuntimeConfig.parse(head + bytes + Array("}}".utf8), source: "config.json").linux?.seccomp else { return }
        _ = try compileSeccomp(profile)
    },
    "options": { bytes in
        let options = MountOptions(String(decoding: bytes, as: UTF8.self).split(separator: ",").map { String($0) })
        _ = (options.isBind, options.isRemount, options.set, options.filesystem)
    },
    "state": { bytes in
        let state = try JSONDocument(parsing: bytes, source: "state.json").decode { (value) throws(OperationError) in try StoredState(try value.object()) }
        let again = try JSONDocument(parsing: Array(state.json.utf8), source: "the same").decode { (value) throws(OperationError) in
            try StoredState(try value.object())
        }
        precondition(again == state, "a state changes when it is written and read")
    },
    "tar": { bytes in try readArchive(bytes, .none) },
    "gzip": { bytes in try readArchive(bytes, .gzip) },
    "zstd": { bytes in try readArchive(bytes, .zstd) },
    "pax": { bytes in _ = try PaxRecords(bytes) },
    "index": { bytes in _ = try ImageIndex.parse(bytes, source: "index.json") },
    "manifest": { bytes in _ = try Manifest.parse(bytes, source: "manifest") },
    "image": { bytes in _ = try ImageConfig.parse(bytes, source: "config") },
    "path": { bytes in
        guard let path = InRootPath(bytes: bytes) else { return }
        precondition(InRootPath(bytes: Array(path.text.utf8))?.components.count == path.components.count || String(validating: bytes, as: UTF8.self) == nil)
    },
]

private let target: Target = {
    let name = ProcessInfo.processInfo.environment["FUZZ"] ?? ""
    guard let target = targets[name] else { fatalError("FUZZ must be one of: \(targets.keys.sorted().joined(separator: " "))") }
    return target
}()

private func plan(_ config: RuntimeConfig) throws(OperationError) -> ContainerPlan {
    let setup = CgroupSetup(hierarchies: [
        CgroupHierarchy(version: .v2, controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"], mountPoint: "/sys/fs/cgroup", ownPath: "/")
    ])
    let linux = config.linux ?? Linux()
    let cgroup = try planCgroup(path: linux.cgroupsPath, id: "web", resources: linux.resources ?? LinuxResources(), setup: setup)
    var context = PlanContext(
        id: try ContainerID("web"), bundle: "/bundle", isPrivileged: true, uid: 0, gid: 0, cgroup: cgroup, grantableCapabilities: .max,
        kindOfFile: { _ in .success(.directory) })
    context.resctrl = ResctrlHost(root: "/sys/fs/resctrl", text: { _ in "L3:0=7f0;1=1f\nMB:0=20;1=70\n" })
    if let seccomp = linux.seccomp {
        context.seccomp = SeccompProgram(filter: [UInt8](repeating: 0, count: 16), flags: seccomp.flagBits, usesListener: seccomp.usesListener)
    }
    return try ContainerPlan(config, context: context)
}

/// Every entry with its content, as a layer's archive is read.
private func readArchive(_ bytes: [UInt8], _ compression: LayerCompression) throws {
    let file = try FileDescriptor.memory(named: "fuzz")
    try file.write(bytes)
    let stream = try LayerStream(BlobFile(file: file, offset: 0, size: Int64(bytes.count), name: "fuzz"), compression: compression, digest: nil, diffID: nil)
    var reader = TarReader(stream)
    while let entry = try reader.next() {
        try reader.content(min(entry.storedSize, 1 << 20)) { (_, _) throws(OperationError) in }
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try target(Array(unsafe UnsafeBufferPointer(start: data, count: count)))
    } catch {
        // refused, in words
        precondition(!"\(error)".isEmpty)
    }
    return 0
}
