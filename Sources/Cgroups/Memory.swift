package import Diagnostics
package import OCISpec

private func field(_ name: String) -> String { resourcesField + ".memory." + name }

private func unsupported(_ what: String, _ name: String) -> OperationError {
    OperationError("limit", "memory", .unsupported(what + " on cgroup version 2"), field: field(name))
}

extension LinuxMemory {
    /// The writes that give these limits to a version 1 cgroup, in the order in which they must happen.
    ///
    /// A limit of 0 means none was asked for, as in runc: no process could start under it.
    /// Source: config-linux.md "Memory" (RT-config-linux-067 to 077); kernel cgroup-v1/memory.rst.
    package func cgroup1Writes() -> [CgroupWrite] {
        var writes: [CgroupWrite] = []
        let memory = "memory.limit_in_bytes"
        let memoryAndSwap = "memory.memsw.limit_in_bytes"
        // Without a limit of memory there is none of memory and swap either.
        let swap = self.swap ?? (limit == -1 ? -1 : 0)
        if let limit, limit != 0 {
            // The kernel wants memory <= memory+swap at every moment: raising both, the second comes first.
            writes.append(
                CgroupWrite(file: memory, text: String(limit), field: field("limit"), fallback: swap == 0 ? .none : .again(after: memoryAndSwap)))
        }
        if swap != 0 {
            // The file is missing without swap accounting: then there is no limit that could be lifted.
            writes.append(
                CgroupWrite(file: memoryAndSwap, text: String(swap), field: field("swap"), fallback: swap == -1 ? .ignoreMissing : .none))
        }
        if let reservation, reservation != 0 {
            writes.append(CgroupWrite(file: "memory.soft_limit_in_bytes", text: String(reservation), field: field("reservation")))
        }
        if let kernelTCP, kernelTCP != 0 {
            writes.append(
                CgroupWrite(
                    file: "memory.kmem.tcp.limit_in_bytes", text: String(kernelTCP), field: field("kernelTCP"),
                    fallback: kernelTCP == -1 ? .ignoreMissing : .none))
        }
        if let useHierarchy {
            writes.append(CgroupWrite(file: "memory.use_hierarchy", text: useHierarchy ? "1" : "0", field: field("useHierarchy")))
        }
        if let swappiness { writes.append(CgroupWrite(file: "memory.swappiness", text: String(swappiness), field: field("swappiness"))) }
        if let disableOOMKiller {
            // A new cgroup has the killer enabled, and enabling it is refused where it cannot be disabled.
            if disableOOMKiller { writes.append(CgroupWrite(file: "memory.oom_control", text: "1", field: field("disableOOMKiller"))) }
        }
        return writes
    }

    /// The writes that give these limits to a version 2 cgroup, in the order in which they must happen.
    ///
    /// Version 2 limits swap alone: memory+swap less memory.
    /// - Throws: `.invalid` for a swap limit without a memory limit or below it; `.unsupported` for what version 2 lacks
    ///   (RT-config-linux-122: an impossible conversion is an error).
    /// Source: config-linux.md "Memory" (RT-config-linux-067 to 077); kernel cgroup-v2.rst, "Memory".
    package func cgroup2Writes() throws(OperationError) -> [CgroupWrite] {
        if let kernelTCP, kernelTCP > 0 { throw unsupported("a limit of kernel TCP memory", "kernelTCP") }
        if swappiness != nil { throw unsupported("swappiness", "swappiness") }
        if disableOOMKiller == true { throw unsupported("disabling the OOM killer", "disableOOMKiller") }
        if useHierarchy == false { throw unsupported("memory accounting without hierarchy", "useHierarchy") }
        var writes: [CgroupWrite] = []
        let checks = checkBeforeUpdate == true
        if let swap = try cgroup2Swap() {
            // Without swap there is nothing that "max" or "0" could change.
            writes.append(
                CgroupWrite(
                    file: "memory.swap.max", text: limitText(swap), field: field("swap"),
                    fallback: swap <= 0 ? .ignoreMissing : .none, notBelow: checks ? "memory.swap.current" : nil))
        }
        if let limit, limit != 0 {
            writes.append(
                CgroupWrite(
                    file: "memory.max", text: limitText(limit), field: field("limit"), notBelow: checks ? "memory.current" : nil))
        }
        if let reservation, reservation != 0 {
            writes.append(CgroupWrite(file: "memory.low", text: limitText(reservation), field: field("reservation")))
        }
        return writes
    }

    /// The limit of swap alone in bytes; -1 for none, nil for "not asked for".
    private func cgroup2Swap() throws(OperationError) -> Int64? {
        func invalid(_ why: String) -> OperationError { OperationError("limit", "memory", .invalid(why), field: field("swap")) }
        let swap = self.swap ?? 0
        let limit = self.limit ?? 0
        if swap == 0 { return limit == -1 ? -1 : nil }
        if swap == -1 || limit == -1 { return swap }
        if limit == 0 { throw invalid("a limit of memory and swap needs a limit of memory on cgroup version 2") }
        if swap < limit { throw invalid("\(swap) is below the memory limit of \(limit): it limits memory and swap together") }
        return swap - limit
    }

    /// What was asked for and is not carried out, which the specification allows.
    package var warnings: [String] {
        var warnings: [String] = []
        if limit == 0 { warnings.append(field("limit") + " is 0, which means no limit, ignoring") }
        if let kernel, kernel > 0 {
            warnings.append(field("kernel") + " is deprecated: the kernel counts its memory in the memory limit, ignoring")
        }
        return warnings
    }
}
