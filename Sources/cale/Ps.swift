import CLI
import ContainerRuntime
import Diagnostics
import JSON
import Kernel

extension Cale {
    /// `cale ps`: answers the exit status.
    static func ps(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let id = try ContainerID(invocation.positionals[0])
        let isJSON = invocation.options.value("format") == "json"
        // the lock is let go before ps(1) runs
        let processes = try Container.open(id, in: try settings.openRoot(for: id.text)).processes()
        if isJSON {
            var writer = JSONWriter()
            writer.array { writer in for pid in processes { writer.integer(pid) } }
            try printOutput(writer.text + "\n")
            return 0
        }
        var arguments = Array(invocation.positionals.dropFirst())
        if arguments.isEmpty { arguments = ["-ef"] }
        let listing = try ProgramOutput.of("ps", arguments, hint: "install it (Debian: apt install procps), or use --format json")
        guard listing.status == 0 else {
            throw OperationError("run", "ps", .invalid(endInWords(listing.status) + " and wrote: \(quoted(trimmed(listing.text)))"))
        }
        try printOutput(try processTable(listing.text, of: processes))
        return 0
    }

    private static func trimmed(_ text: String) -> String {
        var text = text[...]
        while text.last == "\n" { text = text.dropLast() }
        return String(text)
    }
}
