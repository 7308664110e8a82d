// How far the unpacking is, on stderr: bars on a terminal, lines of JSON for a program, nothing in a pipe. Looking up from the work is also when
// signals are seen.
// Layers are read side by side: each has a line of its own.
import CLI
import Diagnostics
import ImageUnpack
import JSON
import Kernel

/// Looks up from the work now and then: for a signal, and to tell how far it is.
final class Progress {
    /// How it is told.
    enum Form {
        /// A line for each layer in work, and one for all of them; warnings follow.
        case bars
        /// Warnings alone.
        case text
        /// Objects with the member "event": "progress", "warning", "finished".
        case json
        case nothing

        init(_ invocation: Invocation) {
            let isJSON = invocation.options.value("format") == "json"
            if invocation.options.isSet("quiet") { self = .nothing } else if isJSON { self = .json } else { self = StandardStream.error.isTerminal ? .bars : .text }
        }
    }

    /// A layer that is being unpacked.
    private struct Work {
        var state: UnpackProgress
        let began: Int64
        var seen: Int64
        var bytesPerSecond: UInt64? { rate(state.layerDone, seen - began) }
    }

    private let signals: FileDescriptor
    private let form: Form
    private let program: String
    private let start = monotonicNanoseconds()
    private var works: [Work] = []
    private var drawn: Int64 = 0
    /// Lines on the terminal; the cursor stands in the last one.
    private var lines = 0
    /// The signal that ended the work.
    private(set) var signal: Int32?

    init(_ form: Form, program: String) throws(OperationError) {
        (self.form, self.program) = (form, program)
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

    /// - Throws: `EINTR` after a signal that ends the work.
    func look(_ state: UnpackProgress) throws(OperationError) {
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
        guard form == .bars || form == .json else { return }
        let now = monotonicNanoseconds()
        if let index = works.firstIndex(where: { $0.state.layer == state.layer }) {
            (works[index].state, works[index].seen) = (state, now)
        } else {
            works.append(Work(state: state, began: now, seen: now))
        }
        let isComplete = state.layerDone >= state.layerTotal
        guard now - drawn > 100_000_000 || isComplete else { return }
        drawn = now
        if form == .json { write(event(of: state)) } else { draw(state, now) }
        // those that are complete, or have stood still for a second
        works = works.filter { $0.state.layerDone < $0.state.layerTotal && now - $0.seen < 1_000_000_000 }
    }

    private func draw(_ state: UnpackProgress, _ now: Int64) {
        let width = (StandardStream.error.terminalColumns ?? 80) - 1
        var bars = works.sorted { $0.state.layer < $1.state.layer }.map {
            ProgressBar(
                "layer \($0.state.layer) of \($0.state.layers)", done: UInt64(clamping: $0.state.layerDone), total: UInt64(clamping: $0.state.layerTotal),
                bytesPerSecond: $0.bytesPerSecond)
        }
        if state.layers > 1 {
            bars.append(
                ProgressBar("all layers", done: UInt64(clamping: state.done), total: UInt64(clamping: state.total), bytesPerSecond: rate(state.done, now - start)))
        }
        write(Self.toFirst(lines) + bars.map { $0.line(width: width) + "\u{1B}[K" }.joined(separator: "\n") + "\u{1B}[J")
        lines = bars.count
    }

    /// Moves the cursor to the first of `lines` lines.
    private static func toFirst(_ lines: Int) -> String { "\r" + (lines > 1 ? "\u{1B}[\(lines - 1)A" : "") }

    private func event(of state: UnpackProgress) -> String {
        object("progress") { writer in
            writer.member("layer", state.layer)
            writer.member("layers", state.layers)
            writer.member("name", state.name)
            writer.member("layerDone", state.layerDone)
            writer.member("layerTotal", state.layerTotal)
            writer.member("done", state.done)
            writer.member("total", state.total)
            if let rate = rate(state.done, monotonicNanoseconds() - start) { writer.member("bytesPerSecond", Int64(clamping: rate)) }
        }
    }

    private func object(_ event: String, _ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("event", event)
            body(&writer)
        }
        return writer.text + "\n"
    }

    /// The bundle is there.
    func end(bundle: Path, warnings: [String]) {
        clear()
        switch form {
        case .nothing: break
        case .bars, .text: for warning in warnings { Calque.tell("\(program): warning: \(escaped(warning, isSentence: true))") }
        case .json:
            for warning in warnings { write(object("warning") { $0.member("message", warning) }) }
            write(object("finished") { $0.member("bundle", bundle.text) })
        }
    }

    /// Takes the bars away.
    func clear() {
        if lines > 0 { write(Self.toFirst(lines) + "\u{1B}[J") }
        lines = 0
    }

    private func write(_ text: String) {
        do throws(Errno) { try StandardStream.error.write(text) } catch {}  // a terminal that went away needs no bar
    }
}

/// Bytes in a second; nil before there is anything to be said.
private func rate(_ bytes: Int64, _ nanoseconds: Int64) -> UInt64? {
    nanoseconds > 300_000_000 ? UInt64(clamping: bytes / max(1, nanoseconds / 1_000_000) * 1000) : nil
}
