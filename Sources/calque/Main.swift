import CLI
import Diagnostics
import Kernel

/// The program `calque`: understands its arguments, prints or carries out what they ask for, and reports an error.
///
/// Exit status: 0; 1 after an error; 128 and the signal's number after an interruption. Each command is a function of this
/// type in a file of its name.
@main struct Calque {
    static func main() {
        allowManyOpenFiles()
        var arguments = programArguments()
        let program = Program.calque.called(arguments.isEmpty ? "" : arguments.removeFirst())
        assert(program.mistakes.isEmpty, "the declaration of the command line is wrong")
        do throws(OperationError) {
            try refuseRightsByExecution(program.invokedName)
            let request = try program.parse(arguments)
            if case .run(let invocation) = request { exitProgram(try carryOut(invocation)) }
            let style = Style(isTerminal: StandardStream.output.isTerminal, noColor: environment("NO_COLOR"), terminal: environment("TERM"))
            let width = min(StandardStream.output.terminalColumns ?? 80, 100)
            try printOutput(program.text(for: request, style: style, width: width) ?? "")
            exitProgram(0)
        } catch {
            tell(program.invokedName + ": " + error.line)
            exitProgram(1)
        }
    }

    /// A tree is walked with one open directory for each level: as many as the host allows, not as few as shells begin with.
    private static func allowManyOpenFiles() {
        do throws(Errno) {
            let limit = try resourceLimit(7)  // RLIMIT_NOFILE
            if limit.soft < limit.hard { try setResourceLimit(ProcessLimit(resource: 7, soft: limit.hard, hard: limit.hard)) }
        } catch {}  // the old limit does for most trees
    }

    private static func carryOut(_ invocation: Invocation) throws(OperationError) -> Int32 {
        switch invocation.command.name {
        case "unpack": try unpack(invocation)
        case "inspect": try inspect(invocation)
        case "list": try list(invocation)
        case "run": try run(invocation)
        case "repack": try repack(invocation)
        case "verify": try verify(invocation)
        case "mount": try mount(invocation)
        case "umount": try unmount(invocation)
        case "delete": try delete(invocation)
        case "gc": try collectGarbage(invocation)
        default: preconditionFailure("a command is declared that nothing carries out")
        }
    }

    /// Writes data to stdout. A reader that went away is an error: half of a description must not look like all of it.
    static func printOutput(_ text: String) throws(OperationError) {
        do throws(Errno) {
            try StandardStream.output.write(text)
        } catch {
            throw OperationError("write to", "stdout", .errno(error))
        }
    }

    /// Writes a line for people to stderr.
    static func tell(_ line: String) {
        do throws(Errno) {
            try StandardStream.error.write(line + "\n")
        } catch {
            // nobody is left who could be told; the exit status still says it
        }
    }
}
