// The groups of resctrl: made before the init, joined by it and by whatever joins it later, removed with the container.
// Source: kernel arch/x86/resctrl.rst.
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
                try makeGroup(plan.group, field: "linux.intelRdt", plan)
                made.append(plan.group)
            }
            // one write a line, so that an error names it
            for line in plan.lines { try write(line.text, to: plan.group.appending("schemata"), flags: flags, field: line.field, plan) }
            if let monitoring = plan.monitoring { try makeGroup(monitoring, field: "linux.intelRdt.enableMonitoring", plan) }
        } catch {
            for path in made { do throws(Errno) { try removeFile(path, directory: true) } catch {} }  // the first error is the one to tell
            throw error
        }
    }

    private static func makeGroup(_ path: Path, field: String, _ plan: ResctrlPlan) throws(OperationError) {
        do throws(Errno) { try makeDirectory(path, permissions: 0o755) } catch {
            throw OperationError("make resctrl group", path.text, .errno(error), field: field, hint: reason(error, plan))
        }
    }

    private static func write(_ text: String, to path: Path, flags: OpenFlags, field: String, _ plan: ResctrlPlan) throws(OperationError) {
        do throws(Errno) { try FileDescriptor.open(path, flags, mode: 0o600).writeAtOnce(text + "\n") } catch {
            throw OperationError("write \(quoted(text)) to", path.text, .errno(error), field: field, hint: reason(error, plan))
        }
    }

    /// What the kernel has to say of the last operation, or what usually helps.
    private static func reason(_ errno: Errno, _ plan: ResctrlPlan) -> String? {
        do throws(Errno) {
            let status = try readFile(plan.root.appending("info").appending("last_cmd_status"), limit: 4096)
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
