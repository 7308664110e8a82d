import Diagnostics
import Kernel
import OCISpec

/// The program that decides about system calls whose action is SCMP_ACT_NOTIFY.
enum SeccompAgent {
    /// Sends the listener and the container process state to the agent, once, and closes the connection.
    ///
    /// Source: config-linux.md "The Container Process State" (RT-config-linux-184 to RT-config-linux-191).
    static func handOver(_ listener: consuming FileDescriptor, pid: Int32, plan: ContainerPlan, state: State) throws(OperationError) {
        guard let agent = plan.seccompAgent else {
            throw OperationError("hand over", "seccomp listener", .invalid("nobody receives it"), field: "linux.seccomp.listenerPath")
        }
        let socket = try ConsoleSocket.connect(agent.path, option: "linux.seccomp.listenerPath", operation: "failed to connect with seccomp agent")
        let text = ContainerProcessState(fds: ["seccompFd"], pid: pid, metadata: agent.metadata, state: state).text
        do throws(Errno) {
            try socket.send(Array(text.utf8), passing: listener)
        } catch {
            throw OperationError("send seccomp listener to", agent.path.text, .errno(error), field: "linux.seccomp.listenerPath")
        }
    }
}

/// Where an agent listens, and what it is told.
struct PlannedSeccompAgent: Equatable, Sendable {
    var path: Path
    var metadata: String?
}
