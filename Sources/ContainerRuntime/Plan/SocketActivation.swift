// What a service manager gave to the runtime, handed on to the container: descriptors of sockets, and a way to say that it is ready.
// The messages themselves are Host/NotifySocket.swift.
import Kernel
import OCISpec

/// The descriptors of socket activation. Source: sd_listen_fds(3).
package struct ActivatedSockets: Equatable, Sendable {
    /// How many, from descriptor 3 on.
    package var count: Int32
    /// Their names, with colons between; nil when they have none.
    package var names: String?

    package init(count: Int32, names: String?) {
        self.count = count
        self.names = names
    }

    /// What the environment of the process `pid` says is for it; nil for nothing. A number for another process was inherited by mistake.
    package static func inEnvironment(of pid: Int32, _ value: (String) -> String?) -> ActivatedSockets? {
        guard let count = value("LISTEN_FDS").flatMap({ Int32($0) }), (1...1024).contains(count) else { return nil }
        guard value("LISTEN_PID").flatMap({ Int32($0) }) == pid else { return nil }
        return ActivatedSockets(count: count, names: value("LISTEN_FDNAMES"))
    }
}

extension RuntimeConfig {
    /// The program has the number 1 in the pid namespace that nearly every container has; it is told that in all, as by runc and crun.
    mutating func hand(on sockets: ActivatedSockets) {
        process?.setVariable("LISTEN_FDS", "\(sockets.count)")
        process?.setVariable("LISTEN_PID", "1")
        if let names = sockets.names { process?.setVariable("LISTEN_FDNAMES", names) }
    }

    /// Mounts `directory`, in which the runtime binds a socket, where the program is told to look for it.
    mutating func offerNotifySocket(in directory: Path) {
        mountNotifyDirectory(directory)
        process?.setVariable("NOTIFY_SOCKET", Self.notifyDestination + "/" + NotifySocket.name.text)
    }

    /// Read-only: the program may write to the socket all the same, and cannot put another in its place.
    mutating func mountNotifyDirectory(_ directory: Path) {
        mounts.append(Mount(destination: Self.notifyDestination, type: "bind", source: directory.text, options: ["bind", "ro", "nosuid", "nodev", "noexec"]))
    }

    /// That of runc.
    private static var notifyDestination: String { "/run/notify" }
}

extension Process {
    fileprivate mutating func setVariable(_ name: String, _ value: String) {
        env.removeAll { $0.hasPrefix(name + "=") }
        env.append(name + "=" + value)
    }
}
