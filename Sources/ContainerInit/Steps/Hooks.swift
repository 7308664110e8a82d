// Hooks that run inside the container's namespaces, as children of the init: with its rights, the state on their stdin, and a deadline.
// A filter of the container's is in force for startContainer hooks: what it denies (pidfd_open, say) is done in another way, or told.
// The hooks of the runtime on the host take the same way (HookProcess).
package import Diagnostics
import Kernel

extension Executor {
    /// Runs the hooks of one phase in order; the first that fails ends the init.
    ///
    /// Source: config.md "POSIX-platform Hooks" (RT-config-215 and following).
    func runHooks(_ phase: HookPhase, _ hooks: [HookStep], step: Int) throws(Errno) {
        // as with runc: the container's root is not entered yet, and by this hooks know where it is
        if phase == .createContainer { try handles.with(.root) { (root) throws(Errno) in try root.makeCurrentDirectory() } }
        for (index, planned) in hooks.enumerated() {
            var hook = planned
            if let place = planned.placeOfPID {
                // the one text that cannot be laid out before: nobody outside knows the number in a joined pid namespace
                let bytes = planned.input.utf8
                hook.input = String(Substring(bytes.prefix(place))) + String(processID()) + String(Substring(bytes.dropFirst(place)))
            }
            let outcome = try HookProcess.run(hook)
            if outcome.status != 0 {
                report(.hookFailure(step: step, hook: index, status: outcome.status, detail: outcome.errorOutput))
                exitNow(1)
            }
        }
        if phase == .startContainer, handles.contains(.outcome) {
            // a filter that denies it is in force already: the program has to run all the same
            do throws(Errno) { try handles.with(.outcome) { (start) throws(Errno) in try start.write([Report.hooksPassed]) } } catch {}
        }
    }
}

/// One hook as a child process of ours: in the container, or of the runtime on the host.
package enum HookProcess {
    /// How a hook ended.
    package struct Outcome: Equatable, Sendable {
        /// 0…255, 128 + signal, or -1 when its time ran out.
        package var status: Int32
        /// The end of what it wrote to its standard error.
        package var errorOutput: [UInt8]
    }

    /// Runs `hook`, with its state on standard input, and waits for it. Output goes where ours goes.
    ///
    /// A hook that outlives its time is killed. The error output is drained while it runs, so that a flood of it
    /// neither blocks the hook nor fills memory.
    /// - Throws: what pipe(2), clone3(2) and poll(2) throw; a program that cannot be executed is status 127 with the
    ///   reason as error output.
    package static func run(_ hook: HookStep) throws(Errno) -> Outcome {
        try ignoreBrokenPipes()  // a hook need not read its state
        let input = try FileDescriptor.pipe()
        let errors = try FileDescriptor.pipe()
        let arguments = StringVector(hook.arguments.isEmpty ? [hook.path.text] : hook.arguments)
        let environment = StringVector(hook.environment)
        switch try clone([]) {
        case .child:
            become(hook, arguments: arguments, environment: environment, input: input.reading, errors: errors.writing)
            exitNow(127)
        case .parent(let child):
            let pipes = HookPipes(input: input.intoWriting(), errors: errors.intoReading())
            do throws(Errno) {
                return try pipes.watch(child, hook: hook)
            } catch {
                endChild(child)  // a hook that nobody watches must not go on: it may never end
                throw error
            }
        }
    }

    private static func become(
        _ hook: HookStep, arguments: borrowing StringVector, environment: borrowing StringVector, input: borrowing FileDescriptor,
        errors: borrowing FileDescriptor
    ) {
        do throws(Errno) {
            try input.duplicate(onto: 0)
            try errors.duplicate(onto: 2)
            try setDumpable(true)
            try unblockAllSignals()
            try restoreDefaultSignals()
            try execute(hook.path, arguments: arguments, environment: environment)
        } catch {
            do throws(Errno) { try errors.write(error.name) } catch {}  // the status says the rest
        }
    }
}

/// The runtime's ends of a hook's pipes.
private struct HookPipes: ~Copyable {
    let input: FileDescriptor
    let errors: FileDescriptor

    /// Feeds the state and collects errors until the hook has ended.
    consuming func watch(_ child: Int32, hook: HookStep) throws(Errno) -> HookProcess.Outcome {
        // a hook that does not read its state must not stop us: the pipe takes 64 KiB, and what it does not take is dropped
        try input.setNonBlocking(true)
        do throws(Errno) { try input.write(hook.input) } catch where error == .brokenPipe || error == .tryAgain {}
        let errors = HookPipes.closeInput(consume self)
        try errors.setNonBlocking(true)
        var tail: [UInt8] = []
        let process = Self.handle(of: child)
        let deadline = hook.timeoutSeconds > 0 ? monotonicNanoseconds() + hook.timeoutSeconds * 1_000_000_000 : Int64.max
        while true {
            let left = deadline == .max ? -1 : max((deadline - monotonicNanoseconds()) / 1_000_000 + 1, 0)
            let hasEnded = try Self.wait(for: process, errors, milliseconds: left)
            Self.drain(errors, into: &tail)
            if hasEnded, case .ended(_, let status) = try waitForChild(child, blocking: false) {
                Self.drain(errors, into: &tail)
                return HookProcess.Outcome(status: status, errorOutput: tail)
            }
            if left == 0 {
                endChild(child)
                return HookProcess.Outcome(status: -1, errorOutput: tail)
            }
        }
    }

    /// Nil where pidfd_open(2) is denied: a startContainer hook runs under the filter of the container's program (RT-runtime-045).
    private static func handle(of child: Int32) -> FileDescriptor? {
        do throws(Errno) { return try .process(child) } catch { return nil }
    }

    /// Waits until the hook may have ended, or has written errors: at most `limit` ms, for ever when that is negative.
    ///
    /// Without a handle of it, a look every 20 ms tells whether it has ended.
    private static func wait(for process: borrowing FileDescriptor?, _ errors: borrowing FileDescriptor, milliseconds limit: Int64) throws(Errno) -> Bool {
        let interval: Int64 = 20
        do throws(Errno) {
            switch process {
            case .some(let process):
                let came = try poll([(process.raw, .readable), (errors.raw, .readable)], milliseconds: Int32(clamping: limit))
                guard came[0].isEmpty, came[1].contains(.hungUp) else { return !came[0].isEmpty }
                // it has closed its errors, which poll(2) would tell again and again
                return try process.isReadable(within: Int32(clamping: limit))
            case .none:
                let step = limit < 0 ? interval : min(limit, interval)
                if try poll([(errors.raw, .readable)], milliseconds: Int32(clamping: step))[0].contains(.hungUp) { sleep(milliseconds: step) }
                return true
            }
        } catch where error == .interrupted { return false }
    }

    private static func closeInput(_ pipes: consuming HookPipes) -> FileDescriptor { pipes.errors }

    private static func drain(_ errors: borrowing FileDescriptor, into tail: inout [UInt8]) {
        while true {
            do throws(Errno) {
                let part = try errors.read(atMost: 4096)
                if part.isEmpty { return }
                tail = Array((tail + part).suffix(Report.detailLimit))
            } catch {
                return  // EAGAIN: nothing more for now
            }
        }
    }
}
