// Version 2: a cgroup has a controller's files when each cgroup above it hands the controller down.
import Diagnostics
import Kernel

/// Enables controllers on the way from a hierarchy's root to a container's cgroup.
struct ControllerSwitch {
    private let directory: CgroupPlan.Directory
    private let needed: [String]

    init(_ directory: CgroupPlan.Directory) {
        self.directory = directory
        needed = directory.needed.map { $0.name }
    }

    /// - Parameter makeParents: makes the missing cgroups from the root to the given absolute path, if the caller may.
    /// - Throws: the errno for the first needed controller that a cgroup does not hand down.
    /// Source: kernel cgroup-v2.rst, "Controlling Controllers"; RT-config-linux-118, 120.
    func enable(makeParents: (String) throws(OperationError) -> Void = { _ in }) throws(OperationError) {
        if directory.hierarchy.version == .v1 || (needed.isEmpty && directory.wanted.isEmpty) { return }
        var parent = directory.hierarchy.mountPoint
        var parents = [parent]
        for name in directory.path.split(separator: "/").dropLast() {
            parent += "/" + name
            parents.append(parent)
        }
        // Mostly everything is enabled already.
        if missing(from: parent, needed + directory.wanted).isEmpty { return }
        for parent in parents {
            if parent != parents[0] { try makeParents(parent) }
            try enable(in: parent)
        }
    }

    /// Those of `names` that the cgroup `parent` does not hand down; all, if there is no such cgroup.
    private func missing(from parent: String, _ names: [String]) -> [String] {
        do throws(Errno) {
            let enabled = words(String(decoding: try readFile(Path(parent + "/" + file), limit: 4096), as: UTF8.self))
            return names.filter { !enabled.contains($0) }
        } catch {
            return names
        }
    }

    private func enable(in parent: String) throws(OperationError) {
        let missing = missing(from: parent, needed + directory.wanted)
        if missing.isEmpty { return }
        do throws(Errno) {
            return try writeFile(Path(parent + "/" + file), missing.map { "+" + $0 }.joined(separator: " "))
        } catch {
            // One by one: the kernel enables all or none of a write.
            for name in missing {
                do throws(Errno) {
                    try writeFile(Path(parent + "/" + file), "+" + name)
                } catch {
                    guard let reason = directory.needed.first(where: { $0.name == name }) else { continue }  // only wanted
                    throw OperationError(
                        "enable the controller \(name) in", parent + "/" + file, .errno(error), field: reason.field, hint: Self.hint(error))
                }
            }
        }
    }

    private var file: String { "cgroup.subtree_control" }

    private static func hint(_ error: Errno) -> String? {
        switch error {
        case .busy:
            "a cgroup with processes of its own cannot hand controllers down: move them into a cgroup below, or choose a cgroupsPath elsewhere"
        case .noEntry: "the cgroup above does not delegate this controller"
        case .accessDenied, .notPermitted, .readOnlyFilesystem: "the cgroup is not delegated to this user"
        case .notSupported: "the cgroup is threaded"
        default: nil
        }
    }
}
