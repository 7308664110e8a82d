import CLI
import Diagnostics
import Kernel

/// The program `cale`: understands its arguments, prints or carries out what they ask for, and reports an error.
///
/// Exit status: 0, or what a command answers (`run`: that of the container's program), or 1 after an error. Each command
/// is a function of this type in a file of its name.
@main struct Cale {
    static func main() {
        var arguments = programArguments()
        let program = Program.cale.called(arguments.isEmpty ? "" : arguments.removeFirst())
        assert(program.mistakes.isEmpty, "the declaration of the command line is wrong")
        var log = ErrorLog(programName: program.invokedName, arguments: arguments)
        do throws(OperationError) {
            try refuseRightsByExecution(program.invokedName)
            let request = try program.parse(arguments)
            if case .run(let invocation) = request {
                log = ErrorLog(invocation)
                exitProgram(try carryOut(invocation))
            }
            let style = Style(isTerminal: StandardStream.output.isTerminal, noColor: environment("NO_COLOR"), terminal: environment("TERM"))
            let width = min(StandardStream.output.terminalColumns ?? 80, 100)
            try printOutput(program.text(for: request, style: style, width: width) ?? "")
            exitProgram(0)
        } catch {
            log.report(error)
            exitProgram(1)
        }
    }

    private static func carryOut(_ invocation: Invocation) throws(OperationError) -> Int32 {
        switch invocation.command.name {
        case "create": try create(invocation)
        case "start": try start(invocation)
        case "state": try state(invocation)
        case "kill": try kill(invocation)
        case "delete": try delete(invocation)
        case "run": try run(invocation)
        case "exec": try exec(invocation)
        case "list": try list(invocation)
        case "spec": try spec(invocation)
        case "features": try features(invocation)
        case "plan": try plan(invocation)
        case "ps": try ps(invocation)
        case "pause": try pause(invocation)
        case "resume": try resume(invocation)
        case "update": try update(invocation)
        case "events": try events(invocation)
        case "checkpoint": try checkpoint(invocation)
        case "restore": try restore(invocation)
        default: preconditionFailure("a command is declared that nothing carries out")
        }
    }

    /// Writes data to stdout. A reader that went away is an error: half of a state must not look like all of it.
    static func printOutput(_ text: String) throws(OperationError) {
        do throws(Errno) {
            try StandardStream.output.write(text)
        } catch {
            throw OperationError("write to", "stdout", .errno(error))
        }
    }
}
