import CLI
import ContainerRuntime
import Diagnostics
import Kernel

extension Cale {
    /// `cale create`: answers the exit status.
    static func create(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let options = try creationOptions(invocation, settings)
        try SealedExecutable.ensure(arguments: programArguments())
        do throws(OperationError) {
            try createContainer(options, warn: settings.log.warn)
        } catch {
            throw error.within("create \(quoted(options.id.text))")
        }
        return 0
    }

    /// What `create` and `run` have in common.
    static func creationOptions(_ invocation: Invocation, _ settings: Settings) throws(OperationError) -> CreateOptions {
        var options = try bundleOptions(invocation, settings)
        options.pidfdSocket = invocation.options.value("pidfd-socket").map { Path($0) }
        options.preservedDescriptors = try preservedDescriptors(invocation)
        options.makesKeyring = !invocation.options.isSet("no-new-keyring")
        if invocation.global.isSet("debug") { options.trace = settings.log.debug }
        return options
    }

    /// What `create`, `run` and `restore` have in common.
    static func bundleOptions(_ invocation: Invocation, _ settings: Settings) throws(OperationError) -> CreateOptions {
        let values = invocation.options
        let id = try ContainerID(invocation.positionals[0])
        var options = CreateOptions(id: id, stateRoot: settings.stateRoot, bundle: Path(values.value("bundle") ?? "."))
        options.config = values.value("config").map { Path($0) }
        options.pidFile = values.value("pid-file").map { Path($0) }
        options.consoleSocket = values.value("console-socket").map { Path($0) }
        options.usesPivot = !values.isSet("no-pivot")
        options.usesSystemd = settings.usesSystemd
        options.usesCgroups = settings.usesCgroups
        options.toleratesMissingCgroups = settings.isRootless
        return options
    }

    /// The descriptors of socket activation and of `--preserve-fds`, from 3 on. All later ones are closed at once: they are
    /// the caller's, and a container must never see them (CVE-2024-21626).
    ///
    /// - Parameter listening: whether socket activation counts: it is for a container's first process.
    static func preservedDescriptors(_ invocation: Invocation, listening: Bool = true) throws(OperationError) -> Int32 {
        let asked: Int32 = try invocation.options.integer("preserve-fds", in: 0...1024) ?? 0
        let activated = !listening ? 0 : environment("LISTEN_FDS").flatMap { Int32($0) }.map { max(0, min($0, 1024)) } ?? 0
        let count = asked + activated
        for number in 3..<(3 + count) where !isOpen(descriptor: number) {
            throw OperationError("preserve descriptor", "\(number)", .errno(.badDescriptor), hint: "--preserve-fds and LISTEN_FDS count from 3 without gaps")
        }
        closeDescriptors(from: 3 + count, through: .max)
        return count
    }
}
