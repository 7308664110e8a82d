package import Diagnostics
package import JSON

/// A type of mknod(1).
package enum LinuxDeviceType: String, Word {
    case character = "c"
    case block = "b"
    /// The same as `character`.
    case unbuffered = "u"
    case fifo = "p"
    package static var kind: String { "device type" }

    /// The file type in a mode of stat(2).
    fileprivate var fileType: UInt32 {
        switch self {
        case .character, .unbuffered: 0o020000
        case .block: 0o060000
        case .fifo: 0o010000
        }
    }
}

/// A device that must be in the container.
///
/// Source: config-linux.md "Devices" (RT-config-linux-021 to RT-config-linux-032).
package struct LinuxDevice: Equatable, Sendable {
    package var type: LinuxDeviceType
    /// Absolute path in the container, not necessarily below /dev.
    package var path: String
    /// 0 to 4095; nil for a fifo only.
    package var major: Int64?
    /// 0 to 1048575; nil for a fifo only.
    package var minor: Int64?
    /// Permissions, without the file type; nil: the runtime's default.
    package var fileMode: UInt32?
    /// In the container's user namespace; nil: the runtime's default.
    package var uid: UInt32?
    /// In the container's user namespace; nil: the runtime's default.
    package var gid: UInt32?

    package init(
        _ type: LinuxDeviceType, path: String, major: Int64?, minor: Int64?, fileMode: UInt32? = nil, uid: UInt32? = nil,
        gid: UInt32? = nil
    ) {
        self.type = type
        self.path = path
        self.major = major
        self.minor = minor
        self.fileMode = fileMode
        self.uid = uid
        self.gid = gid
    }

    package init(_ object: JSONObject) throws(OperationError) {
        type = try object.requiredWord("type")
        path = try object.requiredString("path")
        major = try object.integer("major")
        minor = try object.integer("minor")
        fileMode = try object.integer("fileMode")
        uid = try object.integer("uid")
        gid = try object.integer("gid")
        // Callers that copy st_mode leave the file type in; it says nothing new when it is the right one.
        if let mode = fileMode, mode & 0o170000 == type.fileType { fileMode = mode & 0o7777 }
    }

    /// - Throws: `.invalid` for a relative path, numbers that are missing or that no kernel has, a mode that is no
    ///   permissions, and -1 as id.
    package func validate(at field: @autoclosure () -> String) throws(OperationError) {
        try requireAbsolute(path, at: field() + ".path")
        if type != .fifo {
            for (name, number, largest) in [("major", major, Int64(4095)), ("minor", minor, Int64(1_048_575))] {
                guard let number else { throw .fault("\(field()).\(name)", "this property is required for type \(quoted(type.name))") }
                if number < 0 || number > largest { throw .fault("\(field()).\(name)", "\(number) is not between 0 and \(largest)") }
            }
        }
        if let fileMode, fileMode > 0o7777 {
            throw .fault(field() + ".fileMode", "\(fileMode) is above 4095 (octal 7777)", hint: "the number is decimal, not octal")
        }
        if let uid, uid == .max { throw .fault(field() + ".uid", "\(uid) is not a user id") }
        if let gid, gid == .max { throw .fault(field() + ".gid", "\(gid) is not a group id") }
    }
}
