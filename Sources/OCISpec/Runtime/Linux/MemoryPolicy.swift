package import Diagnostics
package import JSON

/// A mode of set_mempolicy(2).
package enum LinuxMemoryPolicyMode: String, Word {
    case `default` = "MPOL_DEFAULT"
    case bind = "MPOL_BIND"
    case interleave = "MPOL_INTERLEAVE"
    case weightedInterleave = "MPOL_WEIGHTED_INTERLEAVE"
    case preferred = "MPOL_PREFERRED"
    case preferredMany = "MPOL_PREFERRED_MANY"
    case local = "MPOL_LOCAL"
    package static var kind: String { "memory policy mode" }
}

/// A flag of set_mempolicy(2).
package enum LinuxMemoryPolicyFlag: String, Word {
    case numaBalancing = "MPOL_F_NUMA_BALANCING"
    case relativeNodes = "MPOL_F_RELATIVE_NODES"
    case staticNodes = "MPOL_F_STATIC_NODES"
    package static var kind: String { "memory policy flag" }
}

/// The NUMA memory policy of the container.
///
/// Source: config-linux.md "Memory policy" (RT-config-linux-153 to RT-config-linux-156); set_mempolicy(2).
package struct LinuxMemoryPolicy: Equatable, Sendable {
    package var mode: LinuxMemoryPolicyMode
    /// The memory nodes; nil for none.
    package var nodes: CPUList?
    package var flags: [LinuxMemoryPolicyFlag]

    package init(_ object: JSONObject) throws(OperationError) {
        mode = try object.requiredWord("mode")
        nodes = try object.cpuList("nodes")
        flags = try object.words("flags")
    }

    /// - Throws: `.invalid` for what set_mempolicy(2) refuses on every machine.
    func validate(at field: @autoclosure () -> String) throws(OperationError) {
        switch mode {
        case .default, .local:
            if nodes != nil { throw .fault(field() + ".nodes", "\(mode.name) takes no nodes") }
        case .bind, .interleave, .weightedInterleave, .preferredMany:
            if nodes == nil { throw .fault(field() + ".nodes", "\(mode.name) needs at least one node") }
        case .preferred: break
        }
        if flags.contains(.relativeNodes), flags.contains(.staticNodes) {
            throw .fault(field() + ".flags", "MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other")
        }
        if flags.contains(.numaBalancing), mode != .bind, mode != .preferredMany {
            throw .fault(field() + ".flags", "MPOL_F_NUMA_BALANCING needs MPOL_BIND or MPOL_PREFERRED_MANY, not \(mode.name)")
        }
    }
}
