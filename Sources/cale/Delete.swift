import CLI
import ContainerRuntime
import Diagnostics
import Kernel

extension Cale {
    /// `cale delete`: answers the exit status.
    static func delete(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let force = invocation.options.isSet("force")
        let name = invocation.positionals[0]
        if invocation.options.isSet("regex") { return try delete(matching: name, force: force, settings) }
        let id = try ContainerID(name)
        do throws(OperationError) {
            try deleteContainer(id, in: try settings.openRoot(for: name), force: force, warn: settings.log.warn)
        } catch {
            // what was asked for with --force is there already
            if force, error.cause == .invalid("container does not exist") { return 0 }
            throw error
        }
        return 0
    }

    /// All that can be deleted are; the first failure is the one that is told.
    private static func delete(matching pattern: String, force: Bool, _ settings: Settings) throws(OperationError) -> Int32 {
        let root = try StateRoot.open(settings.stateRoot, creating: false)
        var first: OperationError?
        for id in try root.identifiers() {
            guard let matches = matches(id.text, pattern: pattern) else {
                throw OperationError("delete containers", pattern, .invalid("this is no regular expression"))
            }
            guard matches else { continue }
            do throws(OperationError) {
                try deleteContainer(id, in: root, force: force, warn: settings.log.warn)
            } catch {
                if first == nil { first = error } else { settings.log.warn(error.description) }
            }
        }
        if let first { throw first }
        return 0
    }
}
