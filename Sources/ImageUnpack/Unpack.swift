// From an image to a bundle. The order makes every failure clean: nothing is at the bundle's name until all digests match.
//
// Layers of a flat bundle are applied here, those of an overlay bundle in Store/PlaceLayers.swift.
package import Diagnostics
package import Kernel
package import OCISpec
import UntrustedTree

/// What a bundle's tree is.
package enum UnpackMode: Equatable, Sendable {
    /// One directory of the bundle's own.
    case flat
    /// Layers of a store, and a writable one of the bundle's own.
    case overlay(store: Path, mountedBy: MountedBy)
}

/// What `unpack` is told.
package struct UnpackOptions: Equatable, Sendable {
    package var reference: ImageReference
    package var bundle: Path
    package var platform: Platform?
    package var mode = UnpackMode.flat
    /// Whether a layer that unpacks to very much more than its own size is refused.
    package var hasSizeLimit = true
    /// Besides those of the image.
    package var volumes: [VolumeRequest] = []
    /// Where volumes with names lie, for a flat bundle.
    package var volumeStore: Path?
    /// A store that is there, for a flat bundle: layers that it has are copied from it.
    package var layerStore: Path?
    /// Whether the kernel is to protect the layers of an overlay bundle.
    package var protection = LayerProtection.off
    package var conversion = ConversionOptions()
    /// Whether the bundle, of mode overlay in the store's directory of runs, is to go with its maker.
    package var isRun = false

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
    /// What it is called in the image.
    package var name: String
    /// Packed bytes of this layer.
    package var layerDone: Int64
    package var layerTotal: Int64
    /// Packed bytes of all layers.
    package var done: Int64
    package var total: Int64
}

/// Makes a bundle.
///
/// The process' file creation mask is set to 0. Without privileges, for an overlay bundle or with ranges of ids, the process is in a user
/// namespace of its own afterwards.
/// - Parameter report: called about every 512 KiB, by one thread at a time; what it throws ends the unpacking.
/// - Returns: warnings, in the order in which they came up.
/// - Throws: the first error; nothing is left then, but complete layers in a store.
package func unpack(
    _ options: UnpackOptions, report: @escaping (UnpackProgress) throws(OperationError) -> Void
) throws(OperationError) -> [String] {
    let source = try ImageSource(options.reference.source)
    let image = try source.image(options.reference.selector, platform: options.platform)
    let foreign = options.platform == nil ? image.config.platform.foreignness : []
    Kernel.setFileCreationMask(0)  // the tree gets just the permissions that the image says
    var policy = ApplyPolicy(isRootless: options.conversion.isRootless, owners: options.conversion.mappings == nil ? nil : .kept)
    if let mappings = options.conversion.mappings { try mappings.enter() }
    if !options.hasSizeLimit { policy.allowance = nil }
    switch options.mode {
    case .flat:
        var store: LayerStore?
        if options.volumes.contains(where: { $0.hasName }), let path = options.volumeStore {
            store = try LayerStore.open(path, marks: policy.isRootless ? .user : .trusted)
        }
        let volumes = try PlannedVolume.plan(image.config.execution.volumes, requests: options.volumes, store: store?.path)
        let bundle = try BundleDirectory.make(options.bundle)
        do throws(OperationError) {
            var warnings = foreign
            if try !copyFromStore(image, of: source, options.layerStore, to: try bundle.rootfs(), policy) {
                warnings += try apply(image, of: source, to: try bundle.rootfs(), policy: policy, report)
            }
            warnings += try bundle.finish(image, root: try bundle.rootfs(), volumes: volumes, options: options, rootMount: nil)
            try BundleImage(source: try options.reference.absoluteSource(), image: image, isRootless: policy.isRootless, mappings: options.conversion.mappings).write(to: bundle.handle)
            try bundle.publish()
            return warnings
        } catch {
            bundle.discard()
            throw error
        }
    case .overlay(let path, let mountedBy):
        if policy.isRootless && effectiveUserID() != 0 { try enterUserNamespace() }
        let store = try LayerStore.open(path, marks: policy.isRootless ? .user : .trusted)
        let volumes = try PlannedVolume.plan(image.config.execution.volumes, requests: options.volumes, store: store.path)
        let placement = LayerPlacement(image, from: source, to: store, policy: policy, protection: options.protection, report: report)
        let layers = try placement.place()
        let bundle = try BundleDirectory.make(options.bundle)
        do throws(OperationError) {
            try BundleImage(source: try options.reference.absoluteSource(), image: image, isRootless: policy.isRootless, mappings: options.conversion.mappings).write(to: bundle.handle)
            let warnings = try bundle.finishOverlay(image, layers: layers, store: store, mountedBy: mountedBy, volumes: volumes, options: options)
            return foreign + placement.warnings + warnings
        } catch {
            bundle.discard()
            throw error
        }
    }
}

extension Platform {
    /// What is to be said of an image of this platform that nobody has asked for: nothing where it is this machine's.
    fileprivate var foreignness: [String] {
        let host = Platform.host
        return (os, architecture) == (host.os, host.architecture) ? [] : ["the image is for \(text), and this machine is \(host.text): its programs may not run here"]
    }
}

extension ImageReference {
    /// The source from wherever one looks; "-" stays.
    func absoluteSource() throws(OperationError) -> Path {
        if source == Self.standardInput { return source }
        do throws(Errno) { return try source.absolute() } catch { throw OperationError("look for", source.text, .errno(error)) }
    }
}

/// Copies the layers from a store that has all of them; false when it has not.
private func copyFromStore(
    _ image: Image, of source: ImageSource, _ path: Path?, to root: consuming RootDirectory, _ policy: ApplyPolicy
) throws(OperationError) -> Bool {
    guard let path, !image.layers.isEmpty else { return false }
    let store: LayerStore
    // one that is missing, or of another form, has nothing for this bundle
    do throws(OperationError) { store = try LayerStore.open(path, marks: policy.isRootless ? .user : .trusted) } catch { return false }
    guard let layers = try LayerPlacement(image, from: source, to: store, policy: policy, report: { (_) throws(OperationError) in }).present() else { return false }
    var copy = LayerCopy(to: root, marks: store.marks)
    try copy.copy(layers, of: store)
    return true
}

/// All layers into one tree. Streams of the next layers are opened early: they are read and unpacked while one is written.
func apply(
    _ image: Image, of source: ImageSource, to root: consuming RootDirectory, policy: ApplyPolicy,
    _ report: @escaping (UnpackProgress) throws(OperationError) -> Void
) throws(OperationError) -> [String] {
    let total = image.packedSize
    let ahead = min(Worker.processors, 4)
    var done: Int64 = 0
    var applier = LayerApplier(root: root, policy: policy)
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
            try report(UnpackProgress(
                layer: index + 1, layers: image.layers.count, name: layer.name, layerDone: consumed, layerTotal: layer.size, done: before + consumed, total: total))
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

extension BundleDirectory {
    /// Writes config.json, and makes the volumes.
    borrowing func finish(
        _ image: Image, root: consuming RootDirectory, volumes: [PlannedVolume], options: UnpackOptions, rootMount: Mount?
    ) throws(OperationError) -> [String] {
        var budget = SeedBudget(image, hasSizeLimit: options.hasSizeLimit)
        for volume in volumes { try volume.make(in: handle, root: root, budget: &budget) }
        var converted = try image.config.converted(options.conversion, accounts: try AccountFiles(in: root), volumes: volumes)
        converted.template.rootMount = rootMount
        try write(config: converted.template.text)
        return converted.warnings
    }

    /// The writable layer, config.json, the entry in the store, and the bundle's name.
    fileprivate borrowing func finishOverlay(
        _ image: Image, layers: [StoredLayer], store: LayerStore, mountedBy: MountedBy, volumes: [PlannedVolume], options: UnpackOptions
    ) throws(OperationError) -> [String] {
        let final = try finalPath()
        let id = "\(realtimeNanoseconds())-\(processID())"
        do throws(Errno) {
            try handle.makeDirectory("overlay", permissions: 0o700)
            try handle.makeDirectory("overlay/upper", permissions: 0o755)
            try handle.makeDirectory("overlay/work", permissions: 0o700)
            try handle.open(Path(OverlayBundle.idFile), [.writeOnly, .create, .exclusive], mode: 0o600).write(id)
            let about = OverlayBundle.about(keys: layers.map { $0.key }, store: store.path, mountedBy: mountedBy)
            try handle.open(Path(OverlayBundle.aboutFile), [.writeOnly, .create, .exclusive], mode: 0o600).write(about)
            if options.isRun { _ = try handle.open(Path(LayerStore.runFile), [.writeOnly, .create, .exclusive], mode: 0o600) }
        } catch {
            throw OperationError("make bundle", final.text, .errno(error))
        }
        try copyRootAttributes(of: layers, in: store, to: try upper())
        let now = final.parent.appending(temporaryName)
        let view = OverlayMount(layers, of: store, upper: now.appending("overlay/upper").text, work: now.appending("overlay/work").text)
        let mount = OverlayMount(layers, of: store, upper: final.appending("overlay/upper").text, work: final.appending("overlay/work").text).mount
        let warnings = try finish(
            image, root: RootDirectory(try view.open()), volumes: volumes, options: options, rootMount: mountedBy == .runtime ? mount : nil)
        try store.register(id, bundle: final, layers: layers)
        do throws(OperationError) {
            try publish()
        } catch {
            try store.unregister(id)
            throw error
        }
        return warnings
    }
}
