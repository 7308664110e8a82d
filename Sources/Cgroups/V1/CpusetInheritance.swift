import Diagnostics
import Kernel

extension CgroupBuilder {
    /// Gives a version 1 cpuset the CPUs and memory nodes of its parent, where the plan has no own ones: a new one has
    /// none, and nobody can join it.
    ///
    /// Source: cpuset(7), "Warnings": `cpuset.clone_children` is off by default.
    func inheritCpuset(_ directory: CgroupPlan.Directory, isNew: Bool) throws(OperationError) {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            // The planned list must lie within the parent's, so the parent needs one in any case.
            let parent = String(directory.absolute.dropLast(lastName(directory.absolute).utf8.count + 1))
            let inherited = try ensure(file, parent, root: directory.hierarchy.mountPoint)
            if directory.writes.contains(where: { $0.file == file }) { continue }
            if !isNew, let own = try read(file, directory.absolute) { if !own.isEmpty { continue } }
            try write(file, directory.absolute, inherited)
        }
    }

    /// The list in `file` of the cgroup `path`, which is inherited first where it is empty.
    private func ensure(_ file: String, _ path: String, root: String) throws(OperationError) -> String {
        let own = try read(file, path) ?? ""
        if !own.isEmpty || path.utf8.count <= root.utf8.count { return own }
        let inherited = try ensure(file, String(path.dropLast(lastName(path).utf8.count + 1)), root: root)
        try write(file, path, inherited)
        return inherited
    }

    private func lastName(_ path: String) -> String { Path(path).lastComponent }

    private func read(_ file: String, _ path: String) throws(OperationError) -> String? {
        do throws(Errno) {
            return words(String(decoding: try readFile(Path(path + "/" + file), limit: 65536), as: UTF8.self)).first
        } catch {
            throw OperationError("read", path + "/" + file, .errno(error))
        }
    }

    private func write(_ file: String, _ path: String, _ text: String) throws(OperationError) {
        do throws(Errno) {
            try writeFile(Path(path + "/" + file), text)
        } catch {
            throw OperationError("write \(quoted(text)) to", path + "/" + file, .errno(error))
        }
    }
}
