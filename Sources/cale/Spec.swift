import CLI
import ContainerRuntime
import Diagnostics
import Kernel
import OCISpec

extension Cale {
    /// `cale spec`: answers the exit status.
    static func spec(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let file = Path(invocation.options.value("bundle") ?? ".").appending("config.json")
        let text = defaultConfiguration(
            rootless: invocation.options.isSet("rootless"), cgroupNamespace: hostHasVersion2Cgroups(), uid: effectiveUserID(), gid: effectiveGroupID())
        do throws(Errno) {
            try FileDescriptor.open(file, [.writeOnly, .create, .exclusive], mode: 0o644).write(text + "\n")
        } catch {
            let hint: String? =
                switch error {
                case .exists: "remove it first, if a new one is wanted"
                case .noEntry, .notDirectory: "--bundle names a directory that exists"
                default: nil
                }
            throw OperationError("write", file.text, .errno(error), hint: hint)
        }
        return 0
    }
}
