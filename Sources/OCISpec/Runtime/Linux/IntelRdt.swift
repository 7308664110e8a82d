package import Diagnostics
package import JSON

/// Intel Resource Director Technology: cache and memory bandwidth by resctrl.
///
/// Source: config-linux.md "IntelRdt" (RT-config-linux-123 to RT-config-linux-152).
package struct LinuxIntelRdt: Equatable, Sendable {
    /// The class of service, a directory of resctrl; "/" for the default class; nil: one named after the container.
    package var closID: String?
    package var l3CacheSchema: String?
    package var memBwSchema: String?
    /// Lines for the `schemata` file.
    package var schemata: [String]
    package var enableMonitoring: Bool

    package init(_ object: JSONObject) throws(OperationError) {
        closID = try object.nonEmptyString("closID")
        l3CacheSchema = try object.nonEmptyString("l3CacheSchema")
        memBwSchema = try object.nonEmptyString("memBwSchema")
        schemata = try object.strings("schemata") ?? []
        enableMonitoring = try object.boolean("enableMonitoring") ?? false
    }

    /// Schemata alone, as `update` is told them.
    ///
    /// - Throws: `.invalid` with the property's name: see `validate`.
    package init(l3CacheSchema: String?, memBwSchema: String?) throws(OperationError) {
        self.l3CacheSchema = l3CacheSchema
        self.memBwSchema = memBwSchema
        schemata = []
        enableMonitoring = false
        try validate(at: "intelRdt")
    }

    /// - Throws: `.invalid` for a `closID` that leaves its directory and for schemata with line breaks or without
    ///   their prefix (RT-config-linux-130, RT-config-linux-132, RT-config-linux-134).
    func validate(at field: @autoclosure () -> String) throws(OperationError) {
        if let closID, closID != "/" {
            let leaves = closID == "." || closID == ".." || closID.utf8.contains(UInt8(ascii: "/"))
            if leaves { throw .fault(field() + ".closID", "\(quoted(closID)) is not the name of a directory") }
            try requireOneLine(closID, at: field() + ".closID")
        }
        if let l3CacheSchema { try requireOneLine(l3CacheSchema, at: field() + ".l3CacheSchema") }
        if let memBwSchema {
            guard memBwSchema.utf8.starts(with: "MB:".utf8) else {
                throw .fault(field() + ".memBwSchema", "\(quoted(memBwSchema)) does not begin with \"MB:\"")
            }
            try requireOneLine(memBwSchema, at: field() + ".memBwSchema")
        }
        for (index, line) in schemata.enumerated() { try requireOneLine(line, at: "\(field()).schemata[\(index)]") }
    }
}
