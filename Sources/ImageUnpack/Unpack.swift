// From an image to a bundle. The order makes every failure clean: nothing is at the bundle's name until all digests match.
package import Diagnostics
package import Kernel
package import OCISpec
import UntrustedTree

/// What `unpack` is told.
package struct UnpackOptions: Equatable, Sendable {
    package var reference: ImageReference
    package var bundle: Path
    package var platform: Platform?
    package var conversion = ConversionOptions()

    package init(reference: ImageReference, bundle: Path) {
        self.reference = reference
        self.bundle = bundle
    }
}

/// How far an unpacking has come.
package struct UnpackProgress: Equatable, Sendable {
    /// From 1.
    package var layer: Int
    package var layers: Int
    /// Packed bytes, of all layers.
    package var done: Int64
    package var total: Int64
}

/// Makes a bundle with a flat root filesystem.
///
/// The process' file creation mask is set to 0.
/// - Parameter report: called about every 256 KiB; what it throws ends the unpacking.
/// - Returns: warnings, in the order in which they came up.
/// - Throws: the first error; nothing is left then.
package func unpack(
    _ options: UnpackOptions, report: @escaping (UnpackProgress) throws(OperationError) -> Void
) throws(OperationError) -> [String] {
    let source = try ImageSource(options.reference.source)
    let image = try source.image(options.reference.selector, platform: options.platform)
    let volumes = try PlannedVolume.plan(image.config.execution.volumes)
    Kernel.setFileCreationMask(0)  // the tree gets just the permissions that the image says
    let bundle = try BundleDirectory.make(options.bundle)
    do throws(OperationError) {
        var warnings = try apply(image, of: source, to: try bundle.rootfs(), isRootless: options.conversion.isRootless, report)
        let root = try bundle.rootfs()
        for volume in volumes { try volume.make(in: bundle.handle, root: root) }
        let converted = try image.config.converted(options.conversion, accounts: try AccountFiles(in: root), volumes: volumes)
        warnings += converted.warnings
        try bundle.finish(config: converted.template.text)
        return warnings
    } catch {
        bundle.discard()
        throw error
    }
}

private func apply(
    _ image: Image, of source: ImageSource, to root: consuming RootDirectory, isRootless: Bool,
    _ report: @escaping (UnpackProgress) throws(OperationError) -> Void
) throws(OperationError) -> [String] {
    let total = image.layers.reduce(0) { $0 + $1.size }
    let ahead = min(Worker.processors, 4)
    var done: Int64 = 0
    var applier = LayerApplier(root: root, policy: ApplyPolicy(isRootless: isRootless))
    var streams: [LayerStream] = []
    var next = 0
    for (index, layer) in image.layers.enumerated() {
        while next < image.layers.count && streams.count < ahead {
            streams.append(try source.open(image.layers[next]))
            next += 1
        }
        let stream = streams.removeFirst()
        let before = done
        stream.report = { (consumed) throws(OperationError) in
            try report(UnpackProgress(layer: index + 1, layers: image.layers.count, done: before + consumed, total: total))
        }
        do throws(OperationError) {
            try applier.apply(stream, index: index)
            try stream.finish()
        } catch {
            throw error.within("layer \(index + 1) of \(image.layers.count) (\(layer.name))")
        }
        done += layer.size
    }
    try applier.finish()
    return applier.warnings
}
