// `linux.resources`: the limits of a container's cgroup, strictly read.
//
// Here: the object itself, pids, huge pages, network, RDMA and unified. Memory, CPU, block IO and device rules have a
// file each beside this one. What the limits become in cgroup files is decided in `Cgroups`.
package import Diagnostics
package import JSON

/// Limits for the cgroup of a container; every part is optional.
///
/// Source: config-linux.md "Control groups" and below (RT-config-linux-061 to 122).
package struct LinuxResources: Equatable, Sendable {
    /// In the order in which they apply; nil when the configuration has no such list.
    package var devices: [LinuxDeviceRule]?
    package var memory: LinuxMemory?
    package var cpu: LinuxCPU?
    package var pids: LinuxPids?
    package var blockIO: LinuxBlockIO?
    package var hugepageLimits: [LinuxHugepageLimit]
    package var network: LinuxNetwork?
    package var rdma: [LinuxRDMA]
    package var unified: [LinuxUnified]

    /// No limits at all.
    package init() {
        hugepageLimits = []
        rdma = []
        unified = []
    }

    /// - Throws: `.invalid` with the JSON path for wrong types, missing properties and values that no kernel accepts.
    package init(_ object: JSONObject) throws(OperationError) {
        devices = try object.array("devices") { (value) throws(OperationError) in try LinuxDeviceRule(value.object()) }
        memory = try object.object("memory") { (object) throws(OperationError) in try LinuxMemory(object) }
        cpu = try object.object("cpu") { (object) throws(OperationError) in try LinuxCPU(object) }
        pids = try object.object("pids") { (object) throws(OperationError) in try LinuxPids(object) }
        blockIO = try object.object("blockIO") { (object) throws(OperationError) in try LinuxBlockIO(object) }
        hugepageLimits =
            try object.array("hugepageLimits") { (value) throws(OperationError) in try LinuxHugepageLimit(value.object()) } ?? []
        network = try object.object("network") { (object) throws(OperationError) in try LinuxNetwork(object) }
        rdma = try object.object("rdma") { (object) throws(OperationError) in try LinuxRDMA.list(object) } ?? []
        unified = try object.object("unified") { (object) throws(OperationError) in try LinuxUnified.list(object) } ?? []
    }
}

/// Source: config-linux.md "PIDs" (RT-config-linux-110).
package struct LinuxPids: Equatable, Sendable {
    /// Tasks; below 0 means no limit. The text of the specification has it optional, its schema does not.
    package var limit: Int64?

    package init(limit: Int64? = nil) { self.limit = limit }

    package init(_ object: JSONObject) throws(OperationError) { limit = try object.integer("limit") }
}

/// Source: config-linux.md "Huge page limits" (RT-config-linux-102).
package struct LinuxHugepageLimit: Equatable, Sendable {
    /// "2MB": a decimal number, K, M or G, and "B", as in the names of the cgroup files.
    package var pageSize: String
    /// Bytes.
    package var limit: UInt64

    package init(pageSize: String, limit: UInt64) {
        self.pageSize = pageSize
        self.limit = limit
    }

    package init(_ object: JSONObject) throws(OperationError) {
        pageSize = try object.required("pageSize") { (value) throws(OperationError) in
            let text = try value.string()
            guard Self.isPageSize(text) else {
                throw value.refused("\(quoted(text)) is no huge page size: expected a number, K, M or G, and B, as in \"2MB\"")
            }
            return text
        }
        limit = try object.required("limit") { (value) throws(OperationError) in try value.integer() }
    }

    /// Whether `text` matches `[1-9][0-9]*[KMG]B`. The text becomes part of a file name.
    private static func isPageSize(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count >= 3, bytes.count <= 16, bytes[0] != UInt8(ascii: "0"), bytes[bytes.count - 1] == UInt8(ascii: "B") else { return false }
        let unit = bytes[bytes.count - 2]
        guard unit == UInt8(ascii: "K") || unit == UInt8(ascii: "M") || unit == UInt8(ascii: "G") else { return false }
        return bytes.dropLast(2).allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }
}

/// Source: config-linux.md "Network" (RT-config-linux-105).
package struct LinuxNetwork: Equatable, Sendable {
    /// The priority of traffic through one interface.
    package struct Priority: Equatable, Sendable {
        package var name: String
        package var priority: UInt32

        package init(name: String, priority: UInt32) {
            self.name = name
            self.priority = priority
        }
    }
    package var classID: UInt32?
    package var priorities: [Priority]

    package init(classID: UInt32? = nil, priorities: [Priority] = []) {
        self.classID = classID
        self.priorities = priorities
    }

    package init(_ object: JSONObject) throws(OperationError) {
        classID = try object.integer("classID")
        priorities =
            try object.array("priorities") { (value) throws(OperationError) in
                let entry = try value.object()
                return Priority(
                    name: try entry.required("name") { (value) throws(OperationError) in
                        let name = try value.string()
                        guard isWord(name, limit: 15), !name.utf8.contains(UInt8(ascii: "/")) else {
                            throw value.refused("\(quoted(name)) cannot be the name of a network interface")
                        }
                        return name
                    },
                    priority: try entry.required("priority") { (value) throws(OperationError) in try value.integer() })
            } ?? []
    }
}

/// The limits for one RDMA device. Source: config-linux.md "RDMA" (RT-config-linux-113).
package struct LinuxRDMA: Equatable, Sendable {
    package var device: String
    package var hcaHandles: UInt32?
    package var hcaObjects: UInt32?

    package init(device: String, hcaHandles: UInt32? = nil, hcaObjects: UInt32? = nil) {
        self.device = device
        self.hcaHandles = hcaHandles
        self.hcaObjects = hcaObjects
    }

    /// All entries, the device's name being the key.
    static func list(_ object: JSONObject) throws(OperationError) -> [LinuxRDMA] {
        var list: [LinuxRDMA] = []
        for (device, value) in try object.entries({ (value) throws(OperationError) in value }) {
            let entry = try value.object()
            let handles: UInt32? = try entry.integer("hcaHandles")
            let objects: UInt32? = try entry.integer("hcaObjects")
            guard isWord(device, limit: 63) else { throw value.refused("\(quoted(device)) cannot be the name of an RDMA device") }
            // RT-config-linux-116
            if handles == nil && objects == nil { throw value.refused("at least one of hcaHandles and hcaObjects is required") }
            list.append(LinuxRDMA(device: device, hcaHandles: handles, hcaObjects: objects))
        }
        return list
    }
}

/// One file of the version 2 cgroup and what to write into it. Source: config-linux.md "Unified" (RT-config-linux-117).
package struct LinuxUnified: Equatable, Sendable {
    /// A file name without any slash.
    package var file: String
    /// The text; every line is a write of its own, as the kernel reads one entry per write.
    package var value: String

    package init(file: String, value: String) {
        self.file = file
        self.value = value
    }

    static func list(_ object: JSONObject) throws(OperationError) -> [LinuxUnified] {
        var list: [LinuxUnified] = []
        for (file, value) in try object.entries({ (value) throws(OperationError) in value }) {
            // The key must not lead out of the container's own cgroup.
            guard !file.isEmpty, file != ".", file != "..", !file.utf8.contains(UInt8(ascii: "/")), file.utf8.count <= 255 else {
                throw value.refused("the key must be the name of a file in the cgroup, without slashes")
            }
            list.append(LinuxUnified(file: file, value: try value.string()))
        }
        return list
    }
}

/// Whether `text` is 1 to `limit` bytes without spaces and control characters, so that it is one word of a line.
private func isWord(_ text: String, limit: Int) -> Bool {
    !text.isEmpty && text.utf8.count <= limit && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
}
