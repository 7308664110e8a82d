// A failed step in words: the plan knows what was done and which property asked for it; the errno says why it failed;
// the hint says what usually helps.
import ContainerInit
package import Diagnostics
import Kernel

extension ContainerPlan {
    /// Words the failure of step `index`.
    package func error(step index: Int, errno: Errno) -> OperationError {
        guard steps.indices.contains(index) else { return OperationError("set up", "container", .errno(errno)) }
        return error(steps[index], errno)
    }

    func error(_ planned: PlannedStep, _ errno: Errno) -> OperationError {
        if case .findProgram(let name, let searchPath) = planned.step { return programError(name, searchPath: searchPath, errno: errno, field: planned.field) }
        if planned.step == .execute { return executionError(errno: errno, field: planned.field) }
        let summary = planned.step.summary
        return OperationError(summary.operation, summary.subject, .errno(errno), field: planned.field, hint: hint(for: planned.step, errno))
    }

    /// Callers look for "executable file not found in $PATH", "no such file or directory" and "permission denied".
    private func programError(_ name: String, searchPath: [String], errno: Errno, field: String?) -> OperationError {
        let isPath = name.utf8.contains(UInt8(ascii: "/"))
        switch errno {
        case .noEntry where name.hasPrefix("-") && isExec:
            return OperationError(
                "execute", name, .invalid("executable file not found in $PATH (ENOENT)"), field: field, hint: "options of \"exec\" stand before the container's id")
        case .noEntry where name.utf8.contains(UInt8(ascii: " ")):
            let words = name.split(separator: " ").map { quoted(String($0)) }.joined(separator: ", ")
            return OperationError(
                "execute", name, .invalid(isPath ? "no such file or directory (ENOENT)" : "executable file not found in $PATH (ENOENT)"), field: field,
                hint: isExec ? "quotes make one word of it" : "each word is an entry of its own: [\(words)]")
        case .noEntry where isPath:
            return OperationError("execute", name, .invalid("no such file or directory (ENOENT)"), field: field, hint: "the path counts from the container's root")
        case .noEntry:
            return OperationError(
                "execute", name, .invalid("executable file not found in $PATH (ENOENT)"), field: field,
                hint: "searched in the container: \(searchPath.joined(separator: ":"))")
        case .accessDenied:
            return OperationError(
                "execute", name, .invalid("permission denied (EACCES)"), field: field, hint: "it must be an executable file for the user of the process")
        default: return OperationError("execute", name, .errno(errno), field: field)
        }
    }

    private func executionError(errno: Errno, field: String?) -> OperationError {
        let name = arguments.first ?? ""
        switch errno {
        case .noEntry:
            return OperationError(
                "execute", name, .invalid("no such file or directory (ENOENT)"), field: field,
                hint: "the program is there, but the interpreter that it names is not: is its dynamic loader in the image?")
        case .notExecutable:
            return OperationError(
                "execute", name, .invalid("exec format error (ENOEXEC)"), field: field, hint: "it is built for another architecture, or a script without #!")
        case .accessDenied: return OperationError("execute", name, .invalid("permission denied (EACCES)"), field: field)
        default: return OperationError("execute", name, .errno(errno), field: field)
        }
    }

    private func hint(for step: Step, _ errno: Errno) -> String? {
        switch (step, errno) {
        case (.mount(let mount), .tooManyLinks) where mount.refusesLinks: return "it must be mounted on ordinary directory, not on a link"
        case (.mount, .tooManyLinks), (.mountCgroups, .tooManyLinks): return "links in the image lead in a circle, or into /proc, where nothing may be mounted"
        case (.mount(let mount), .notDirectory) where mount.refusesLinks: return "it must be mounted on ordinary directory"
        case (.mount(let mount), .notPermitted):
            if case .new("proc", _, _) = mount.source { return "procfs needs a pid namespace, and in a user namespace an unmasked /proc on the host" }
            if case .new("sysfs", _, _) = mount.source { return "sysfs in a user namespace needs a network namespace of the container's own" }
            if case .handle = mount.source { return "in a user namespace the source keeps its ro, nosuid, nodev, noexec and access times: leave such options out" }
            if case .new = mount.source { return "in a user namespace the kernel mounts some file systems only, such as tmpfs, overlay and fuse" }
            return nil
        case (.mount(let mount), .noDevice):
            if case .new(let type, _, _) = mount.source { return "the kernel has no file system \(quoted(type))" }
            return nil
        case (.mount(let mount), .invalid), (.mount(let mount), .notDirectory):
            switch mount.source {
            case .bind, .handle: return "a directory is mounted on a directory, a file on a file"
            case .new(_, _, let options), .remount(let options):
                if errno == .notDirectory { return nil }
                for option in options { if let hint = MountOptions.correction(of: option) { return hint } }
                return "the file system does not know one of the options, or its value" + (options.isEmpty ? "" : ": " + options.joined(separator: ","))
            }
        case (.joinKeyring, .quotaExceeded): return "the user's quota of keys is used up (kernel.keys.maxkeys); --no-new-keyring leaves the caller's keyring"
        case (.mount, .readOnlyFilesystem), (.makeDevice, .readOnlyFilesystem), (.makeLink, .readOnlyFilesystem), (.mountCgroups, .readOnlyFilesystem):
            return "the mount point is missing and cannot be made: add it to the image"
        case (.setOOMScore, .accessDenied): return "a value below the runtime's own needs CAP_SYS_RESOURCE"
        case (.setAffinity, .invalid): return "none of these CPUs is there, or the container's cgroup has none of them"
        case (.joinCgroups, .noDevice): return "the container has been deleted meanwhile"
        case (.setSysctl, .noEntry): return "the kernel has no such setting, or none for each namespace"
        case (.setSysctl(_, let value, _), .invalid), (.setSysctl(_, let value, _), .outOfRange): return "the kernel refuses the value \(quoted(value))"
        case (.setLimit, .notPermitted): return "raising a hard limit needs CAP_SYS_RESOURCE"
        case (.setMemoryPolicy, .invalid): return "the nodes must have memory and be allowed by cpuset.mems, and the kernel know the mode and its flags"
        case (.setMemoryPolicy, .noSystemCall): return "the kernel was built without NUMA"
        case (.setScheduler(let attributes), .notPermitted) where attributes.policy == 6:
            return "it needs CAP_SYS_NICE, and this process scheduler can't be used together with AllowedCPUs: all processors must be the process'"
        case (.setScheduler, .notPermitted): return "real-time policies and negative nice values need CAP_SYS_NICE"
        case (.enterDirectory, .noEntry):
            let wasTried = steps.contains { if case .makeWorkingDirectory = $0.step { true } else { false } }
            return wasTried ? "it does not exist in the container and could not be made" : "it does not exist in the container"
        case (.enterDirectory, .tooManyLinks): return "it must not lead through /proc"
        case (.openNull, .noDevice), (.openNull, .noEntry): return "/dev/null of the container is not the null device, and masks need it"
        case (.makeDevice, .exists): return "something else has that name"
        case (.setTerminal, .noEntry), (.setTerminal, .noDevice): return "a terminal needs devpts mounted at /dev/pts"
        case (.makeDevice, .notPermitted): return "making devices needs CAP_MKNOD in the host's user namespace"
        case (.setIdentity, .invalid): return "the ids must be mapped in the user namespace"
        case (.loadSeccomp, .accessDenied), (.loadSeccomp, .notPermitted): return "without CAP_SYS_ADMIN set process.noNewPrivileges"
        case (.compareRoots, .stale): return "the container's first process has changed its root, and with it the files of users: name users by number"
        case (.continueInContainer, .tryAgain): return "the limit of processes of the user or of a cgroup is reached"
        case (.continueInContainer, .notPermitted), (.continueInContainer, .noSystemCall):
            return "the seccomp profile must let clone(2) pass where process.noNewPrivileges is not set"
        case (.labelExec, _): return "is the profile loaded, and the security module active?"
        case (.continueInChild, .noSpace), (.unshareNamespaces, .noSpace): return "the limits in /proc/sys/user are reached"
        default: return nil
        }
    }
}
