import JSON

/// What is sent to the seccomp agent together with the descriptors named in `fds`.
///
/// Source: config-linux.md "The Container Process State" (RT-config-linux-184 to RT-config-linux-191).
package struct ContainerProcessState: Equatable, Sendable {
    package var ociVersion: String
    /// What the descriptors that travel with this text are, in their order: ["seccompFd"].
    package var fds: [String]
    /// The container's process as the runtime sees it.
    package var pid: Int32
    /// `linux.seccomp.listenerMetadata`.
    package var metadata: String?
    package var state: State

    package init(ociVersion: String = Version.supported, fds: [String], pid: Int32, metadata: String?, state: State) {
        self.ociVersion = ociVersion
        self.fds = fds
        self.pid = pid
        self.metadata = metadata
        self.state = state
    }

    /// The state as JSON text on one line.
    package var text: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("ociVersion", ociVersion)
            writer.member("fds", fds)
            writer.member("pid", pid)
            if let metadata { writer.member("metadata", metadata) }
            writer.key("state")
            state.write(to: &writer)
        }
        return writer.text
    }
}
