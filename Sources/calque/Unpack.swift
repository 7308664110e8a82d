import CLI
import Diagnostics
import ImageUnpack
import Kernel
import OCISpec

extension Calque {
    /// `calque unpack`: answers the exit status.
    static func unpack(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let options = invocation.options
        var request = UnpackOptions(reference: try reference(invocation), bundle: Path(invocation.positionals[0]))
        request.platform = try platform(invocation)
        request.conversion.isRootless = options.isSet("rootless") || effectiveUserID() != 0
        request.conversion.hostUID = effectiveUserID()
        request.conversion.hostGID = effectiveGroupID()
        request.conversion.terminal = !options.isSet("no-terminal")
        request.conversion.trustsLabels = options.isSet("trust-labels")
        let isQuiet = options.isSet("quiet")
        let attention = try Attention(showsProgress: !isQuiet && StandardStream.error.isTerminal)
        do throws(OperationError) {
            let warnings = try ImageUnpack.unpack(request, report: { (progress) throws(OperationError) in try attention.look(progress) })
            attention.clear()
            if !isQuiet { for warning in warnings { tell("\(invocation.programName): warning: \(warning)") } }
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

    static func reference(_ invocation: Invocation) throws(OperationError) -> ImageReference {
        guard let image = invocation.options.value("image") else {
            throw OperationError("read", "arguments", .invalid("--image is missing"), hint: "name an image: --image SOURCE[:TAG]")
        }
        return try ImageReference(image, exists: { path in
            do throws(Errno) {
                _ = try fileStatus(path)
                return true
            } catch {
                return false
            }
        })
    }

    static func platform(_ invocation: Invocation) throws(OperationError) -> Platform? {
        guard let text = invocation.options.value("platform") else { return nil }
        return try Platform(text)
    }
}

/// Looks up from the work now and then: for a signal, and to redraw the progress bar.
private final class Attention {
    private let signals: FileDescriptor
    private let showsProgress: Bool
    private let start = monotonicNanoseconds()
    private var drawn: Int64 = 0
    private var isDrawn = false
    /// The signal that ended the work.
    private(set) var signal: Int32?

    init(showsProgress: Bool) throws(OperationError) {
        self.showsProgress = showsProgress
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
        guard showsProgress, now - drawn > 100_000_000 else { return }
        drawn = now
        isDrawn = true
        let elapsed = max(1, now - start)
        let bar = ProgressBar(
            "layer \(progress.layer) of \(progress.layers)", done: UInt64(clamping: progress.done), total: UInt64(clamping: progress.total),
            bytesPerSecond: elapsed > 500_000_000 ? UInt64(clamping: progress.done / max(1, elapsed / 1_000_000) * 1000) : nil)
        draw("\r" + bar.line(width: (StandardStream.error.terminalColumns ?? 80) - 1) + "\u{1B}[K")
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
