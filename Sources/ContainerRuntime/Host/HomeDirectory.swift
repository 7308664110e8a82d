import Diagnostics
import Kernel

/// The home directory of `uid` by /etc/passwd of the rootfs; "/" where that says nothing.
func homeDirectory(of uid: UInt32, rootfs: Path) -> String {
    do throws(Errno) {
        return ContainerUsers(root: try FileDescriptor.open(rootfs, [.path, .directory])).home(of: uid)
    } catch {
        return "/"
    }
}
