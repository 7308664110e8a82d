// How limits are changed: an update names some of them, and the others stay.
// What each limit means is in Resources.swift and its neighbours.

extension LinuxResources {
    /// These limits with those of `update` in their place.
    ///
    /// What an update does not name stays, and so does what it names with the value that means "not asked for": 0 for bytes,
    /// shares, quota, periods and weights, "" for lists of CPUs and nodes. Device rules are not changed by updates.
    /// Lifting the limit of memory lifts that of memory and swap together, unless the update names one.
    package func updated(by update: LinuxResources) -> LinuxResources {
        var result = self
        result.memory = part(memory, by: update.memory) { $0.updated(by: $1) }
        result.cpu = part(cpu, by: update.cpu) { $0.updated(by: $1) }
        if let limit = update.pids?.limit { result.pids = LinuxPids(limit: limit) }
        result.blockIO = part(blockIO, by: update.blockIO) { $0.updated(by: $1) }
        result.hugepageLimits = merged(hugepageLimits, by: update.hugepageLimits) { $0.pageSize == $1.pageSize }
        result.network = part(network, by: update.network) { $0.updated(by: $1) }
        result.rdma = merged(rdma, by: update.rdma) { $0.device == $1.device }
        result.unified = merged(unified, by: update.unified) { $0.file == $1.file }
        return result
    }

    private func part<Part>(_ present: Part?, by update: Part?, _ merge: (Part, Part) -> Part) -> Part? {
        guard let present, let update else { return update ?? present }
        return merge(present, update)
    }
}

/// `present` with the entries of `update` in the place of those that are about the same.
private func merged<Entry>(_ present: [Entry], by update: [Entry], isSame: (Entry, Entry) -> Bool) -> [Entry] {
    present.filter { old in !update.contains { isSame(old, $0) } } + update
}

/// `update`, unless it is missing or 0.
private func merged<Number: BinaryInteger>(_ present: Number?, by update: Number?) -> Number? { update ?? 0 == 0 ? present : update }

/// `update`, unless it is missing or empty.
private func merged(_ present: String?, by update: String?) -> String? { (update ?? "").isEmpty ? present : update }

extension LinuxMemory {
    fileprivate func updated(by update: LinuxMemory) -> LinuxMemory {
        var result = self
        result.limit = merged(limit, by: update.limit)
        result.swap = merged(swap, by: update.swap)
        if update.limit == -1, update.swap ?? 0 == 0, result.swap != nil { result.swap = -1 }
        result.reservation = merged(reservation, by: update.reservation)
        result.kernel = merged(kernel, by: update.kernel)
        result.kernelTCP = merged(kernelTCP, by: update.kernelTCP)
        result.swappiness = update.swappiness ?? swappiness
        result.disableOOMKiller = update.disableOOMKiller ?? disableOOMKiller
        result.useHierarchy = update.useHierarchy ?? useHierarchy
        result.checkBeforeUpdate = update.checkBeforeUpdate ?? checkBeforeUpdate
        return result
    }
}

extension LinuxCPU {
    fileprivate func updated(by update: LinuxCPU) -> LinuxCPU {
        LinuxCPU(
            shares: merged(shares, by: update.shares), quota: merged(quota, by: update.quota), burst: update.burst ?? burst,
            period: merged(period, by: update.period), realtimeRuntime: merged(realtimeRuntime, by: update.realtimeRuntime),
            realtimePeriod: merged(realtimePeriod, by: update.realtimePeriod), cpus: merged(cpus, by: update.cpus),
            mems: merged(mems, by: update.mems), idle: update.idle ?? idle)
    }
}

extension LinuxBlockIO {
    fileprivate func updated(by update: LinuxBlockIO) -> LinuxBlockIO {
        func throttles(_ present: [ThrottleDevice], _ update: [ThrottleDevice]) -> [ThrottleDevice] {
            merged(present, by: update) { $0.major == $1.major && $0.minor == $1.minor }
        }
        return LinuxBlockIO(
            weight: merged(weight, by: update.weight), leafWeight: merged(leafWeight, by: update.leafWeight),
            weightDevice: merged(weightDevice, by: update.weightDevice) { $0.major == $1.major && $0.minor == $1.minor },
            throttleReadBpsDevice: throttles(throttleReadBpsDevice, update.throttleReadBpsDevice),
            throttleWriteBpsDevice: throttles(throttleWriteBpsDevice, update.throttleWriteBpsDevice),
            throttleReadIOPSDevice: throttles(throttleReadIOPSDevice, update.throttleReadIOPSDevice),
            throttleWriteIOPSDevice: throttles(throttleWriteIOPSDevice, update.throttleWriteIOPSDevice))
    }
}

extension LinuxNetwork {
    fileprivate func updated(by update: LinuxNetwork) -> LinuxNetwork {
        LinuxNetwork(
            classID: merged(classID, by: update.classID),
            priorities: merged(priorities, by: update.priorities) { $0.name == $1.name })
    }
}
