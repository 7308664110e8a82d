package import Diagnostics

/// What the init tells the process that made it: 8 bytes, and with a hook's failure the end of its error output.
package enum Report: Equatable, Sendable {
    /// Step `step` failed with `errno`; `detail` is what a hook wrote.
    case failure(step: Int, errno: Errno, detail: [UInt8])
    /// The hook `hook` of step `step` ended with a wait status other than 0, or with -1 when it ran out of time.
    case hookFailure(step: Int, hook: Int, status: Int32, detail: [UInt8])
    case reached(SyncPoint)
    /// The second process has this pid.
    case child(pid: Int32)

    /// What `start` reads when the startContainer hooks have passed: no report begins so. More may follow.
    package static var hooksPassed: UInt8 { 0 }

    /// The longest detail.
    package static var detailLimit: Int { 1024 }

    package var bytes: [UInt8] {
        switch self {
        case .failure(let step, let errno, let detail): [1, 0] + Self.encode(UInt16(clamping: step)) + Self.encode(errno.code) + detail.suffix(Self.detailLimit)
        case .hookFailure(let step, let hook, let status, let detail):
            [2, UInt8(clamping: hook)] + Self.encode(UInt16(clamping: step)) + Self.encode(status) + detail.suffix(Self.detailLimit)
        case .reached(let point): [3, point.rawValue, 0, 0, 0, 0, 0, 0]
        case .child(let pid): [4, 0, 0, 0] + Self.encode(pid)
        }
    }

    /// Nil for bytes that are no report.
    package init?(bytes: [UInt8]) {
        guard bytes.count >= 8 else { return nil }
        let step = Int(bytes[2]) | Int(bytes[3]) << 8
        let value = Int32(truncatingIfNeeded: UInt32(bytes[4]) | UInt32(bytes[5]) << 8 | UInt32(bytes[6]) << 16 | UInt32(bytes[7]) << 24)
        let detail = Array(bytes[8...])
        switch bytes[0] {
        case 1: self = .failure(step: step, errno: Errno(value), detail: detail)
        case 2: self = .hookFailure(step: step, hook: Int(bytes[1]), status: value, detail: detail)
        case 3:
            guard let point = SyncPoint(rawValue: bytes[1]) else { return nil }
            self = .reached(point)
        case 4: self = .child(pid: value)
        default: return nil
        }
    }

    private static func encode(_ value: UInt16) -> [UInt8] { [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)] }
    private static func encode(_ value: Int32) -> [UInt8] {
        let bits = UInt32(bitPattern: value)
        return [UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 24)]
    }
}
