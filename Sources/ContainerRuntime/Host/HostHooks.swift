// Hooks that run in the runtime's own namespaces: prestart, createRuntime, poststart, poststop.
import ContainerInit
package import Diagnostics
import Kernel
package import OCISpec

/// Hooks that run in the runtime's own namespaces.
package enum HostHooks {
    /// Runs `hooks` in order; stops at the first that fails.
    ///
    /// - Parameters:
    ///   - phase: the property below `hooks`.
    ///   - state: the container's state as JSON, for standard input.
    /// - Throws: `.invalid` with the status, or the time that ran out, and the end of what the hook wrote to stderr.
    package static func run(_ hooks: [Hook], phase: String, state: String) throws(OperationError) {
        for (index, hook) in hooks.enumerated() { try run(hook, phase: phase, index: index, state: state) }
    }

    /// Runs all `hooks`, whatever they answer, and returns what went wrong: the rule for poststop (RT-runtime-032).
    package static func runAll(_ hooks: [Hook], phase: String, state: String) -> [OperationError] {
        var failures: [OperationError] = []
        for (index, hook) in hooks.enumerated() {
            do throws(OperationError) { try run(hook, phase: phase, index: index, state: state) } catch { failures.append(error) }
        }
        return failures
    }

    private static func run(_ hook: Hook, phase: String, index: Int, state: String) throws(OperationError) {
        let outcome: HookProcess.Outcome
        do throws(Errno) {
            outcome = try HookProcess.run(step(hook, inheriting: environment(), state: state))
        } catch {
            throw OperationError(operation(phase, index), hook.path, .errno(error), field: "hooks.\(phase)[\(index)]")
        }
        if outcome.status == 0 { return }
        throw failure(
            hook.path, timeoutSeconds: hook.timeout.map { Int64($0) }, status: outcome.status, output: outcome.errorOutput, phase: phase, index: index)
    }

    /// runc's words, which callers look for.
    private static func operation(_ phase: String, _ index: Int) -> String { "error running \(phase) hook #\(index):" }

    /// A hook as a step; without `env` it gets `inherited`.
    static func step(_ hook: Hook, inheriting inherited: [String], state: String) -> HookStep {
        HookStep(
            path: Path(hook.path), arguments: hook.args, environment: hook.env.isEmpty ? inherited : hook.env,
            timeoutSeconds: Int64(hook.timeout ?? 0), input: state)
    }

    static func failure(_ path: String, timeoutSeconds: Int64?, status: Int32, output: [UInt8], phase: String, index: Int) -> OperationError {
        var why: String
        switch status {
        case -1: why = "it did not end within \(timeoutSeconds ?? 0) s and was killed"
        case 127: why = "it could not be executed, or ended with status 127"
        default: why = endInWords(status)
        }
        var said = output
        while let last = said.last, last == 0x0A || last == 0x20 { said.removeLast() }
        if !said.isEmpty { why += ", and wrote: " + quoted(String(decoding: said, as: UTF8.self)) }
        return OperationError(
            operation(phase, index), path, .invalid(why), field: "hooks.\(phase)[\(index)]",
            hint: status == 127 ? "is it an executable file, and the interpreter that it names there?" : nil)
    }
}
