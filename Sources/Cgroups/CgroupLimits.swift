import Diagnostics
import OCISpec

/// Which controller of which version has a limit's files; nil where that version has none.
private struct Controller {
    let v1: String?
    let v2: String?
    /// The part of the configuration that asks for it.
    let field: String

    init(v1: String?, v2: String?, _ field: String) {
        self.v1 = v1
        self.v2 = v2
        self.field = resourcesField + "." + field
    }
    var name: String { v2 ?? v1 ?? "" }
}

extension CgroupPlan {
    /// Adds the writes for all of `resources` but devices, each to the hierarchy that has the controller.
    mutating func addLimits(_ resources: LinuxResources) throws(OperationError) {
        if let memory = resources.memory {
            warnings += memory.warnings
            try add(Controller(v1: "memory", v2: "memory", "memory")) { (version) throws(OperationError) in
                version == .v1 ? memory.cgroup1Writes() : try memory.cgroup2Writes()
            }
        }
        if let cpu = resources.cpu {
            if cpu.limitsTime {
                try add(Controller(v1: "cpu", v2: "cpu", "cpu")) { (version) throws(OperationError) in
                    version == .v1 ? cpu.cgroup1Writes() : try cpu.cgroup2Writes()
                }
            }
            try add(Controller(v1: "cpuset", v2: "cpuset", "cpu")) { (_) throws(OperationError) in cpu.cpusetWrites() }
        }
        if let pids = resources.pids {
            try add(Controller(v1: "pids", v2: "pids", "pids")) { (_) throws(OperationError) in pids.writes() }
        }
        if let blockIO = resources.blockIO, blockIO.limitsAnything {
            try add(Controller(v1: "blkio", v2: "io", "blockIO")) { (version) throws(OperationError) in
                version == .v1 ? blockIO.cgroup1Writes() : try blockIO.cgroup2Writes()
            }
        }
        for (index, limit) in resources.hugepageLimits.enumerated() {
            try add(Controller(v1: "hugetlb", v2: "hugetlb", "hugepageLimits")) { (version) throws(OperationError) in
                limit.writes(version, index: index)
            }
        }
        if let network = resources.network {
            try add(Controller(v1: "net_cls", v2: nil, "network.classID")) { (_) throws(OperationError) in network.classWrites() }
            try add(Controller(v1: "net_prio", v2: nil, "network.priorities")) { (_) throws(OperationError) in network.priorityWrites() }
        }
        for limit in resources.rdma {
            try add(Controller(v1: "rdma", v2: "rdma", "rdma")) { (_) throws(OperationError) in limit.writes() }
        }
        // Last: these are the more exact words for the same files.
        for entry in resources.unified { try add(entry) }
    }

    private mutating func add(
        _ controller: Controller, _ writes: (CgroupHierarchy.Version) throws(OperationError) -> [CgroupWrite]
    ) throws(OperationError) {
        if let name = controller.v1,
            let index = directories.firstIndex(where: { $0.hierarchy.version == .v1 && $0.hierarchy.controllers.contains(name) })
        {
            append(try writes(.v1), to: index)
            return
        }
        let unified = directories.firstIndex { $0.hierarchy.version == .v2 }
        // Also without the controller: an impossible conversion is the better message, and no writes are no problem.
        let wanted = try writes(unified == nil ? .v1 : .v2)
        if wanted.isEmpty { return }
        guard let name = controller.v2, let index = unified, directories[index].hierarchy.controllers.contains(name) else {
            throw missing(controller.name, field: controller.field)
        }
        append(wanted, to: index)
        need(name, controller.field, at: index)
    }

    private mutating func add(_ entry: LinuxUnified) throws(OperationError) {
        let writes = entry.writes()
        let field = writes[0].field ?? resourcesField
        guard let index = directories.firstIndex(where: { $0.hierarchy.version == .v2 }) else {
            if isUpdate { throw missing(entry.file, field: field) }
            throw OperationError("limit", entry.file, .unsupported("a file of cgroup version 2 on a host with version 1 only"), field: field)
        }
        // Pressure files belong to the cgroup itself, whatever controllers there are.
        if let name = entry.controller, !entry.file.hasSuffix(".pressure") {
            guard directories[index].hierarchy.controllers.contains(name) else { throw missing(name, field: field) }
            need(name, field, at: index)
        }
        append(writes, to: index)
    }

    private mutating func append(_ writes: [CgroupWrite], to index: Int) {
        if writes.isEmpty { return }
        directories[index].writes += writes
        directories[index].isRequired = true
    }

    private mutating func need(_ name: String, _ field: String, at index: Int) {
        if directories[index].needed.contains(where: { $0.name == name }) { return }
        directories[index].needed.append(NeededController(name: name, field: field))
    }

    private func missing(_ name: String, field: String) -> OperationError {
        if isUpdate {
            return OperationError(
                "limit", name, .unsupported("a limit by a controller in whose hierarchy the container has no cgroup"), field: field,
                hint: "create the container with such a limit")
        }
        let offered = directories.flatMap { $0.hierarchy.controllers }
        return OperationError(
            "limit", name, .unsupported("a limit by a cgroup controller that this host does not offer"), field: field,
            hint: offered.isEmpty ? "no cgroups are mounted below /sys/fs/cgroup" : "it offers " + offered.joined(separator: ", "))
    }

    /// Adds the device policy: to the version 1 devices hierarchy if there is one, or to version 2 as a program.
    mutating func addDevices(_ rules: [LinuxDeviceRule]?, then more: [LinuxDeviceRule], isRootless: Bool) throws(OperationError) {
        // Without privileges no rule can be set, nor is one needed: the caller can make no device nodes and has no
        // more access than the nodes' permissions give.
        if isRootless { return }
        let policy = DevicePolicy((rules ?? []) + more)
        if let index = directories.firstIndex(where: { $0.hierarchy.controllers.contains("devices") && $0.hierarchy.version == .v1 }) {
            directories[index].writes += try policy.cgroup1Writes()
            directories[index].limitsDevices = true
        } else if let index = directories.firstIndex(where: { $0.hierarchy.version == .v2 }) {
            if !policy.allowsEverything { directories[index].devices = policy }
            directories[index].limitsDevices = !policy.allowsEverything
        } else if rules != nil && !policy.allowsEverything {
            throw missing("devices", field: resourcesField + ".devices")
        }
    }
}
