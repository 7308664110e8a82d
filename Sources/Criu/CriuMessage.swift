/// What criu can be asked for. Source: criu's images/rpc.proto, `criu_req_type`.
package enum CriuRequestKind: Int64, Equatable, Sendable {
    case dump = 1
    case restore = 2
    case preDump = 4
    case notify = 6
    case featureCheck = 9
    case version = 10
}

/// Features of criu and the kernel that can be asked for: `criu_features`.
package enum CriuFeature: Int, Equatable, Sendable {
    case memoryTracking = 1
    case lazyPages = 2

    /// criu(8)'s word for it, as in `criu check --feature`.
    package var name: String {
        switch self {
        case .memoryTracking: "mem_dirty_track"
        case .lazyPages: "uffd-noncoop"
        }
    }
}

/// A question to criu: `criu_req`.
package struct CriuRequest: Equatable, Sendable {
    package var kind: CriuRequestKind
    package var options: CriuOptions?
    package var features: [CriuFeature] = []

    package init(_ kind: CriuRequestKind, options: CriuOptions? = nil) {
        self.kind = kind
        self.options = options
    }

    package var bytes: [UInt8] {
        var message = ProtobufWriter()
        message.integer(1, kind.rawValue)
        if let options { message.message(2) { inner in options.write(to: &inner) } }
        if kind == .notify { message.boolean(3, true) }  // notify_success
        if !features.isEmpty {
            message.message(5) { inner in for feature in features { inner.boolean(feature.rawValue, true) } }
        }
        return message.bytes
    }
}

/// criu's answer, or a notification of how far it is: `criu_resp`.
package struct CriuResponse: Equatable, Sendable {
    package var kind: Int64
    package var succeeded: Bool
    /// The first process of a restored container.
    package var restoredPID: Int32?
    /// The name of a notification: "post-restore".
    package var script: String?
    /// The process that a notification is about.
    package var scriptPID: Int32?
    /// An errno, or 0.
    package var errno: Int32 = 0
    package var errorMessage: String?
    package var features: [CriuFeature] = []
    package var version: CriuVersion?

    /// Nil for bytes that are no such message.
    package init?(_ bytes: [UInt8]) {
        guard let fields = ProtobufReader.fields(bytes[...]) else { return nil }
        var kind: Int32?
        var succeeded: Bool?
        for field in fields {
            switch field.number {
            case 1: kind = field.value.int32
            case 2: succeeded = field.value.boolean
            default: continue
            }
        }
        guard let kind, let succeeded else { return nil }
        self.kind = Int64(kind)
        self.succeeded = succeeded
        for field in fields {
            switch (field.number, field.value) {
            case (4, .bytes(let inner)):
                guard let inner = ProtobufReader.fields(inner) else { return nil }
                for field in inner where field.number == 1 { restoredPID = field.value.int32 }
            case (5, .bytes(let inner)):
                guard let inner = ProtobufReader.fields(inner) else { return nil }
                for field in inner where field.number == 1 { script = field.value.string }
                for field in inner where field.number == 2 { scriptPID = field.value.int32 }
            case (7, let value): errno = value.int32 ?? 0
            case (8, .bytes(let inner)):
                guard let inner = ProtobufReader.fields(inner) else { return nil }
                features = inner.compactMap { $0.value.boolean == true ? CriuFeature(rawValue: Int(clamping: $0.number)) : nil }
            case (9, let value): errorMessage = value.string
            case (10, .bytes(let inner)):
                guard let inner = CriuVersion(inner) else { return nil }
                version = inner
            default: continue  // what later versions add
            }
        }
    }
}

/// A version of criu: 3.17.1.
package struct CriuVersion: Equatable, Comparable, Sendable {
    package var major: Int32
    package var minor: Int32
    package var sublevel: Int32

    package init(_ major: Int32, _ minor: Int32, _ sublevel: Int32 = 0) {
        self.major = major
        self.minor = minor
        self.sublevel = sublevel
    }

    /// From a message `criu_version`.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard let fields = ProtobufReader.fields(bytes) else { return nil }
        func number(_ field: UInt64) -> Int32? { fields.last { $0.number == field }?.value.int32 }
        guard let major = number(1), let minor = number(2) else { return nil }
        self.init(major, minor, number(4) ?? 0)
    }

    package var text: String { "\(major).\(minor)" + (sublevel == 0 ? "" : ".\(sublevel)") }

    package static func < (one: CriuVersion, other: CriuVersion) -> Bool {
        (one.major, one.minor, one.sublevel) < (other.major, other.minor, other.sublevel)
    }
}
