package import Diagnostics
package import JSON

/// A range of user or group ids and what they are outside of the container.
///
/// Source: config-linux.md "User namespace mappings" (RT-config-linux-011 to RT-config-linux-017); user_namespaces(7).
package struct LinuxIDMapping: Equatable, Sendable {
    /// The first id in the container.
    package var containerID: UInt32
    /// The first id on the host.
    package var hostID: UInt32
    /// How many ids.
    package var size: UInt32

    package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.size = size
    }

    package init(_ object: JSONObject) throws(OperationError) {
        containerID = try object.required("containerID") { (value) throws(OperationError) in try value.integer() }
        hostID = try object.required("hostID") { (value) throws(OperationError) in try value.integer() }
        size = try object.required("size") { (value) throws(OperationError) in try value.integer() }
    }

    /// How many lines the kernel takes in a map (since Linux 4.15; 5 before).
    package static var largestCount: Int { 340 }

    /// - Throws: `.invalid` for what /proc/PID/uid_map refuses whoever writes it: an empty range, a range beyond the
    ///   largest id, two ranges that overlap on either side, too many ranges.
    package static func validate(_ mappings: [LinuxIDMapping], at field: @autoclosure () -> String) throws(OperationError) {
        if mappings.count > largestCount {
            throw .fault(field(), "\(mappings.count) mappings are more than the kernel takes (\(largestCount))")
        }
        for (index, mapping) in mappings.enumerated() {
            if mapping.size == 0 { throw .fault("\(field())[\(index)].size", "the size is 0") }
            // 4294967295 is (uid_t) -1, which is no id: a range ends before it.
            for (name, first) in [("containerID", mapping.containerID), ("hostID", mapping.hostID)]
            where mapping.size > UInt32.max - first {
                throw .fault("\(field())[\(index)].size", "\(mapping.size) ids from \(name) \(first) on go beyond \(UInt32.max - 1)")
            }
            for (earlier, other) in mappings[..<index].enumerated() {
                let sides = [
                    ("containerID", mapping.containerID, other.containerID), ("hostID", mapping.hostID, other.hostID),
                ]
                for (name, mine, theirs) in sides where mine < theirs + other.size && theirs < mine + mapping.size {
                    throw .fault("\(field())[\(index)].\(name)", "the range overlaps that of \(field())[\(earlier)]")
                }
            }
        }
    }
}
