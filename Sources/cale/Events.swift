import CLI
import ContainerRuntime
import Diagnostics

extension Cale {
    /// `cale events`: answers the exit status.
    static func events(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let id = try ContainerID(invocation.positionals[0])
        let text = invocation.options.value("interval") ?? "5s"
        guard let interval = durationMilliseconds(text), interval > 0 else {
            throw OperationError("read option", "--interval", .invalid(quoted(text) + " is no time above 0 such as 5s or 500ms"))
        }
        // the lock is let go before the first line is printed
        let watch = try ContainerWatch(try Container.open(id, in: try settings.openRoot(for: id.text)))
        if invocation.options.isSet("stats") {
            try printOutput(try watch.statistics() + "\n")
        } else {
            try watch.run(everyMilliseconds: interval) { (line) throws(OperationError) in try printOutput(line + "\n") }
        }
        return 0
    }
}
