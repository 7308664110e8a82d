/// What the layers of an image may unpack to beyond 200 times their sizes: 1 GiB, all of them together. Any number of threads may use it.
///
/// A class, so that a policy which is copied from layer to layer stands for one allowance.
package final class UnpackAllowance: Equatable, @unchecked Sendable {
    private let monitor = Monitor()
    private var left: Int64

    package init(bytes: Int64 = 1 << 30) { left = bytes }

    /// What a layer of `packed` bytes may unpack to and take nothing of the allowance.
    static func usual(_ packed: Int64) -> Int64 { packed > .max / 200 ? .max : packed * 200 }

    /// - Parameter bytes: what a layer takes in addition to what it has; below 0 it gives back.
    /// - Returns: false when there is not as much.
    func take(_ bytes: Int64) -> Bool {
        monitor.locked {
            left -= bytes
            return left >= 0
        }
    }

    package static func == (first: UnpackAllowance, second: UnpackAllowance) -> Bool { first === second }
}
