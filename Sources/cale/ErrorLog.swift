import CLI
import Diagnostics
import Kernel

/// Where a failure is told: to people on stderr, to callers in the file of `--log`.
///
/// With `--log-format json` and no `--log` the line on stderr is JSON: conmon reads it there.
struct ErrorLog {
    let programName: String
    /// The file of `--log`.
    private var path: String?
    private var format: LogFormat = .text

    /// Before the options are understood, or when they cannot be: an engine looks for the error in its file all the same.
    init(programName: String, arguments: [String]) {
        self.programName = programName
        path = Self.value(of: "--log", in: arguments)
        if Self.value(of: "--log-format", in: arguments) == "json" { format = .json }
    }

    private static func value(of option: String, in arguments: [String]) -> String? {
        for (index, argument) in arguments.enumerated() {
            if argument == option { return index + 1 < arguments.count ? arguments[index + 1] : nil }
            if argument.hasPrefix(option + "=") { return String(argument.dropFirst(option.utf8.count + 1)) }
        }
        return nil
    }

    init(_ invocation: Invocation) {
        programName = invocation.programName
        path = invocation.global.value("log")
        if invocation.global.value("log-format") == "json" { format = .json }
    }

    func report(_ error: OperationError) { log(.error, error.description) }

    /// Something that was left undone, as the specification allows.
    func warn(_ message: String) { log(.warning, message) }

    /// What `--debug` asks for.
    func debug(_ message: String) { log(.debug, message) }

    private func log(_ level: LogLevel, _ message: String) {
        let line = logLine(level, message, time: realtimeNanoseconds(), format) + "\n"
        var problem: OperationError?
        if let path, !path.isEmpty {
            do throws(Errno) {
                try FileDescriptor.open(Path(path), [.writeOnly, .create, .append], mode: 0o600).write(line)
            } catch {
                problem = OperationError("write log", path, .errno(error))
            }
        }
        // the process of "run" or "exec" has the same stderr: with a log of its own, only what ends the command is told there
        if level != .error, problem == nil, let path, !path.isEmpty { return }
        let prefix = programName + (level == .error ? ": " : ": \(level.rawValue): ")
        tell(path == nil && format == .json ? line : prefix + escaped(message, isSentence: true) + "\n")
        if let problem { tell(programName + ": " + problem.line + "\n") }
    }

    private func tell(_ text: String) {
        do throws(Errno) {
            try StandardStream.error.write(text)
        } catch {
            // nobody is left who could be told; the exit status still says it
        }
    }
}
