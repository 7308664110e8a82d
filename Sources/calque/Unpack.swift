// `calque unpack`.
//
// Here is also what other commands have in common with it: how an image is named, and how a bundle for this caller is described. What is done
// is in ImageUnpack/Unpack.swift, how it is told in Progress.swift.
import CLI
import Diagnostics
import ImageUnpack
import Kernel
import OCISpec

extension Calque {
    /// `calque unpack`: answers the exit status.
    static func unpack(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let options = invocation.options
        guard let image = options.value("image") else {
            throw OperationError("read", "arguments", .invalid("--image is missing"), hint: "name an image: --image SOURCE[:TAG]")
        }
        var request = UnpackOptions(reference: try reference(image), bundle: Path(invocation.positionals[0]))
        request.platform = try platform(invocation)
        request.conversion = try conversion(isRootless: options.isSet("rootless") || effectiveUserID() != 0, owners: options.value("owners"))
        request.conversion.terminal = !options.isSet("no-terminal")
        request.conversion.trustsLabels = options.isSet("trust-labels")
        request.hasSizeLimit = !options.isSet("no-size-limit")
        request.volumes = try volumes(invocation)
        request.protection = protection(invocation)
        if options.value("mode") == "overlay" {
            request.mode = .overlay(store: try storePath(invocation), mountedBy: options.value("mount-by") == "hand" ? .hand : .runtime)
        } else {
            if request.protection == .on {
                throw OperationError(
                    "read", "--verity", .invalid("the tree of a flat bundle is its container's, and is written to"), hint: "--mode overlay has layers that can be protected")
            }
            if request.volumes.contains(where: { $0.hasName }) { request.volumeStore = try storePath(invocation) }
            // the default one may have no place: then there is none
            let store = options.value("store").map { Path($0) } ?? LayerStore.defaultPath
            if let store, exists(store.appending("format")) { request.layerStore = store }
        }
        return try unpack(request, invocation)
    }

    static func protection(_ invocation: Invocation) -> LayerProtection { invocation.options.value("verity").flatMap { LayerProtection(rawValue: $0) } ?? .off }

    /// - Parameter owners: "mapped" or "recorded"; nil: mapped where the host has given ranges of ids.
    static func conversion(isRootless: Bool, owners: String?) throws(OperationError) -> ConversionOptions {
        var conversion = ConversionOptions()
        conversion.isRootless = isRootless
        conversion.hostUID = effectiveUserID()
        conversion.hostGID = effectiveGroupID()
        if isRootless && effectiveUserID() != 0 && owners != "recorded" {
            conversion.mappings = IDMappings.ofCaller
            if owners == "mapped" && conversion.mappings == nil {
                throw OperationError(
                    "read", "--owners", .invalid("this user has no ranges of ids, or newuidmap and newgidmap are not installed"),
                    hint: "/etc/subuid and /etc/subgid give them: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER; Debian: apt install uidmap")
            }
        }
        return conversion
    }

    /// Unpacks, and tells how far it is; answers the exit status.
    static func unpack(_ request: UnpackOptions, _ invocation: Invocation) throws(OperationError) -> Int32 {
        let progress = try Progress(Progress.Form(invocation), program: invocation.programName)
        do throws(OperationError) {
            let warnings = try ImageUnpack.unpack(request, report: { (state) throws(OperationError) in try progress.look(state) })
            progress.end(bundle: request.bundle, warnings: warnings)
            return 0
        } catch {
            progress.clear()
            if let signal = progress.signal {
                tell("\(invocation.programName): interrupted: nothing is left of \(quoted(request.bundle.text))")
                return 128 + signal
            }
            throw error
        }
    }

    static func reference(_ text: String) throws(OperationError) -> ImageReference {
        try ImageReference(text, exists: { $0 == ImageReference.standardInput || exists($0) })
    }

    /// Whether something is there. What cannot be looked at counts: opening it tells why.
    static func exists(_ path: Path) -> Bool {
        do throws(Errno) {
            _ = try fileStatus(path)
            return true
        } catch {
            return error != .noEntry && error != .notDirectory
        }
    }

    static func platform(_ invocation: Invocation) throws(OperationError) -> Platform? {
        guard let text = invocation.options.value("platform") else { return nil }
        return try Platform(text)
    }
}
