import CLI
import ContainerRuntime
import Diagnostics
import Kernel

extension Cale {
    /// `cale create`: answers the exit status.
    static func create(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        var options = try creationOptions(invocation, settings)
        try SealedExecutable.ensure(arguments: programArguments())
        options.notifies = settings.supervisor() != nil
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
        options.activatedSockets = ActivatedSockets.inEnvironment(of: processID(), environment)
        options.preservedDescriptors = try preservedDescriptors(invocation, after: options.activatedSockets?.count ?? 0, reading: invocation.options.value("config"))
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
    /// - Parameters:
    ///   - activated: how many are of socket activation.
    ///   - file: what is still to be read: the descriptor that it names stays open for this process.
    static func preservedDescriptors(_ invocation: Invocation, after activated: Int32 = 0, reading file: String?) throws(OperationError) -> Int32 {
        let asked: Int32 = try invocation.options.integer("preserve-fds", in: 0...1024) ?? 0
        let count = asked + activated
        for number in 3..<(3 + count) where !isOpen(descriptor: number) {
            throw OperationError("preserve descriptor", "\(number)", .errno(.badDescriptor), hint: "--preserve-fds and LISTEN_FDS count from 3 without gaps")
        }
        var next = 3 + count
        if let number = descriptor(named: file), number >= next {
            if number > next { closeDescriptors(from: next, through: number - 1) }
            next = number + 1
        }
        closeDescriptors(from: next, through: .max)
        return count
    }

    /// The descriptor that a path means, as a shell's `<(command)` is /dev/fd/63: no process of the container gets it.
    private static func descriptor(named path: String?) -> Int32? {
        guard let path else { return nil }
        for place in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(place) {
            if let number = Int32(path.dropFirst(place.utf8.count)), number >= 0, number < .max { return number }
        }
        return nil
    }
}
