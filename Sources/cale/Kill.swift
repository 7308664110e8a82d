import CLI
import ContainerRuntime
import Diagnostics
import Kernel

extension Cale {
    /// `cale kill`: answers the exit status.
    static func kill(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let id = try ContainerID(invocation.positionals[0])
        let word = invocation.positionals.count > 1 ? invocation.positionals[1] : "TERM"
        guard let signal = SignalName.number(of: word) else {
            throw OperationError("send signal", word, .invalid("unknown signal"), hint: "use a name such as TERM or SIGTERM, or a number from 0 to 64")
        }
        try Container.open(id, in: try settings.openRoot(for: id.text)).kill(signal, all: invocation.options.isSet("all"))
        return 0
    }
}
