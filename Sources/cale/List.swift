import CLI
import ContainerRuntime
import Diagnostics
import JSON
import Kernel
import OCISpec

extension Cale {
    /// `cale list`: answers the exit status.
    static func list(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        var entries: [ListEntry] = []
        do throws(OperationError) {
            let root = try StateRoot.open(settings.stateRoot, creating: false)
            entries = try listContainers(in: root, warn: settings.log.warn)
        } catch {
            if error.errno != .noEntry { throw error }  // no root, no containers
        }
        if invocation.options.isSet("quiet") {
            try printOutput(entries.reduce("") { $0 + $1.state.id + "\n" })
        } else if invocation.options.value("format") == "json" {
            var writer = JSONWriter()
            writer.array { writer in for entry in entries { entry.state.writeDescription(entry.status, to: &writer) } }
            try printOutput(writer.text + "\n")
        } else {
            var table = Table(["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"])
            for entry in entries {
                let state = entry.state
                table.add([
                    state.id, String(entry.status == .stopped ? 0 : state.pid), entry.status.name, state.bundle,
                    RFC3339.text(nanoseconds: state.createdNanoseconds), userName(state.ownerUID),
                ])
            }
            try printOutput(table.text)
        }
        return 0
    }
}
