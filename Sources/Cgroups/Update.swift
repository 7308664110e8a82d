// New limits for a cgroup that is in use: what is written, and how a failure is undone.
package import Diagnostics
import Kernel
package import OCISpec

extension LinuxResources {
    /// The limits of an update together with those that the kernel or a conversion checks them against: quota, period and
    /// burst mean something together, and so do memory and memory with swap.
    ///
    /// - Parameter present: the limits that are in force.
    package func completed(from present: LinuxResources) -> LinuxResources {
        var result = self
        if var memory, memory.limit ?? 0 != 0 || memory.swap ?? 0 != 0 {
            if memory.limit ?? 0 == 0 { memory.limit = present.memory?.limit }
            if memory.swap ?? 0 == 0, memory.limit != -1 { memory.swap = present.memory?.swap }
            if memory.checkBeforeUpdate == nil { memory.checkBeforeUpdate = present.memory?.checkBeforeUpdate }
            result.memory = memory
        }
        if var cpu, cpu.quota ?? 0 != 0 || cpu.period ?? 0 != 0 || cpu.burst != nil {
            if cpu.quota ?? 0 == 0 { cpu.quota = present.cpu?.quota }
            if cpu.period ?? 0 == 0 { cpu.period = present.cpu?.period }
            if cpu.burst == nil { cpu.burst = present.cpu?.burst }
            result.cpu = cpu
        }
        // systemd has one number for both
        if self.cpu?.idle == 0, self.cpu?.shares ?? 0 == 0 { result.cpu?.shares = present.cpu?.shares }
        return result
    }
}

extension Cgroup {
    /// Gives an existing cgroup new limits: a plan of `planCgroupUpdate`.
    ///
    /// The kernel cannot change several at once. When one is refused, those that were changed before get their old values
    /// again, as far as the kernel lets them; limits of single devices keep the new ones.
    package static func apply(_ plan: CgroupPlan) throws(OperationError) {
        var old: [(directory: String, file: String, text: String)] = []
        do throws(OperationError) {
            for directory in plan.directories where !directory.writes.isEmpty {
                try ControllerSwitch(directory).enable()
                let handle = try openCgroup(directory.absolute)
                for write in directory.writes where !write.isAboutDevice {
                    guard let line = handle.text(of: write.file)?.split(separator: "\n").first else { continue }  // not there, or nothing in it
                    old.append((directory.absolute, write.file, String(line)))
                }
                try handle.write(directory.writes, in: directory.absolute)
            }
        } catch {
            // Twice, since one of a pair may be refused before the other has its old value.
            for _ in 0..<2 {
                for (directory, file, text) in old.reversed() {
                    do throws(Errno) { try writeFile(Path(directory + "/" + file), text) } catch { continue }  // the refusal is the one to tell
                }
            }
            throw error
        }
    }
}

extension CgroupWrite {
    /// Whether the file has one entry a device, so that its first line says nothing of what is written.
    fileprivate var isAboutDevice: Bool { text.utf8.contains { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "=") } }
}
