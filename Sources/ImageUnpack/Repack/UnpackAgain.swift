import Diagnostics
import Kernel

/// The layers of a bundle's image, unpacked beside its tree to be compared with it; removed with this value.
final class UnpackedAgain {
    let bundle: BundleDirectory
    init(_ bundle: consuming BundleDirectory) { self.bundle = bundle }
    deinit { bundle.discard() }
}

extension BundleImage {
    /// Unpacks the layers as they were unpacked into `bundle`, in a directory of its own in it: what a killed process leaves there is
    /// removed by the next one. Their digests are checked meanwhile.
    /// - Parameter source: where the layers are, instead of where they were.
    func unpackAgain(for bundle: Path, source: Path?) throws(OperationError) -> UnpackedAgain {
        let opened = try openSource(source)
        let again = UnpackedAgain(try BundleDirectory.make(bundle.appending("again")))
        var policy = policy
        policy.allowance = nil  // it was unpacked once
        _ = try apply(image, of: opened, to: try again.bundle.rootfs(), policy: policy) { (_) throws(OperationError) in }
        return again
    }

    func openSource(_ other: Path?) throws(OperationError) -> ImageSource {
        let path = other ?? source
        if path == ImageReference.standardInput {
            throw OperationError("open image", "-", .invalid("the bundle was made of what came on standard input, which is gone"), hint: "--source names where its layers are")
        }
        do throws(OperationError) {
            return try ImageSource(path)
        } catch {
            var error = error
            if error.errno == .noEntry { error.hint = "the bundle was made of it: --source names where its layers are now" }
            throw error
        }
    }
}
