package import Diagnostics
package import JSON

/// A class of ioprio_set(2).
package enum IOPriorityClass: String, Word {
    case realtime = "IOPRIO_CLASS_RT"
    case bestEffort = "IOPRIO_CLASS_BE"
    case idle = "IOPRIO_CLASS_IDLE"
    package static var kind: String { "I/O priority class" }
}

/// The I/O priority of the process group.
///
/// Source: config.md "Linux Process", `ioPriority` (RT-config-144 to RT-config-146).
package struct IOPriority: Equatable, Sendable {
    package var `class`: IOPriorityClass
    /// 0 (highest) to 7 (lowest).
    package var priority: Int32

    package init(_ object: JSONObject) throws(OperationError) {
        `class` = try object.requiredWord("class")
        priority = try object.required("priority") { (value) throws(OperationError) in try value.integer() }
    }

    func validate(at field: @autoclosure () -> String) throws(OperationError) {
        if priority < 0 || priority > 7 { throw .fault(field() + ".priority", "\(priority) is not between 0 and 7") }
    }
}
