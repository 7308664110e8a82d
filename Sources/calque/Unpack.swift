// `calque unpack`.
//
// Here is also what other commands have in common with it: how an image is named, how a bundle for this caller is described, and how
// the work is watched. What is done is in ImageUnpack/Unpack.swift.
import CLI
import Diagnostics
import ImageUnpack
import JSON
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
        if options.value("mode") == "overlay" {
            request.mode = .overlay(store: try storePath(invocation), mountedBy: options.value("mount-by") == "hand" ? .hand : .runtime)
        } else {
            if request.volumes.contains(where: { $0.hasName }) { request.volumeStore = try storePath(invocation) }
            // the default one may have no place: then there is none
            let store = options.value("store").map { Path($0) } ?? LayerStore.defaultPath
            if let store, exists(store.appending("format")) { request.layerStore = store }
        }
        let form: ProgressForm = options.value("progress") == "json" ? .json : .automatic
        return try unpack(request, isQuiet: options.isSet("quiet"), progress: form, invocation)
    }

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

    /// Unpacks with a progress bar on a terminal; answers the exit status.
    static func unpack(_ request: UnpackOptions, isQuiet: Bool, progress: ProgressForm, _ invocation: Invocation) throws(OperationError) -> Int32 {
        let attention = try Attention(isQuiet ? .nothing : progress)
        do throws(OperationError) {
            let warnings = try ImageUnpack.unpack(request, report: { (progress) throws(OperationError) in try attention.look(progress) })
            attention.clear()
            if !isQuiet { for warning in warnings { tell("\(invocation.programName): warning: \(escaped(warning))") } }
            return 0
        } catch {
            attention.clear()
            if let signal = attention.signal {
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

/// How the progress is told on stderr.
enum ProgressForm {
    case bar, json, nothing
    /// A bar on a terminal.
    static var automatic: ProgressForm { StandardStream.error.isTerminal ? .bar : .nothing }
}

/// Looks up from the work now and then: for a signal, and to redraw the progress bar.
private final class Attention {
    private let signals: FileDescriptor
    private let form: ProgressForm
    private let start = monotonicNanoseconds()
    private var drawn: Int64 = 0
    private var isDrawn = false
    /// The signal that ended the work.
    private(set) var signal: Int32?

    init(_ form: ProgressForm) throws(OperationError) {
        self.form = form
        signals = try Self.openSignals()
    }

    private static func openSignals() throws(OperationError) -> FileDescriptor {
        do throws(Errno) {
            try blockAllSignals()
            return try FileDescriptor.allSignals()
        } catch {
            throw OperationError("watch for", "signals", .errno(error))
        }
    }

    func look(_ progress: UnpackProgress) throws(OperationError) {
        do throws(Errno) {
            while let next = try signals.nextSignal() {
                if [1, 2, 3, 15].contains(next.number) {
                    signal = next.number
                    throw Errno.interrupted
                }
            }
        } catch {
            throw OperationError("unpack", "image", .errno(error))
        }
        let now = monotonicNanoseconds()
        guard form != .nothing, now - drawn > 100_000_000 || progress.done == progress.total else { return }
        drawn = now
        if form == .json { return draw(json(progress)) }
        isDrawn = true
        let elapsed = max(1, now - start)
        let bar = ProgressBar(
            "layer \(progress.layer) of \(progress.layers)", done: UInt64(clamping: progress.done), total: UInt64(clamping: progress.total),
            bytesPerSecond: elapsed > 500_000_000 ? UInt64(clamping: progress.done / max(1, elapsed / 1_000_000) * 1000) : nil)
        draw("\r" + bar.line(width: (StandardStream.error.terminalColumns ?? 80) - 1) + "\u{1B}[K")
    }

    private func json(_ progress: UnpackProgress) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("layer", progress.layer)
            writer.member("layers", progress.layers)
            writer.member("done", progress.done)
            writer.member("total", progress.total)
        }
        return writer.text + "\n"
    }

    /// Takes the bar away.
    func clear() {
        if isDrawn { draw("\r\u{1B}[K") }
        isDrawn = false
    }

    private func draw(_ text: String) {
        do throws(Errno) { try StandardStream.error.write(text) } catch {}  // a terminal that went away needs no bar
    }
}
