import CLI
import ContainerRuntime
import Diagnostics
import Kernel

extension Cale {
    /// `cale exec`: answers the exit status of the program, 0 when detached; 126 and 127 where a shell would, for a program that
    /// cannot be executed or is not there; 255 for what else keeps it from running.
    static func exec(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        do throws(OperationError) {
            var options = try execOptions(invocation, settings)
            try SealedExecutable.ensure(arguments: programArguments())
            if options.processFile != nil && !options.changes.arguments.isEmpty {
                // as with runc, whose callers do not always look
                settings.log.warn("COMMAND beside --process: args of the file are the command, ignoring")
                options.changes.arguments = []
            }
            switch try execInContainer(options, in: try settings.openRoot(for: options.id.text), warn: settings.log.warn) {
            case .detached: return 0
            case .ended(let status): return status
            }
        } catch {
            let status = shellStatus(of: error)
            settings.log.report(error.within("exec \(quoted(invocation.positionals[0]))"))
            return status
        }
    }

    private static func shellStatus(of error: OperationError) -> Int32 {
        guard error.operation == ExecStatus.operation else { return 255 }
        return ExecStatus.isMissing(error) ? 127 : 126
    }

    private static func execOptions(_ invocation: Invocation, _ settings: Settings) throws(OperationError) -> ExecOptions {
        let values = invocation.options
        var options = ExecOptions(id: try ContainerID(invocation.positionals[0]), cgroup: try ExecCgroup(values.values("cgroup")))
        options.processFile = values.value("process").map { Path($0) }
        options.changes = try changes(invocation)
        options.detaches = values.isSet("detach")
        options.pidFile = values.value("pid-file").map { Path($0) }
        options.consoleSocket = values.value("console-socket").map { Path($0) }
        options.pidfdSocket = values.value("pidfd-socket").map { Path($0) }
        options.preservedDescriptors = try preservedDescriptors(invocation, reading: invocation.options.value("process"))
        options.ignoresPaused = values.isSet("ignore-paused")
        if invocation.global.isSet("debug") { options.trace = settings.log.debug }
        return options
    }

    private static func changes(_ invocation: Invocation) throws(OperationError) -> ProcessChanges {
        let values = invocation.options
        var changes = ProcessChanges()
        changes.arguments = Array(invocation.positionals.dropFirst())
        if changes.arguments.isEmpty && values.value("process") == nil {
            throw OperationError("read arguments", "", .invalid("COMMAND is missing"), hint: "or describe the process in a file: --process FILE")
        }
        changes.cwd = values.value("cwd").flatMap { $0.isEmpty ? nil : $0 }
        if let cwd = changes.cwd, !cwd.hasPrefix("/") { throw OperationError("read option", "--cwd", .invalid("\(quoted(cwd)) is not an absolute path")) }
        changes.environment = values.values("env")
        for entry in changes.environment where !entry.utf8.dropFirst().contains(UInt8(ascii: "=")) || entry.hasPrefix("=") {
            throw OperationError("read option", "--env", .invalid("\(quoted(entry)) is not NAME=value"))
        }
        if values.value("tty") != nil { changes.terminal = values.isSet("tty") }
        changes.user = values.value("user").flatMap { $0.isEmpty ? nil : $0 }
        for list in values.values("additional-gids") {
            for word in list.split(separator: ",", omittingEmptySubsequences: false) {
                guard let gid = UInt32(word), gid != .max, word.utf8.allSatisfy({ UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }) else {
                    throw OperationError("read option", "--additional-gids", .invalid("\(quoted(String(word))) is not a group id"))
                }
                changes.additionalGroups.append(gid)
            }
        }
        changes.selinuxLabel = values.value("process-label").flatMap { $0.isEmpty ? nil : $0 }
        changes.apparmorProfile = values.value("apparmor").flatMap { $0.isEmpty ? nil : $0 }
        if values.value("no-new-privs") != nil { changes.noNewPrivileges = values.isSet("no-new-privs") }
        changes.capabilities = values.values("cap").flatMap { $0.split(separator: ",").map { capabilityName(String($0)) } }
        return changes
    }

    /// "CAP_CHOWN" for "chown" and "CAP_CHOWN": what people type.
    private static func capabilityName(_ word: String) -> String {
        let name = word.uppercased()
        return name.hasPrefix("CAP_") ? name : "CAP_" + name
    }
}
