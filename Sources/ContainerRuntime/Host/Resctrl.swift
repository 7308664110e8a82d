// The groups of resctrl: made before the init, joined by it and by whatever joins it later, removed with the container.
// Source: kernel arch/x86/resctrl.rst.
package import Cgroups
package import Diagnostics
package import Kernel

/// Resource control by resctrl.
package enum Resctrl {
    /// Finds the file system: a lookup that only a configuration with `linux.intelRdt` pays for.
    static func host() throws(OperationError) -> ResctrlHost {
        let mounts: [MountInfo]
        do throws(Errno) { mounts = try MountInfo.current() } catch { throw OperationError("read", "/proc/self/mountinfo", .errno(error)) }
        // the root of it, not a group that is bind mounted somewhere
        let root = mounts.first { $0.type == "resctrl" && $0.root == "/" }?.mountPoint
        return ResctrlHost(root: root, text: { path in
            do throws(Errno) {
                return String(decoding: try FileDescriptor.open(path, [.readOnly, .noFollow]).readAll(limit: 1 << 20), as: UTF8.self)
            } catch {
                return nil
            }
        })
    }

    /// Makes the groups of `plan` and gives the class its limits. Removes them when that fails.
    ///
    /// - Parameter flags: how files are opened; resctrl makes them together with their directory.
    /// - Throws: `.errno`, with what the kernel says in info/last_cmd_status as the hint.
    package static func make(_ plan: ResctrlPlan, flags: OpenFlags = [.writeOnly, .noFollow]) throws(OperationError) {
        var made: [Path] = []
        do throws(OperationError) {
            if plan.makesGroup {
                try makeGroup(plan.group, field: "linux.intelRdt", plan.root)
                made.append(plan.group)
            }
            // one write a line, so that an error names it
            for line in plan.lines { try write(line.text, to: plan.group.appending("schemata"), flags: flags, field: line.field, plan.root) }
            if let monitoring = plan.monitoring { try makeGroup(monitoring, field: "linux.intelRdt.enableMonitoring", plan.root) }
        } catch {
            for path in made { do throws(Errno) { try removeFile(path, directory: true) } catch {} }  // the first error is the one to tell
            throw error
        }
    }

    private static func makeGroup(_ path: Path, field: String, _ root: Path) throws(OperationError) {
        do throws(Errno) { try makeDirectory(path, permissions: 0o755) } catch {
            throw OperationError("make resctrl group", path.text, .errno(error), field: field, hint: reason(error, root))
        }
    }

    private static func write(_ text: String, to path: Path, flags: OpenFlags, field: String, _ root: Path) throws(OperationError) {
        do throws(Errno) { try FileDescriptor.open(path, flags, mode: 0o600).writeAtOnce(text + "\n") } catch {
            throw OperationError("write \(quoted(text)) to", path.text, .errno(error), field: field, hint: reason(error, root))
        }
    }

    /// Gives the class `group` other limits. After a refusal it has the old ones again.
    ///
    /// - Returns: the lines that undo it.
    /// - Throws: as `make`.
    package static func change(
        _ group: Path, _ lines: [ResctrlPlan.Line], root: Path, flags: OpenFlags = [.writeOnly, .noFollow]
    ) throws(OperationError) -> [ResctrlPlan.Line] {
        let path = group.appending("schemata")
        let old: [ResctrlPlan.Line]
        do throws(Errno) {
            old = ResctrlPlan.present(String(decoding: try FileDescriptor.open(path, [.readOnly, .noFollow]).readAll(limit: 1 << 20), as: UTF8.self), for: lines)
        } catch {
            throw OperationError("read", path.text, .errno(error), field: "linux.intelRdt")
        }
        do throws(OperationError) {
            for line in lines { try write(line.text, to: path, flags: flags, field: line.field, root) }
        } catch {
            undo(old, in: group, flags: flags)
            throw error
        }
        return old
    }

    /// Gives the class `group` its limits again, as far as the kernel lets it: the error that led here is the one to tell.
    package static func undo(_ lines: [ResctrlPlan.Line], in group: Path, flags: OpenFlags = [.writeOnly, .noFollow]) {
        for line in lines { do throws(Errno) { try FileDescriptor.open(group.appending("schemata"), flags, mode: 0o600).writeAtOnce(line.text + "\n") } catch {} }
    }

    /// Puts all threads of `cgroup` into the class `group`, also those that are made meanwhile.
    ///
    /// - Throws: as `join`; `EBUSY` when there are ever new ones.
    package static func moveAll(of cgroup: Cgroup, into group: Path, flags: OpenFlags = [.writeOnly, .noFollow]) throws(OperationError) {
        var moved = Set<Int32>()
        for _ in 0..<200 {
            // whoever is in the class makes children that are in it too
            let others = try cgroup.threads().filter { !moved.contains($0) }
            if others.isEmpty { return }
            for thread in others {
                do throws(OperationError) { try join([group], pid: thread, flags: flags) } catch { if error.errno != .noProcess { throw error } }
                moved.insert(thread)
            }
        }
        throw OperationError("put container into", group.text, .errno(.busy), field: "linux.intelRdt", hint: "it makes processes faster than they can be moved")
    }

    /// What the kernel has to say of the last operation, or what usually helps.
    private static func reason(_ errno: Errno, _ root: Path) -> String? {
        do throws(Errno) {
            let status = try readFile(root.appending("info").appending("last_cmd_status"), limit: 4096)
            let line = String(decoding: status.prefix { $0 != 0x0A }, as: UTF8.self)
            if !line.isEmpty && line != "ok" { return "resctrl: " + escaped(line) }
        } catch {}  // an old kernel: the errno alone
        switch errno {
        case .noSpace: return "all classes of service or monitoring groups of this machine are in use"
        case .noEntry: return "this machine has no such resource control"
        default: return nil
        }
    }

    /// Puts the process `pid` into `groups`, the class of service first.
    package static func join(_ groups: [Path], pid: Int32, flags: OpenFlags = [.writeOnly, .noFollow]) throws(OperationError) {
        for group in groups {
            let path = group.appending("tasks")
            do throws(Errno) { try FileDescriptor.open(path, flags, mode: 0o600).writeAtOnce("\(pid)\n") } catch {
                throw OperationError("write \"\(pid)\" to", path.text, .errno(error), field: "linux.intelRdt")
            }
        }
    }

    /// Removes `directories` in their order; those that are gone are no error.
    package static func remove(_ directories: [Path]) throws(OperationError) {
        for path in directories {
            do throws(Errno) { try removeFile(path, directory: true) } catch where error == .noEntry {} catch {
                throw OperationError("remove resctrl group", path.text, .errno(error))
            }
        }
    }
}
