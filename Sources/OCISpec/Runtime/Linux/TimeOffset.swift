import Diagnostics
import JSON

/// A clock of time_namespaces(7).
package enum LinuxClock: String, Word {
    case monotonic, boottime
    package static var kind: String { "clock" }
}

/// How far a clock of the container is ahead of the host's.
///
/// Source: config-linux.md "Offset for Time Namespace" (RT-config-linux-018 to RT-config-linux-020).
package struct LinuxTimeOffset: Equatable, Sendable {
    package var clock: LinuxClock
    /// Seconds; below zero for a clock that is behind.
    package var secs: Int64
    /// Nanoseconds on top of `secs`, below one second.
    package var nanosecs: UInt32

    package init(_ clock: LinuxClock, secs: Int64, nanosecs: UInt32 = 0) {
        self.clock = clock
        self.secs = secs
        self.nanosecs = nanosecs
    }

    /// The offsets of a `timeOffsets` object, in the order of the text.
    ///
    /// - Throws: `.invalid` for a clock that is neither monotonic nor boottime.
    static func all(in object: JSONObject) throws(OperationError) -> [LinuxTimeOffset] {
        let entries = try object.entries { (value) throws(OperationError) in
            let offset = try value.object()
            return (path: value.path, secs: try offset.integer("secs", Int64.self), nanosecs: try offset.integer("nanosecs", UInt32.self))
        }
        var offsets: [LinuxTimeOffset] = []
        for (key, offset) in entries {
            guard let clock = LinuxClock(rawValue: key) else {
                throw .fault(offset.path.text, "unknown clock \(quoted(key))", hint: "known: monotonic, boottime")
            }
            offsets.append(LinuxTimeOffset(clock, secs: offset.secs ?? 0, nanosecs: offset.nanosecs ?? 0))
        }
        return offsets
    }

    func validate(at field: @autoclosure () -> String) throws(OperationError) {
        if nanosecs >= 1_000_000_000 {
            throw .fault("\(field()).\(clock.name).nanosecs", "\(nanosecs) is not below one second (1000000000)")
        }
    }
}
