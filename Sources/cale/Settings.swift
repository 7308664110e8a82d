import CLI
import ContainerRuntime
import Diagnostics
import Kernel

/// What the global options and the environment say, for all commands.
struct Settings {
    let stateRoot: Path
    let usesSystemd: Bool
    let usesCgroups: Bool
    /// What --rootless says; nil for "auto".
    let isRootless: Bool?
    let log: ErrorLog

    init(_ invocation: Invocation) throws(OperationError) {
        log = ErrorLog(invocation)
        let manager = invocation.global.value("cgroup-manager")
        usesSystemd = invocation.global.isSet("systemd-cgroup") || manager == "systemd"
        usesCgroups = manager != "disabled"
        isRootless =
            switch invocation.global.value("rootless") {
            case "true": true
            case "false": false
            default: nil
            }
        if let root = invocation.global.value("root"), !root.isEmpty {
            let path = Path(root)
            do throws(Errno) {
                stateRoot = try path.absolute()
            } catch {
                throw OperationError("find", "current directory", .errno(error))
            }
        } else {
            stateRoot = try Self.defaultRoot()
        }
    }

    private static func defaultRoot() throws(OperationError) -> Path {
        if effectiveUserID() == 0, mayWrite("/run") || environment("XDG_RUNTIME_DIR") == nil { return "/run/cale" }
        guard let directory = environment("XDG_RUNTIME_DIR"), directory.hasPrefix("/") else {
            throw OperationError(
                "find", "state root", .invalid("XDG_RUNTIME_DIR is not set"), hint: "log in with a session, or use --root DIR")
        }
        return Path(directory).appending("cale")
    }

    /// Root of a user namespace, as podman makes it for a user, is that user on the host.
    private static func mayWrite(_ directory: Path) -> Bool {
        do throws(Errno) {
            try mayAccess(directory, mode: 2)
            return true
        } catch {
            return false
        }
    }

    /// The service manager that has started this program, if one has. Without it everything works, so that it only warns of one that is gone.
    func supervisor() -> Supervisor? {
        guard let address = environment("NOTIFY_SOCKET"), !address.isEmpty else { return nil }
        do throws(OperationError) { return try Supervisor.connect(address) } catch {
            log.warn(error.description + ", ignoring")
            return nil
        }
    }

    /// The state root for commands on existing containers. A root that is not there holds none.
    func openRoot(for id: String) throws(OperationError) -> StateRoot {
        do throws(OperationError) {
            return try StateRoot.open(stateRoot, creating: false)
        } catch {
            guard error.errno == .noEntry else { throw error }
            throw OperationError(
                "open container", id, .invalid("container does not exist"), hint: "there is no state root \(stateRoot.text): did you mean another --root?")
        }
    }
}
